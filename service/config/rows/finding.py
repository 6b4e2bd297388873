"""Settings of where the scripts are and how Git or Keptn is asked."""

from service.config import addresses, values
from service.config.rows.row import row
from service.scripts import Layout

FINDING = (
    row(
        "scripts",
        values.text,
        "",
        "Where the scripts are: a directory, or the address of a Git repository; "
        "`{project}` in it stands for the project of the event; or a Keptn, such as "
        "`keptn+http://resource-service:8080`: [docs/keptn.md](docs/keptn.md)",
    ),
    row(
        "layout",
        values.choice(Layout),
        "",
        "How levels are laid out: `branches`, `directories` or `folders`; "
        "default `branches` when the address has `{project}` or names a Keptn, else `folders`",
    ),
    row("git_branch", values.text, "", "Default branch; empty asks the remote"),
    row(
        "git_interval",
        values.duration,
        "5s",
        "How often a repository in use is looked at for new commits",
    ),
    row("git_timeout", values.duration, "30s", "The longest a Git operation may take"),
    row(
        "git_max_staleness",
        values.duration_or_zero,
        "0",
        "How long the mirror serves while the remote cannot be reached; 0 is without limit",
    ),
    row(
        "git_schemes",
        addresses.schemes,
        "https,ssh",
        "Address schemes that are allowed; `http`, `git` and `file` only when named here",
    ),
    row("git_user", values.text, "git", "User name for https"),
    row(
        "git_token_file",
        values.file,
        "",
        "File with the password or token for https; read at each use",
    ),
    row("git_ssh_key_file", values.file, "", "Private key for ssh"),
    row("git_known_hosts_file", values.file, "", "Host keys for ssh"),
    row(
        "git_ca_file", values.certificates, "", "Certificates for https, instead of the usual ones"
    ),
    row("git_proxy", addresses.proxy, "", "Proxy for https, such as `http://proxy:3128`"),
    row(
        "keptn_scripts_timeout", values.duration, "10s", "The longest one answer of Keptn may take"
    ),
    row(
        "keptn_scripts_interval",
        values.duration,
        "5s",
        "How long Keptn's answers are believed before it is asked again",
    ),
)
