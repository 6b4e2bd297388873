"""Settings of where answers go."""

from service.config import addresses, values
from service.config.rows.row import row

SENDING = (
    row(
        "sink",
        addresses.sink,
        "",
        "Where answers and follow-up events are posted; empty keeps them in the record",
        "EVENTBROKER",
        "K_SINK",
    ),
    row("sink_timeout", values.duration, "10s", "The longest one delivery attempt may take"),
    row("sink_give_up", values.duration, "24h", "Age at which an event becomes a dead letter"),
)
