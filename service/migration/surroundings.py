"""Places in the file system: where a script may write and what it may read."""

from collections.abc import Iterator

from service.migration.judgement import Remark, work

_WRITABLE = ("/tmp/", "/var/tmp/", "/dev/shm/")  # noqa: S108  # compared, not used
_DEVICES = {"/dev/null", "/dev/stdout", "/dev/stderr", "/dev/tty", "/dev/fd", "/dev/zero"}


def written_remark(path: str, line: int) -> Iterator[Remark]:
    """Yield why a file may not be written."""
    if path not in _DEVICES and not f"{path}/".startswith((*_WRITABLE, "/dev/fd/", "/proc/self/")):
        message = (
            f"writing to {path} is refused under isolation: write below $TMPDIR, "
            "or name the place in GENEXEC_SCRIPT_WRITABLE"
        )
        yield work(message, line)


def place_remark(path: str, line: int) -> Remark:
    """Say how a place that is closed to scripts is opened."""
    return work(f"{path} is closed to scripts unless GENEXEC_SCRIPT_READABLE names it", line)
