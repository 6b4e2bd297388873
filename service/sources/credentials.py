"""Who we are to a Git remote, kept out of sight.

`wiring` makes it from settings, `commands` hands it to Git. The token travels through an
anonymous file that only the Git processes of one command inherit: it stands in no argument,
environment, configuration file, log line or error text.
"""

import os
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from service.errors import SourceUnavailable


@dataclass(frozen=True, kw_only=True, slots=True)
class Handed:
    """What one command was given."""

    token: str = field(repr=False)
    """To be kept out of what the command says; empty when there is none."""
    descriptors: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """What proves to the remote that we may read; nothing of it prints."""

    user: str = field(default="", repr=False)
    """For https; some servers take any."""
    token: str = field(default="", repr=False)
    token_file: Path | None = field(default=None, repr=False)
    """Read again at every use, so that a rotated token needs no restart; goes before *token*."""
    ssh_key_file: Path | None = field(default=None, repr=False)
    known_hosts_file: Path | None = field(default=None, repr=False)
    ca_file: Path | None = field(default=None, repr=False)
    """Certificates that an https remote is checked against, instead of the usual ones."""
    proxy: str = field(default="", repr=False)
    """Through which http and https remotes are reached."""

    def current_token(self) -> str:
        """Return the token of this moment; empty when there is none.

        Raises `SourceUnavailable` when its file cannot be read.
        """
        if self.token_file is None:
            return self.token.strip()
        try:
            return self.token_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            cause = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise SourceUnavailable(f"the file of the Git token cannot be read: {cause}") from error

    @contextmanager
    def handed_over(self) -> Iterator[Handed]:
        """Keep open a descriptor with user and token, as `credential.sh` prints them.

        Raises `SourceUnavailable` when there is a token that cannot be used.
        """
        token = self.current_token()
        if not token:
            yield Handed(token="", descriptors=())
            return
        if any(sign in token + self.user for sign in "\n\r\0"):
            raise SourceUnavailable("the Git token has more than one line")
        descriptor = os.memfd_create("credential")
        try:
            os.write(descriptor, f"username={self.user or 'git'}\npassword={token}\n".encode())
            yield Handed(token=token, descriptors=(descriptor,))
        finally:
            os.close(descriptor)

    def http_configuration(self) -> dict[str, str]:
        """Return how Git reaches http and https remotes."""
        configuration = {} if self.ca_file is None else {"http.sslCAInfo": str(self.ca_file)}
        return configuration | ({"http.proxy": self.proxy} if self.proxy else {})

    def ssh_command(self, *, timeout: float) -> str:
        """Return the command line with which Git calls ssh, without any configuration file."""
        seconds = max(1, int(timeout))
        options = ["BatchMode=yes", "StrictHostKeyChecking=yes", f"ConnectTimeout={seconds}"]
        options += [f"ServerAliveInterval={seconds}", "ServerAliveCountMax=1"]
        if self.known_hosts_file is not None:
            options.append(f'UserKnownHostsFile="{self.known_hosts_file.absolute()}"')
        words = ["ssh", "-F", os.devnull]
        if self.ssh_key_file is not None:
            words += ["-i", str(self.ssh_key_file.absolute())]
            options.append("IdentitiesOnly=yes")
        for option in options:
            words += ["-o", option]
        return shlex.join(words)
