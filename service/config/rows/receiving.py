"""Settings of what listens, who may send, and what is accepted."""

from service.config import addresses, values
from service.config.rows.row import row
from service.event import Acceptance

RECEIVING = (
    row("host", addresses.host, "127.0.0.1", "Address to listen on"),
    row("port", values.number(0, 65535), "8080", "Port to listen on", "RCV_PORT"),
    row("path", addresses.url_path, "/", "Path that takes events", "RCV_PATH"),
    row(
        "open",
        values.switch,
        "no",
        "Say `yes` to listen on other addresses than loopback without authentication",
    ),
    row("senders_file", values.file, "", "Who may send what: [security](docs/security.md)"),
    row("signature_tolerance", values.duration, "300s", "How far a signed time may be off"),
    row("host_names", addresses.host_names, "", "Further names that browsers may know us by"),
    row("tls_cert_file", values.file, "", "Certificate for https, with its chain (PEM)"),
    row("tls_key_file", values.file, "", "Its key; empty when it is in the same file"),
    row("tls_client_ca_file", values.file, "", "Clients must have a certificate from these"),
    row(
        "accept",
        values.choice(Acceptance),
        "legacy",
        "`strict`: CloudEvents 1.0; `legacy`: also 0.2 and 0.3; "
        "`lenient`: every event may lack id, time and specversion",
    ),
    row("max_body", values.size, "1MiB", "Largest request body"),
    row("header_timeout", values.duration, "15s", "Time for the header of a request"),
    row("body_timeout", values.duration, "30s", "Time for the body of a request"),
    row(
        "queue",
        values.number(1, 1_000_000),
        "10000",
        "Accepted events that have not ended; one more is refused with 429",
    ),
    row("default_project", values.text, "", "Project of events that name none"),
    row("default_stage", values.text, "", "Stage of events that name none"),
    row("default_service", values.text, "", "Service of events that name none"),
)
