"""What may be the address of the scripts, and what may be shown of it.

`wiring` checks the setting once at start, before anything reaches Git; the sources ask for
the address of a project. An address is never expanded: it is refused, or used as it stands,
with `{project}` in the path replaced by a checked name.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from service.errors import SourceMisconfigured
from service.keptn_events import NAME

PROJECT = "{project}"
_ALWAYS = frozenset({"https", "ssh"})
SCHEMES = frozenset({"https", "ssh", "http", "file", "git"})

_HELPER = re.compile(r"[A-Za-z0-9+.-]*::")
_SCP = re.compile(r"(?P<user>[^@/:]*)@(?P<host>[^@/:]*):(?P<path>[^:]*)")
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9A-Fa-f:.]+\]")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_UNPRINTABLE = re.compile(r"[^!-~]")
_USERINFO = re.compile(r"(?<=//)\S*@")
_TOKEN_WAY = "put the token into a file and name it in GENEXEC_GIT_TOKEN_FILE"  # noqa: S105  # holds none


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """The checked address of one repository, or of one per project."""

    text: str
    scheme: str
    """One of `https`, `ssh`, `http`, `file`, `git`; `ssh` for the form `git@host:path`."""

    @property
    def per_project(self) -> bool:
        """Say whether every project has a repository of its own."""
        return PROJECT in self.text

    def address_for(self, project: str) -> str:
        """Return the address of the repository of *project*.

        Raises `SourceMisconfigured` for a project whose name cannot stand in an address.
        """
        return for_project(self.text, project)

    def __str__(self) -> str:
        return self.text


def for_project(template: str, project: str) -> str:
    """Return *template* with `{project}` replaced by the name of *project*.

    Raises `SourceMisconfigured` for a project whose name cannot stand in an address.
    """
    if PROJECT not in template:
        return template
    if not NAME.fullmatch(project):
        raise SourceMisconfigured("the name of the project cannot stand in an address")
    return template.replace(PROJECT, project)


def check_address(address: str, *, schemes: Collection[str] = ()) -> Address:
    """Return *address* when it may be given to Git.

    `https` and `ssh` are always allowed, `file`, `http` and `git` when they are in *schemes*.
    Raises `SourceMisconfigured` with the reason and the way out, and without any secret.
    """
    _refuse_tricks(address)
    bare = address.replace(PROJECT, "project")
    if "{" in bare or "}" in bare:
        raise _refused(address, "only {project} may stand in braces")
    scp = _SCP.fullmatch(bare)
    if scp:
        _check_scp(address, scp)
        return Address(text=address, scheme="ssh")
    scheme, separator, _ = bare.partition("://")
    if not separator:
        raise _refused(
            address,
            "it has no scheme; write https://…, ssh://…, git@host:path, or an existing directory",
        )
    if scheme not in SCHEMES:
        raise _refused(address, f"the scheme {scheme!r} is unknown; write https://… or ssh://…")
    if scheme not in _ALWAYS and scheme not in schemes:
        raise _refused(
            address,
            f"the scheme {scheme!r} is not allowed; use https or ssh, or allow it explicitly",
        )
    _check_url(address, bare, scheme)
    return Address(text=address, scheme=scheme)


def redacted(text: str, *secrets: str) -> str:
    """Return *text* without *secrets* and without what stands before `@` in addresses."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "***")
    return _USERINFO.sub("***@", text)


def _refuse_tricks(address: str) -> None:
    if not address:
        raise SourceMisconfigured("the address of the scripts is empty; name a Git repository")
    if _UNPRINTABLE.search(address):
        raise SourceMisconfigured(
            "the address of the scripts contains a blank, a line break or a character that is "
            "not ASCII; write such characters in percent-encoding"
        )
    if address.startswith("-"):
        raise _refused(address, "it looks like an option; an address starts with its scheme")
    if _HELPER.match(address):
        raise _refused(address, "remote helpers could run any command; use https or ssh")
    if "$" in address or "`" in address:
        raise _refused(address, "variables are not expanded in it; write the address in full")
    if "\\" in address:
        raise _refused(address, "it contains a backslash; paths are written with /")


def _check_scp(address: str, parts: re.Match[str]) -> None:
    if PROJECT in address.partition(":")[0]:
        raise _refused(address, "{project} may stand in the path only")
    if not _USER.fullmatch(parts["user"]) or not _HOST.fullmatch(parts["host"]):
        raise _refused(address, "its user or host is not a plain name")
    if not parts["path"] or parts["path"].startswith("-"):
        raise _refused(address, "its path is missing or looks like an option")


def _check_url(address: str, bare: str, scheme: str) -> None:
    try:
        parts = urlsplit(bare)
        port = parts.port
    except ValueError as error:
        raise _refused(address, "its host or port cannot be read") from error
    if PROJECT in address.removeprefix(f"{scheme}://").partition("/")[0]:
        raise _refused(address, "{project} may stand in the path only")
    if parts.query or parts.fragment or "?" in bare or "#" in bare:
        raise _refused(address, f"it has a query or a fragment; {_TOKEN_WAY}")
    _check_user(address, parts, scheme)
    host = parts.netloc.rpartition("@")[2]
    name = host if port is None else host.rpartition(":")[0]
    if scheme == "file":
        if host:
            raise _refused(address, "a file address has three slashes: file:///path")
    elif not _HOST.fullmatch(name.removesuffix(":")):
        raise _refused(address, "its host is not a plain name")
    if not parts.path.strip("/") or ".." in parts.path.split("/"):
        raise _refused(address, "it names no repository; add the path after the host")


def _check_user(address: str, parts: SplitResult, scheme: str) -> None:
    userinfo, separator, _ = parts.netloc.rpartition("@")
    if not separator:
        return
    if ":" in userinfo or scheme != "ssh":
        raise _refused(address, f"a user or password may not stand in it; {_TOKEN_WAY}")
    if not _USER.fullmatch(userinfo):
        raise _refused(address, "its user is not a plain name")


def _refused(address: str, why: str) -> SourceMisconfigured:
    head, at, tail = address.rpartition("@")
    scheme = head.partition("://")[0] + "://" if "://" in head else ""
    shown = re.split("[?#]", f"{scheme}***@{tail}" if at else tail)[0][:200]
    return SourceMisconfigured(f"the address of the scripts, {shown}, cannot be used: {why}")
