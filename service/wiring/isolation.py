"""Isolation of scripts: what is hidden from them, what is said of it."""

import logging
import os
from collections.abc import Mapping
from pathlib import Path

from service.config import values
from service.config.reading import CONFIG_FILE
from service.config.rows import ROWS
from service.config.settings import Settings
from service.engine.isolation import Level
from service.engine.protocol import Ready
from service.intake.senders_file import read_senders
from service.strict_json import Json

log = logging.getLogger(__name__)

_NO_SECRET = ("ca_file", "known_hosts_file")
"""How the settings end that name a file for everybody."""


def hidden_from_scripts(settings: Settings, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return what no script may touch: the state directory and every file with a secret."""
    hidden = {settings.state_dir}
    for key, row in ROWS.items():
        file = getattr(settings, key) if row.read is values.file else None
        if file is not None and not key.endswith(_NO_SECRET):
            hidden.add(file)
    if settings.senders_file is not None:
        hidden.update(read_senders(settings.senders_file).files)
    if environment.get(CONFIG_FILE):
        hidden.add(Path(environment[CONFIG_FILE]))
    return tuple(sorted(hidden))


def report_isolation(ready: Ready) -> None:
    """Log how far scripts are isolated, and what the operator may not expect."""
    if ready.level == Level.FULL:
        log.info("scripts are isolated from the service, level full")
    elif ready.level == Level.FILES:
        log.warning("scripts are isolated from the service in part: %s", ready.lacks)
    else:
        log.warning("scripts are not isolated from the service: %s", ready.lacks)
    for remark in ready.remarks:
        log.warning("isolation: %s", remark)
    if os.getuid() == 0:
        log.warning(
            "started as root: the kernel does not enforce GENEXEC_PROCESS_LIMIT on scripts, "
            "and they may do what root may; start it as another user"
        )


def isolation_status(ready: Ready) -> Mapping[str, Json]:
    """Return the same for `/api/v1/status`."""
    return {"level": ready.level, "lacks": ready.lacks, "remarks": list(ready.remarks)}
