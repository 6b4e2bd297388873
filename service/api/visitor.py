"""Who asks: someone whom the gate knows, with the projects they may see.

The gate in front of the API (see `intake`) has already checked that they may read or operate
at all. Here is asked which projects that goes for.
"""

from collections.abc import Mapping
from typing import Any, Protocol, cast

from werkzeug.exceptions import Forbidden

_SCOPE = "asgi.scope"
_SENDER = "genexec.sender"


class Visitor(Protocol):
    """Somebody with credentials; or anybody, where none are asked for."""

    @property
    def name(self) -> str:
        """Return their name; empty for anybody."""

    @property
    def everywhere(self) -> bool:
        """Say whether they may have to do with every project."""

    def may_touch(self, project: str) -> bool:
        """Say whether they may have to do with *project*."""

    def may_send(self, type_: str) -> bool:
        """Say whether events of this type are taken from them."""


class _Anybody:
    name = ""
    everywhere = True

    def may_send(self, type_: str) -> bool:
        del type_
        return True

    def may_touch(self, project: str) -> bool:
        del project
        return True


def visitor_of(environ: Mapping[str, Any]) -> Visitor:
    """Return who asks; anybody where no gate stands in front."""
    return cast("Visitor", environ.get(_SCOPE, {}).get(_SENDER) or _Anybody())


def require_everywhere(visitor: Visitor) -> None:
    """Refuse somebody who may not see every project, with 403."""
    if not visitor.everywhere:
        raise Forbidden("this is about every project, and these credentials are for some")


def require_project(visitor: Visitor, project: str) -> None:
    """Refuse somebody who may not have to do with *project*, with 403."""
    if not visitor.may_touch(project):
        what = f"project {project!r}" if project else "what belongs to no project"
        raise Forbidden(f"these credentials are not for {what}")
