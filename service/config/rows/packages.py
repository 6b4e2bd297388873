"""Settings of the packages that Python scripts declare."""

from service.config import addresses, values
from service.config.rows.row import row

PACKAGES = (
    row(
        "python_environments",
        values.switch,
        "yes",
        "Make environments with the packages that Python scripts declare",
    ),
    row(
        "python_index",
        addresses.index,
        "",
        "Index of packages, such as `https://packages.example.com/simple/`; empty: the public one",
    ),
    row("python_index_user", values.text, "__token__", "User name for the index"),
    row(
        "python_index_token_file",
        values.file,
        "",
        "File with the password or token for the index; read at each use",
    ),
    row(
        "python_wheels",
        values.folder,
        "",
        "Folder with wheels; without `GENEXEC_PYTHON_INDEX` nothing else is asked",
    ),
    row(
        "python_source_builds",
        values.switch,
        "no",
        "Also install packages that have no wheel, which runs code of theirs",
    ),
    row(
        "python_environment_timeout",
        values.duration,
        "5m",
        "The longest that making an environment may take",
    ),
    row(
        "python_environments_kept",
        values.number(1, 10_000),
        "20",
        "Environments that are kept; those used longest ago are removed",
    ),
)
