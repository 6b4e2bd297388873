"""What the settings of the door say together: address, senders, TLS.

`settings` asks this at start, so that an operator learns of everything at once. Files are
opened here once to see whether they can be used; the web process opens them again.
"""

import ipaddress
from collections.abc import Mapping
from pathlib import Path

from service.errors import BadSettings
from service.intake.senders_file import check_senders
from service.intake.tls import Tls, TlsFiles

_FILES = ("senders_file", "tls_cert_file", "tls_key_file", "tls_client_ca_file")


def tls_files(
    certificate: Path | None, key: Path | None, client_ca: Path | None
) -> TlsFiles | None:
    """Return the files for https; None where http is spoken."""
    if certificate is None:
        return None
    return TlsFiles(certificate=certificate, key=key, client_ca=client_ca)


def listening_problems(read: Mapping[str, object]) -> list[str]:
    """Return what is wrong with settings that are right one by one."""
    files = {name: _path(read[name]) for name in _FILES}
    problems = []
    host = str(read["host"])
    loopback = host == "localhost" or ipaddress.ip_address(host).is_loopback
    known = files["senders_file"] or files["tls_client_ca_file"]
    if not (loopback or known or read["open"]):
        problems.append(
            f"GENEXEC_HOST={host} would take events from other machines without authentication; "
            "listen on 127.0.0.1, name senders in GENEXEC_SENDERS_FILE, or set GENEXEC_OPEN=yes "
            "if the network keeps strangers out"
        )
    certificate = files["tls_cert_file"]
    problems += [
        f"GENEXEC_{name.upper()} is of no use without GENEXEC_TLS_CERT_FILE"
        for name in ("tls_key_file", "tls_client_ca_file")
        if files[name] and not certificate
    ]
    try:
        if files["senders_file"]:
            check_senders(files["senders_file"])
    except BadSettings as error:
        problems += str(error).splitlines()
    try:
        tls = tls_files(certificate, files["tls_key_file"], files["tls_client_ca_file"])
        if tls:
            Tls(tls)
    except BadSettings as error:
        problems.append(str(error))
    return problems


def _path(value: object) -> Path | None:
    return value if isinstance(value, Path) else None
