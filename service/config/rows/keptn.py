"""Settings of Keptn: how events come and go, and how it knows us."""

from service.config import addresses, values
from service.config.rows.row import row

KEPTN = (
    row(
        "events",
        values.choice(values.Events),
        "http",
        "How events come, beside http, which is always there: `http`, `nats` or `keptn-api`; "
        "answers go the same way unless GENEXEC_SINK is set: [Keptn](docs/keptn.md)",
    ),
    row(
        "topics",
        addresses.topics,
        "sh.keptn.>",
        "Event types that are subscribed to, `*` for one part, `>` for all that follow; people "
        "can change them in Keptn's Bridge once we are registered",
        "PUBSUB_TOPIC",
    ),
    row("nats_url", addresses.nats_url, "nats://keptn-nats", "Where NATS is", "PUBSUB_URL"),
    row("nats_token_file", values.file, "", "File with the token for NATS; read at each connect"),
    row(
        "nats_ca_file", values.certificates, "", "Certificates for NATS, instead of the usual ones"
    ),
    row(
        "keptn_api",
        addresses.http_address,
        "",
        "Keptn's API, `https://…/api` at the gateway or `http://shipyard-controller:8080`; with "
        "`nats` and `keptn-api` we are registered there and shown in the Bridge",
        "KEPTN_API_ENDPOINT",
    ),
    row(
        "keptn_token_file",
        values.file,
        "",
        "File with the token for it, sent as `x-token`; read at each use",
    ),
    row("keptn_ca_file", values.certificates, "", "Certificates for it, instead of the usual ones"),
    row("keptn_poll_interval", values.duration, "10s", "How often open events are asked for"),
    row(
        "keptn_name",
        values.text,
        "generic-executor-service",
        "Name of the integration; also the queue group at NATS",
        "K8S_DEPLOYMENT_NAME",
    ),
    row("keptn_namespace", values.text, "keptn", "Where it runs", "K8S_NAMESPACE"),
    row("keptn_node", values.text, "", "Its node; empty is the host name", "K8S_NODE_NAME"),
    row("keptn_pod", values.text, "", "Its pod; empty is the host name", "K8S_POD_NAME"),
    row("keptn_projects", values.words, "", "Only events of these projects", "PROJECT_FILTER"),
    row("keptn_stages", values.words, "", "Only events of these stages", "STAGE_FILTER"),
    row("keptn_services", values.words, "", "Only events of these services", "SERVICE_FILTER"),
    row(
        "keptn_sign_off",
        values.switch,
        "yes",
        "Remove the registration at the end, and with it what people subscribed us to",
    ),
    row(
        "keptn_error_log",
        values.switch,
        "no",
        "Send `sh.keptn.log.error` to GENEXEC_SINK, a Keptn distributor, when something gets no "
        "answer; without a distributor Keptn's API is always told",
    ),
)
