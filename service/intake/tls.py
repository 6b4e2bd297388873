"""TLS of the web server: certificate, key, and who may connect.

`config` checks the files at start, `worker` serves with them and takes a renewed certificate
without a restart, such as one that cert-manager put into a mounted Secret.
"""

import logging
import ssl
from dataclasses import dataclass
from pathlib import Path

from service.errors import BadSettings
from service.intake.marks import marks_of

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class TlsFiles:
    """Files in PEM format."""

    certificate: Path
    """With the certificates in between, if any."""
    key: Path | None = None
    """None when it stands in the same file as the certificate."""
    client_ca: Path | None = None
    """Whoever connects shows a certificate from these authorities (mutual TLS)."""


class Tls:
    """A context for servers that follows its files."""

    def __init__(self, files: TlsFiles) -> None:
        """Load the files. Raises `BadSettings` naming the one that cannot be used."""
        self._files = files
        self._watched = tuple(
            file for file in (files.certificate, files.key, files.client_ca) if file
        )
        self._marks = marks_of(self._watched)
        self.context = _context(files)

    def renew(self) -> None:
        """Use the files for new connections if they have changed and are sound.

        Authorities are added; only a restart takes one away.
        """
        marks = marks_of(self._watched)
        if marks == self._marks:
            return
        self._marks = marks
        try:
            _context(self._files)
            _load(self._files, self.context)
        except BadSettings as error:
            said = "the new TLS files are not used, the old stay in force: %s"
            log.error(said, error)  # noqa: TRY400  # the sentence says it all
        else:
            log.info("TLS certificate read again")


def _context(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.set_alpn_protocols(["http/1.1"])
    _load(files, context)
    if files.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _load(files: TlsFiles, context: ssl.SSLContext) -> None:
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (OSError, ValueError) as error:
        key = f" with GENEXEC_TLS_KEY_FILE {files.key}" if files.key else ""
        raise _refusal(f"GENEXEC_TLS_CERT_FILE {files.certificate}{key}", error) from error
    if files.client_ca is None:
        return
    try:
        context.load_verify_locations(files.client_ca)
    except (OSError, ValueError) as error:
        raise _refusal(f"GENEXEC_TLS_CLIENT_CA_FILE {files.client_ca}", error) from error


def _no_password() -> str:
    """Answer in place of the operator, who would be asked at a terminal."""
    return ""


def _refusal(what: str, error: OSError | ValueError) -> BadSettings:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or str(error)
    words = reason.lower().replace("_", " ")
    if "pem lib" in words or words == "no start line":
        words = "what it should hold is not there in PEM format"
    return BadSettings(f"{what} cannot be used: {words}")
