"""The messages of the wire, as tables: the executor contract, go-plugin's own.

`server` speaks them. They live in a pool of their own, because others in one process may
know packages of the same names. Field numbers are those of app protocol version 3
(Botkube 1.9 to 1.14); see also `executor.proto` beside this file.
"""

from collections.abc import Mapping
from typing import Any

from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message_factory import GetMessageClass

_SCALARS = {
    "string": FieldDescriptorProto.TYPE_STRING,
    "bytes": FieldDescriptorProto.TYPE_BYTES,
    "bool": FieldDescriptorProto.TYPE_BOOL,
    "int32": FieldDescriptorProto.TYPE_INT32,
}

_EXECUTOR: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Empty": {},
    "Config": {"rawYAML": (1, "bytes")},
    "UserContext": {"mention": (1, "string"), "displayName": (2, "string")},
    "MessageContext": {
        "text": (1, "string"),
        "url": (2, "string"),
        "parentActivityId": (3, "string"),
        "user": (4, "UserContext"),
    },
    "IncomingWebhookContext": {"baseSourceURL": (1, "string")},
    "ExecuteContext": {
        "isInteractivitySupported": (1, "bool"),
        "slackState": (2, "bytes"),
        "kubeConfig": (3, "bytes"),
        "message": (4, "MessageContext"),
        "incomingWebhook": (5, "IncomingWebhookContext"),
    },
    "ExecuteRequest": {
        "command": (1, "string"),
        "configs": (2, "repeated Config"),
        "context": (3, "ExecuteContext"),
    },
    "ExecuteResponse": {"message": (1, "bytes"), "messages": (2, "repeated bytes")},
    "JSONSchema": {"value": (1, "string"), "ref_url": (2, "string")},
    "UrlsEntry": {"key": (1, "string"), "value": (2, "string")},
    "Dependency": {"urls": (1, "repeated UrlsEntry")},
    "DependenciesEntry": {"key": (1, "string"), "value": (2, "Dependency")},
    "MetadataResponse": {
        "version": (1, "string"),
        "description": (2, "string"),
        "json_schema": (3, "JSONSchema"),
        "dependencies": (4, "repeated DependenciesEntry"),
        "documentation_url": (5, "string"),
        "recommended": (6, "bool"),
    },
    "HelpResponse": {"help": (1, "bytes")},
    # grpc.health.v1; an enum travels as a number
    "HealthCheckRequest": {"service": (1, "string")},
    "HealthCheckResponse": {"status": (1, "int32")},
}
"""Message: field: number and type. A map is a list of key and value on the wire."""


def _pool() -> DescriptorPool:
    file = FileDescriptorProto(name="genexec/botkube.proto", package="executor", syntax="proto3")
    for name, fields in _EXECUTOR.items():
        message = file.message_type.add(name=name)
        for field, (number, declared) in fields.items():
            label, _, kind = declared.rpartition(" ")
            added = message.field.add(name=field, number=number)
            repeated = FieldDescriptorProto.LABEL_REPEATED
            added.label = repeated if label else FieldDescriptorProto.LABEL_OPTIONAL
            if kind in _SCALARS:
                added.type = _SCALARS[kind]
            else:
                added.type = FieldDescriptorProto.TYPE_MESSAGE
                added.type_name = f".executor.{kind}"
    pool = DescriptorPool()
    pool.Add(file)
    return pool


_POOL = _pool()


def message_class(name: str) -> Any:  # noqa: ANN401  # made at run time
    """Return the class of a message by its name in the table."""
    return GetMessageClass(_POOL.FindMessageTypeByName(f"executor.{name}"))
