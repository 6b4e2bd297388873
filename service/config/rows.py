"""The table of settings: name, default, meaning, as the README shows it.

A setting `GENEXEC_X` is also the key `x` of the YAML file that `GENEXEC_CONFIG` names. The
environment wins over the file, `GENEXEC_…` over the names other programs gave it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from service.config import values
from service.engine.isolation import IsolationMode
from service.event import Acceptance
from service.scripts import Layout

PREFIX = "GENEXEC_"


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One setting."""

    key: str
    read: Callable[[str], object]
    default: str
    meaning: str
    also: tuple[str, ...] = ()
    """Variables of the predecessor and of Knative that mean the same."""

    @property
    def variable(self) -> str:
        """The environment variable."""
        return PREFIX + self.key.upper()


def _row(
    key: str, read: Callable[[str], object], default: str, meaning: str, *also: str
) -> tuple[str, Row]:
    return key, Row(key=key, read=read, default=default, meaning=meaning, also=also)


ROWS: Mapping[str, Row] = dict(
    (
        _row(
            "scripts",
            values.text,
            "",
            "Where the scripts are: a directory, or the address of a Git repository; "
            "`{project}` in it stands for the project of the event",
        ),
        _row(
            "layout",
            values.choice(Layout),
            "",
            "How levels are laid out: `branches`, `directories` or `folders`; "
            "default `branches` when the address has `{project}`, else `folders`",
        ),
        _row("git_branch", values.text, "", "Default branch; empty asks the remote"),
        _row(
            "git_interval",
            values.duration,
            "5s",
            "How often a repository in use is looked at for new commits",
        ),
        _row("git_timeout", values.duration, "30s", "The longest a Git operation may take"),
        _row(
            "git_max_staleness",
            values.duration_or_zero,
            "0",
            "How long the mirror serves while the remote cannot be reached; 0 is without limit",
        ),
        _row(
            "git_schemes",
            values.words,
            "https,ssh",
            "Address schemes that are allowed; `http`, `git` and `file` only when named here",
        ),
        _row("git_user", values.text, "git", "User name for https"),
        _row(
            "git_token_file",
            values.file,
            "",
            "File with the password or token for https; read at each use",
        ),
        _row("git_ssh_key_file", values.file, "", "Private key for ssh"),
        _row("git_known_hosts_file", values.file, "", "Host keys for ssh"),
        _row("git_ca_file", values.file, "", "Certificates for https, instead of the usual ones"),
        _row("git_proxy", values.proxy, "", "Proxy for https, such as `http://proxy:3128`"),
        _row(
            "sink",
            values.sink,
            "",
            "Where answers and follow-up events are posted; empty keeps them in the record",
            "EVENTBROKER",
            "K_SINK",
        ),
        _row("sink_timeout", values.duration, "10s", "The longest one delivery attempt may take"),
        _row("sink_give_up", values.duration, "24h", "Age at which an event becomes a dead letter"),
        _row("host", values.host, "127.0.0.1", "Address to listen on"),
        _row("port", values.number(0, 65535), "8080", "Port to listen on", "RCV_PORT"),
        _row("path", values.url_path, "/", "Path that takes events", "RCV_PATH"),
        _row(
            "open",
            values.switch,
            "no",
            "Say `yes` to listen on other addresses than loopback without authentication",
        ),
        _row("senders_file", values.file, "", "Who may send what: [security](docs/security.md)"),
        _row("signature_tolerance", values.duration, "300s", "How far a signed time may be off"),
        _row("host_names", values.host_names, "", "Further names that browsers may know us by"),
        _row("tls_cert_file", values.file, "", "Certificate for https, with its chain (PEM)"),
        _row("tls_key_file", values.file, "", "Its key; empty when it is in the same file"),
        _row("tls_client_ca_file", values.file, "", "Clients must have a certificate from these"),
        _row(
            "accept",
            values.choice(Acceptance),
            "legacy",
            "`strict`: CloudEvents 1.0; `legacy`: also 0.2 and 0.3; "
            "`lenient`: every event may lack id, time and specversion",
        ),
        _row("max_body", values.size, "1MiB", "Largest request body"),
        _row("header_timeout", values.duration, "15s", "Time for the header of a request"),
        _row("body_timeout", values.duration, "30s", "Time for the body of a request"),
        _row(
            "queue",
            values.number(1, 1_000_000),
            "10000",
            "Accepted events that have not ended; one more is refused with 429",
        ),
        _row("default_project", values.text, "", "Project of events that name none"),
        _row("default_stage", values.text, "", "Stage of events that name none"),
        _row("default_service", values.text, "", "Service of events that name none"),
        _row("at_once", values.number(1, 1000), "8", "Scripts that run at once"),
        _row("per_project", values.number(1, 1000), "4", "Scripts of one project that run at once"),
        _row("timeout", values.duration, "10m", "Deadline of a script that names none"),
        _row("grace", values.duration, "5s", "Time between SIGTERM and SIGKILL for a script"),
        _row("output_limit", values.size, "16MiB", "Output at which a script is stopped"),
        _row("output_kept", values.size, "1MiB", "Output that is parsed and remembered"),
        _row("disk_limit", values.size, "256MiB", "What a script may write into its directory"),
        _row(
            "memory_limit",
            values.size_or_zero,
            "2GiB",
            "Address space of each process of a script; 0 is without limit",
        ),
        _row(
            "process_limit",
            values.number(0, 1_000_000),
            "128",
            "Processes a script may have; 0 is without limit; not enforced for root",
        ),
        _row(
            "isolation",
            values.choice(IsolationMode),
            "auto",
            "`auto`: keep scripts from the service as far as the kernel can; `require`: do not "
            "start if it cannot; `off`; see [docs/isolation.md](docs/isolation.md)",
        ),
        _row("script_readable", values.places, "", "What isolated scripts may read in addition"),
        _row(
            "script_writable",
            values.places,
            "/dev/shm,/tmp,/var/tmp",  # noqa: S108  # where people expect to write
            "Where isolated scripts may write, beside their own directory",
        ),
        _row("script_limit", values.size, "1MiB", "Largest script file"),
        _row("shell", values.text, "bash", "Program that runs `.sh` files"),
        _row(
            "script_path",
            values.text,
            "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "`PATH` of scripts; `python3` in it is always the service's own",
        ),
        _row(
            "expose_env",
            values.words,
            "*",
            "Patterns of the service's variables that scripts see as `ENV_…`; "
            "its own settings are never shown",
        ),
        _row(
            "mask_env",
            values.words,
            "*TOKEN*,*SECRET*,*PASSWORD*,*PASSWD*,*CREDENTIAL*,*KEY*",
            "Patterns of exposed variables whose values are masked wherever output is kept or sent",
        ),
        _row(
            "follow_up_types",
            values.event_types,
            "",
            "Further types of events that a script may send; a star stands for one part",
        ),
        _row(
            "http_allow",
            values.words,
            "",
            "Hosts, host:port or networks that `.http` files may reach although they are "
            "loopback, link-local or the Kubernetes API",
        ),
        _row("http_deny_private", values.switch, "no", "Refuse private addresses to `.http` files"),
        _row("http_connect_timeout", values.duration, "5s", "Time to connect for an `.http` file"),
        _row("http_read_timeout", values.duration, "30s", "Time between two pieces of an answer"),
        _row("http_timeout", values.duration, "60s", "Time for the whole request"),
        _row(
            "http_ca_file",
            values.file,
            "",
            "Certificates `.http` files trust, instead of the usual",
        ),
        _row("http_response_limit", values.size, "1MiB", "Largest answer, decoded"),
        _row(
            "state_dir",
            values.directory,
            "~/.local/state/genexec",
            "Where the journal, the mirrors and the directories of runs are",
        ),
        _row(
            "work_dir",
            values.optional_directory,
            "",
            "Where the directories of runs are; on a tmpfs runs start faster; "
            "empty puts them into the state directory",
        ),
        _row(
            "keep_runs",
            values.duration,
            "30d",
            "Age at which runs, with their outputs and events, are forgotten",
        ),
        _row(
            "keep_size",
            values.size,
            "1GiB",
            "Size of the journal at which the oldest runs are forgotten earlier",
        ),
        _row(
            "duplicate_window",
            values.duration,
            "7d",
            "How long an event is recognised when it is sent again",
        ),
        _row("shutdown_grace", values.duration, "25s", "Time running scripts get at SIGTERM"),
        _row(
            "log_format",
            values.choice(values.LogFormat),
            "json",
            "`json`: one object per line; `text`: for a person",
        ),
        _row("log_level", values.choice(values.LogLevel), "info", "`debug`, `info` or `warning`"),
    )
)
