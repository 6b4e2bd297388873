"""Credentials in Keptn events; they are gone before anything sees the event.

`event` calls this for every Keptn event: what is taken out here reaches no script, no record
and no log. The API of Keptn up to 0.7 adds the token of whoever sent the event, and what
creates a project carries the way into its Git repository.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from service.strict_json import Json

_OF_GIT = {
    "gittoken",
    "gitprivatekey",
    "gitprivatekeypass",
    "gitproxypassword",
    "gitpemcertificate",
    "gitcredentials",
}
_ADDRESSES = {"gitremoteurl"}


def without_credentials(data: Mapping[str, Json]) -> Mapping[str, Json]:
    """Return *data* without what is known to be secret, there and one level below.

    *data* itself when there is nothing of that kind.
    """
    if not _worth_a_look(data):
        return data
    kept: dict[str, Json] = {}
    for name, value in _clean(data).items():
        if not isinstance(value, Mapping):
            kept[name] = value
            continue
        below = _clean(value)
        if name.lower() == "eventcontext":
            below = {key: one for key, one in below.items() if key.lower() != "token"}
        kept[name] = below
    return data if kept == data else kept


def _worth_a_look(data: Mapping[str, Json]) -> bool:
    """Say whether any key could be one of those: most events have none, and are not copied."""
    names = [*data]
    for value in data.values():
        if isinstance(value, dict):
            names += value
    joined = "\n".join(names).lower()
    return "git" in joined or "eventcontext" in joined


def _clean(fields: Mapping[str, Json]) -> dict[str, Json]:
    return {
        name: _plain_address(value) if name.lower() in _ADDRESSES else value
        for name, value in fields.items()
        if name.lower() not in _OF_GIT
    }


def _plain_address(value: Json) -> Json:
    """Return an address without user and password; one that cannot be read is left out."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value)
    except ValueError:
        return ""
    if "@" not in parts.netloc or parts.scheme not in ("http", "https"):
        return value
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
