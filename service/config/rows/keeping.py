"""Settings of what is kept, where and for how long, and of the log."""

from service.config import values
from service.config.rows.row import row

KEEPING = (
    row(
        "state_dir",
        values.directory,
        "~/.local/state/genexec",
        "Where the journal, the mirrors and the directories of runs are",
    ),
    row(
        "work_dir",
        values.optional_directory,
        "",
        "Where the directories of runs are; on a tmpfs runs start faster; "
        "empty puts them into the state directory",
    ),
    row(
        "keep_runs",
        values.duration,
        "30d",
        "Age at which runs, with their outputs and events, are forgotten",
    ),
    row(
        "keep_size",
        values.size,
        "1GiB",
        "Size of the journal at which the oldest runs are forgotten earlier",
    ),
    row(
        "duplicate_window",
        values.duration,
        "7d",
        "How long an event is recognised when it is sent again",
    ),
    row("shutdown_grace", values.duration, "25s", "Time running scripts get at SIGTERM"),
    row(
        "log_format",
        values.choice(values.LogFormat),
        "json",
        "`json`: one object per line; `text`: for a person",
    ),
    row("log_level", values.choice(values.LogLevel), "info", "`debug`, `info` or `warning`"),
)
