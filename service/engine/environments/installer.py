"""How packages are installed: what uv and pip are told, and what they are not.

`building` runs the commands. No credentials stand in them, as everybody sees command lines;
the index with its credentials is a variable. Nothing else of the service's surroundings
reaches them but proxies and certificates.
"""

import contextlib
import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

from service.errors import EnvironmentNotMade
from service.strict_json import Json, compact

_HANDED_ON = ("http_proxy", "https_proxy", "no_proxy", "all_proxy", "ssl_cert_file")
_IN_ADDRESS = re.compile(r"://[^/\s@]{1,4096}@")
_QUIET = {
    "PIP_CONFIG_FILE": os.devnull,
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_KEYRING_PROVIDER": "disabled",
    "PIP_NO_CACHE_DIR": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_ROOT_USER_ACTION": "ignore",
    "UV_CONCURRENT_DOWNLOADS": "4",
    "UV_CONCURRENT_INSTALLS": "2",
    "UV_KEYRING_PROVIDER": "disabled",
    "UV_LINK_MODE": "copy",
    "UV_NO_CACHE": "1",
    "UV_NO_CONFIG": "1",
    "UV_NO_PROGRESS": "1",
    "UV_PYTHON_DOWNLOADS": "never",
    "NO_COLOR": "1",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Installer:
    """Installs from an index, a folder of wheels or both; from the public index without these."""

    python: str
    """Absolute; makes the environments, with its own version, and has pip."""
    uv: str | None = None
    """Absolute path of uv; without it pip does the work."""
    index: str = ""
    index_user: str = ""
    index_token_file: Path | None = None
    """Holds the password or token for the index; read at each use."""
    wheels: Path | None = None
    source_builds: bool = False
    """Packages may be built from source, which runs their code."""
    surroundings: Mapping[str, str]
    """Variables of the service, of which some are handed on."""

    def key(self, packages: Sequence[str], version: str) -> str:
        """Return the name of the environment for *packages* and this *version* of Python."""
        about: list[Json] = [
            list(packages),
            version,
            os.path.realpath(self.python),
            self.index,
            str(self.wheels or ""),
            self.source_builds,
        ]
        return hashlib.sha256(compact(about).encode("utf-8")).hexdigest()[:32]

    def commands(self, packages: Sequence[str], environment: Path) -> list[tuple[str, ...]]:
        """Return what makes *environment* with *packages* in it, one command after another."""
        make = (self.python, "-I", "-m", "venv", "--without-pip", str(environment))
        if not packages:
            return [make]
        python = f"{environment}/bin/python"
        tool = [self.python, "-I", "-m", "pip", "--python", python, "install"]
        if self.uv is not None:
            tool = [self.uv, "pip", "install", "--python", python, "--compile-bytecode"]
        return [make, (*tool, "--quiet", *self._sources(), "--", *packages)]

    def variables(self) -> dict[str, str]:
        """Return the variables the commands need. Raises `EnvironmentNotMade`."""
        given = {
            name: value
            for name, value in self.surroundings.items()
            if name.lower() in _HANDED_ON and value
        }
        certificates = given.get("SSL_CERT_FILE")
        if certificates:
            given["PIP_CERT"] = certificates
        return _QUIET | given | self._index_variables()

    def masked(self, text: str) -> str:
        """Return *text* without the credentials of index and proxies."""
        text = _IN_ADDRESS.sub("://***@", text)
        with contextlib.suppress(EnvironmentNotMade):
            token = self._token()
            for secret in {token, quote(token, safe="")} - {""}:
                text = text.replace(secret, "***")
        return text

    def _sources(self) -> list[str]:
        only = [] if self.source_builds else ["--only-binary", ":all:"]
        links = [] if self.wheels is None else ["--find-links", str(self.wheels)]
        offline = ["--no-index"] if self.wheels is not None and not self.index else []
        return [*only, *offline, *links]

    def _index_variables(self) -> dict[str, str]:
        if not self.index:
            return {}
        parts = urlsplit(self.index)
        address = self.index
        token = self._token()
        if token:
            who = f"{quote(self.index_user, safe='')}:{quote(token, safe='')}"
            address = parts._replace(netloc=f"{who}@{parts.netloc}").geturl()
        variables = {"PIP_INDEX_URL": address, "UV_DEFAULT_INDEX": address}
        if parts.scheme == "http":  # the operator named it, so it is trusted
            variables |= {"PIP_TRUSTED_HOST": parts.netloc, "UV_INSECURE_HOST": parts.netloc}
        return variables

    def _token(self) -> str:
        if self.index_token_file is None:
            return ""
        try:
            return self.index_token_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise EnvironmentNotMade(
                "the environment of this script could not be made: the file that "
                "GENEXEC_PYTHON_INDEX_TOKEN_FILE names cannot be read"
            ) from error
