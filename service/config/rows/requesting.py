"""Settings of what `.http` files may do."""

from service.config import addresses, values
from service.config.rows.row import row

REQUESTING = (
    row(
        "http_allow",
        addresses.allowed,
        "",
        "Hosts, host:port or networks that `.http` files may reach although they are "
        "loopback, link-local or the Kubernetes API",
    ),
    row("http_deny_private", values.switch, "no", "Refuse private addresses to `.http` files"),
    row("http_connect_timeout", values.duration, "5s", "Time to connect for an `.http` file"),
    row("http_read_timeout", values.duration, "30s", "Time between two pieces of an answer"),
    row("http_timeout", values.duration, "60s", "Time for the whole request"),
    row(
        "http_ca_file",
        values.certificates,
        "",
        "Certificates `.http` files trust, instead of the usual",
    ),
    row("http_response_limit", values.size, "1MiB", "Largest answer, decoded"),
)
