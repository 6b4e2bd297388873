"""Settings of how scripts run: limits, isolation, what they see."""

from service.config import values
from service.config.rows.row import row
from service.engine.isolation import IsolationMode

RUNNING = (
    row("at_once", values.number(1, 1000), "8", "Scripts that run at once"),
    row("per_project", values.number(1, 1000), "4", "Scripts of one project that run at once"),
    row("timeout", values.duration, "10m", "Deadline of a script that names none"),
    row("grace", values.duration, "5s", "Time between SIGTERM and SIGKILL for a script"),
    row("output_limit", values.size, "16MiB", "Output at which a script is stopped"),
    row("output_kept", values.size, "1MiB", "Output that is parsed and remembered"),
    row("disk_limit", values.size, "256MiB", "What a script may write into its directory"),
    row(
        "memory_limit",
        values.memory_or_zero,
        "2GiB",
        "Address space of each process of a script; 0 is without limit",
    ),
    row(
        "process_limit",
        values.number(0, 1_000_000),
        "128",
        "Processes a script may have; 0 is without limit; not enforced for root",
    ),
    row(
        "warm_python",
        values.on_or_off,
        "on",
        "`on`: `.py` files run in a fork of an interpreter that has loaded `requests` and "
        "`yaml`, one per project; `off`: Python is started for each; see "
        "[docs/scripts.md](docs/scripts.md#warm-python)",
    ),
    row(
        "isolation",
        values.choice(IsolationMode),
        "auto",
        "`auto`: keep scripts from the service as far as the kernel can; `require`: do not "
        "start if it cannot; `off`; see [docs/isolation.md](docs/isolation.md)",
    ),
    row("script_readable", values.places, "", "What isolated scripts may read in addition"),
    row(
        "script_writable",
        values.places,
        "/dev/shm,/tmp,/var/tmp",  # noqa: S108  # where people expect to write
        "Where isolated scripts may write, beside their own directory",
    ),
    row("script_limit", values.size, "1MiB", "Largest script file"),
    row("shell", values.text, "bash", "Program that runs `.sh` files"),
    row(
        "script_path",
        values.text,
        "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "`PATH` of scripts; `python3` in it is always the service's own",
    ),
    row(
        "expose_env",
        values.words,
        "*",
        "Patterns of the service's variables that scripts see as `ENV_…`; "
        "its own settings are never shown",
    ),
    row(
        "mask_env",
        values.words,
        "*TOKEN*,*SECRET*,*PASSWORD*,*PASSWD*,*CREDENTIAL*,*KEY*",
        "Patterns of exposed variables whose values are masked wherever output is kept or sent",
    ),
    row(
        "follow_up_types",
        values.event_types,
        "",
        "Further types of events that a script may send; a star stands for one part",
    ),
)
