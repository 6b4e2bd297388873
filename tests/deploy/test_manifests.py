"""What users apply: complete, known to Kubernetes, closed, and in step with the program."""

import ipaddress
import json
import os
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml

from service.config.reading import read_settings
from service.config.rows import ROWS
from service.config.values import size

ROOT = Path(__file__).parents[2]
OLDEST, NEWEST = "1.25", str(kubernetes_validate.latest_version())
NEEDED = {
    "ServiceAccount", "ConfigMap", "PersistentVolumeClaim", "Deployment", "Service",
    "PodDisruptionBudget", "NetworkPolicy",
}  # fmt: skip
CONTAINER_SECURITY = {
    "runAsNonRoot": True, "privileged": False, "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]},
}  # fmt: skip
CLOSED = {
    "automountServiceAccountToken": False, "enableServiceLinks": False,
    "shareProcessNamespace": False, "terminationGracePeriodSeconds": 40,
    "serviceAccountName": "generic-executor-service",
    "securityContext": {
        "runAsNonRoot": True, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
        "fsGroupChangePolicy": "OnRootMismatch", "seccompProfile": {"type": "RuntimeDefault"},
    },
}  # fmt: skip
BOUNDED = {"cpu", "memory", "ephemeral-storage"}


def one(documents, kind):
    (found,) = [document for document in documents if document["kind"] == kind]
    return found


def rules(documents, way):
    policies = [document for document in documents if document["kind"] == "NetworkPolicy"]
    return [rule for policy in policies for rule in policy["spec"].get(way, ())]


@pytest.fixture
def pod(documents):
    return one(documents, "Deployment")["spec"]["template"]["spec"]


@pytest.fixture
def own(pod):
    return pod["containers"][0]


def in_order(text):
    documents = yaml.safe_load_all(text)
    return sorted(documents, key=lambda one: (one["kind"], one["metadata"]["name"]))


def amount(text):
    """Kubernetes writes Gi for our GiB."""
    return size(f"{text}B")


# Every variant


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_kubernetes_knows_every_field(documents, version):
    for document in documents:
        kubernetes_validate.validate(document, version, strict=True)


def test_the_cluster_admits_it_under_the_restricted_standard(variant):
    assert variant["problems"] == []


def test_the_judge_finds_what_is_not_restricted(render, tmp_path):
    text = (ROOT / "deploy/base/deployment.yaml").read_text()
    (tmp_path / "a.yaml").write_text(text.replace("drop: [ALL]", "drop: [KILL]"))
    (tmp_path / "kustomization.yaml").write_text("resources: [a.yaml]")

    assert "unrestricted capabilities" in render(str(tmp_path))


def test_it_is_complete_and_in_one_namespace(documents):
    kinds = {document["kind"] for document in documents}
    spaces = {document["metadata"].get("namespace") for document in documents}

    assert kinds >= NEEDED
    assert not kinds & {"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"}
    assert len(spaces - {None}) == 1


def test_the_pod_has_no_rights_it_does_not_need_and_is_bounded(documents, pod):
    assert pod.items() >= CLOSED.items()
    assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
    assert one(documents, "ServiceAccount")["automountServiceAccountToken"] is False
    for container in pod["containers"]:
        assert container["securityContext"] == CONTAINER_SECURITY
        assert set(container["resources"]["requests"]) == BOUNDED
        assert set(container["resources"]["limits"]) == BOUNDED


def test_the_journal_has_one_writer_and_the_node_can_be_drained(documents):
    spec = one(documents, "Deployment")["spec"]

    assert (spec["replicas"], spec["strategy"]) == (1, {"type": "Recreate"})
    assert one(documents, "PodDisruptionBudget")["spec"]["maxUnavailable"] == 1


def test_only_bounded_places_are_writable(pod, own):
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    writable = {
        m["mountPath"]: volumes[m["name"]] for m in own["volumeMounts"] if "readOnly" not in m
    }

    assert set(writable) == {"/var/lib/genexec", "/var/lib/genexec-work", "/tmp"}
    assert all(
        "persistentVolumeClaim" in volume or "sizeLimit" in volume["emptyDir"]
        for volume in writable.values()
    )


def test_the_settings_exist_and_can_be_read(documents, own, tmp_path):
    given = {
        entry["name"]: entry.get("value") or "of-the-pod"
        for entry in own["env"]
        if entry["name"].startswith("GENEXEC_")
    }
    known = {row.variable for row in ROWS.values()}
    senders = one(documents, "ConfigMap")["data"]["senders.yaml"]
    (tmp_path / "senders.yaml").write_text(senders.replace("/etc/genexec/secrets", str(tmp_path)))
    (tmp_path / "ci").write_text("0123456789abcdef")

    assert given["GENEXEC_SENDERS_FILE"] == "/etc/genexec/senders/senders.yaml"
    given["GENEXEC_SENDERS_FILE"] = str(tmp_path / "senders.yaml")
    for name, text in given.items():
        if text.startswith("/etc/genexec/secrets/"):
            (tmp_path / "secret").write_text("0123456789abcdef")
            given[name] = str(tmp_path / "secret")
    read = read_settings({name: text for name, text in given.items() if name in known})

    assert set(given) - known == set()
    assert (read.host, read.port, read.open) == ("0.0.0.0", 8080, False)
    assert read.from_git


def test_scripts_that_use_all_they_may_fit_into_the_memory(pod, own):
    given = {e["name"]: e.get("value") for e in own["env"]}
    at_once = int(given["GENEXEC_AT_ONCE"])
    files = at_once * size(given["GENEXEC_DISK_LIMIT"])
    scripts = at_once * size(given["GENEXEC_MEMORY_LIMIT"])
    (work,) = [v["emptyDir"] for v in pod["volumes"] if v["name"] == "work"]

    assert work["medium"] == "Memory"
    assert amount(work["sizeLimit"]) >= files
    assert amount(own["resources"]["limits"]["memory"]) >= files + scripts + size("256MiB")


def test_probes_ask_the_paths_that_need_no_credentials(own):
    paths = {
        kind: own[f"{kind}Probe"]["httpGet"]["path"]
        for kind in ("startup", "liveness", "readiness")
    }

    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}


@pytest.mark.parametrize("address", ["169.254.169.254", "fd00:ec2::254", "10.96.0.1"])
def test_the_network_policy_keeps_out(documents, address):
    blocks = [
        to["ipBlock"] for rule in rules(documents, "egress") for to in rule["to"] if "ipBlock" in to
    ]
    policy = next(document for document in documents if document["kind"] == "NetworkPolicy")
    excluded = [ipaddress.ip_network(net) for block in blocks for net in block["except"]]

    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert any(ipaddress.ip_address(address) in network for network in excluded)


def test_names_are_looked_up_over_udp_and_tcp(documents):
    ports = [port for rule in rules(documents, "egress") for port in rule["ports"]]

    assert {p["protocol"] for p in ports if p["port"] == 53} == {"UDP", "TCP"}


def test_kubectl_renders_the_same(variant, kubectl):
    said = subprocess.run(
        [kubectl, "kustomize", variant["directory"]],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip

    assert in_order(said.stdout) == in_order(variant["text"])


# What is particular to one


def test_service_yaml_is_the_sidecar_variant(render):
    written = (ROOT / "deploy/service.yaml").read_text()

    assert written.partition("\n---\n")[2] == render("-text", "deploy/sidecar"), "make manifests"


@pytest.fixture
def applied():
    return list(yaml.safe_load_all((ROOT / "deploy/service.yaml").read_text()))


def test_the_commands_of_the_manual_find_the_service(applied):
    deployment = one(applied, "Deployment")
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    containers = deployment["spec"]["template"]["spec"]["containers"]

    assert deployment["metadata"]["name"] == "generic-executor-service"
    assert deployment["metadata"]["namespace"] == "keptn"
    assert deployment["metadata"]["labels"]["run"] == "generic-executor-service"
    assert labels["run"] == "generic-executor-service"
    assert [container["name"] for container in containers] == [
        "generic-executor-service",
        "distributor",
    ]


def test_the_distributor_brings_events_and_takes_answers(applied):
    own, distributor = one(applied, "Deployment")["spec"]["template"]["spec"]["containers"]
    settings = {e["name"]: e.get("value") for e in [*own["env"], *distributor["env"]]}
    senders = yaml.safe_load(one(applied, "ConfigMap")["data"]["senders.yaml"])

    assert distributor["image"] == "docker.io/keptn/distributor:1.4.5"
    assert settings["PUBSUB_URL"] == "nats://keptn-nats"
    assert settings["PUBSUB_TOPIC"] == "sh.keptn.>"
    assert (settings["PUBSUB_RECIPIENT"], settings["PUBSUB_RECIPIENT_PORT"]) == (
        "127.0.0.1",
        "8080",
    )
    assert settings["GENEXEC_SINK"] == "http://localhost:8081/event"
    assert senders == [{"name": "keptn", "addresses": ["127.0.0.1"], "types": ["sh.keptn.**"]}]


def test_the_ingress_leads_to_the_service(variants):
    documents = list(yaml.safe_load_all(variants["ingress"]["text"]))
    (rule,) = one(documents, "Ingress")["spec"]["rules"]
    backend = rule["http"]["paths"][0]["backend"]["service"]
    service = one(documents, "Service")

    assert backend["name"] == service["metadata"]["name"]
    assert backend["port"]["name"] == service["spec"]["ports"][0]["name"]


def test_a_namespace_of_our_own_asks_for_the_restricted_standard(variants):
    for name in ("remote", "standalone", "ingress"):
        space = one(list(yaml.safe_load_all(variants[name]["text"])), "Namespace")
        assert space["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


# skaffold.yaml


def test_skaffold_builds_the_image_and_deploys_every_variant(applied):
    skaffold = yaml.safe_load((ROOT / "skaffold.yaml").read_text())
    own = one(applied, "Deployment")["spec"]["template"]["spec"]["containers"][0]
    paths = [profile["manifests"]["kustomize"]["paths"] for profile in skaffold["profiles"]]

    assert skaffold["build"]["artifacts"][0]["image"] == own["image"].partition(":")[0]
    assert skaffold["manifests"]["kustomize"]["paths"] == ["deploy/sidecar"]
    assert paths == [["deploy/nats"], ["deploy/remote"], ["deploy/standalone"], ["deploy/ingress"]]


# docs/deploy.md


def test_the_example_of_an_own_overlay_can_be_rendered(render, tmp_path):
    text = (ROOT / "docs/deploy.md").read_text()
    example = text.partition("<!-- example: kustomization.yaml -->\n```yaml\n")[2].partition("```")[
        0
    ]
    path = os.path.relpath(ROOT / "deploy", tmp_path)
    (tmp_path / "kustomization.yaml").write_text(example.replace("../deploy", path))

    rendered = list(yaml.safe_load_all(json.loads(render(str(tmp_path)))["text"]))
    own, distributor = one(rendered, "Deployment")["spec"]["template"]["spec"]["containers"]
    given = {entry["name"]: entry.get("value") for entry in own["env"]}

    assert own["image"] == "registry.example.com/generic-executor-service:0.1.0"
    assert distributor["image"] == "docker.io/keptn/distributor:0.19.0"
    assert given["GENEXEC_SCRIPTS"] == "https://git.example.com/operations/scripts.git"
    assert given["GENEXEC_SINK"] == "http://localhost:8081/event"


def test_every_place_the_pages_name_exists():
    pages = [(ROOT / name).read_text() for name in ("docs/deploy.md", "docs/image.md", "README.md")]
    named = {found for page in pages for found in re.findall(r"\bdeploy/[a-z./-]*[a-z]", page)}

    assert "deploy/service.yaml" in named
    assert [name for name in named if not (ROOT / name).exists()] == []
