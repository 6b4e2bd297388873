"""The image as its pod runs it: read-only, no root, no rights, process 1 (DP-1, DP-3, DP-4).

Volumes and variables are those of deploy/service.yaml; only where scripts come from, where
answers go and the port differ.
"""

import json
import os
import signal
import subprocess
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import yaml

ROOT = Path(__file__).parents[3]
PATIENCE = 30.0
USER = 65532
POD = f"""
set -e
lower=$1 volumes=$2
shift 2
around=$(mktemp -d /mnt/pod.XXXXXX)
chmod 755 "$around"
place=$around/root
mkdir "$around/points" "$around/scratch" "$place"
mount -t overlay overlay \\
  -o "lowerdir=$lower:/,upperdir=$around/points,workdir=$around/scratch" "$place"
mount --bind /dev "$place/dev"
mount -t proc proc "$place/proc"
for volume in $volumes; do
  path=${{volume%%=*}} source=${{volume#*=}}
  mkdir -p "$place$path"
  case $source in
    size:*) mount -t tmpfs -o "mode=2777,gid={USER},size=${{source#size:}}" tmpfs "$place$path" ;;
    *) mount --bind "$source" "$place$path"; mount -o remount,bind,ro "$place$path" ;;
  esac
done
mount -o remount,ro "$place"
cd /
exec chroot "$place" setpriv --reuid={USER} --regid={USER} --groups={USER} \\
  --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
"""
SCRIPT = """
setsid sleep 300 < /dev/null > /dev/null 2>&1 &
touch /usr/x /etc/x /opt/x 2> /dev/null && exit 9
touch "$HOME/x" /tmp/x || exit 8
ls /var/run/secrets/kubernetes.io 2> /dev/null && exit 7
git --version > /dev/null && jq --version > /dev/null && curl --version > /dev/null || exit 6
python3 -c 'import requests, yaml' || exit 5
printf '{"shell": "%s", "user": "%s", "tenant": "%s"}' "$BASH" "$(id -u)" "$ENV_DT_TENANT"
"""
EVENT = {
    "specversion": "1.0", "id": "1", "source": "keptn", "type": "sh.keptn.event.test.triggered",
    "shkeptncontext": "08735340-6f9e-4b32-97ff-3b6c292bc509",
    "data": {"project": "sockshop", "stage": "dev", "service": "carts"},
}  # fmt: skip


def wait_until(ask, *, what):
    deadline = time.monotonic() + PATIENCE
    while not (answer := ask()):
        assert time.monotonic() < deadline, what()
        time.sleep(0.05)
    return answer


@pytest.fixture
def sink():
    taken = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            taken.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *arguments):
            """Keep the screen clean."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://localhost:{server.server_port}/event", taken
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def repository(tmp_path):
    """A Git repository with one script, readable for the user of the image."""
    path = tmp_path / "scripts"
    script = path / "generic-executor/test.triggered.sh"
    script.parent.mkdir(parents=True)
    script.write_text(SCRIPT)
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "Scripts"]):
        subprocess.run(["git", "-C", path, *arguments], check=True)
    subprocess.run(["chown", "-R", f"{USER}:{USER}", path], check=True)
    return path


class Pod:
    """The container of the service, as service.yaml describes it."""

    def __init__(self, image, sink, repository, folder):
        documents = list(yaml.safe_load_all((ROOT / "deploy/service.yaml").read_text()))
        kinds = {document["kind"]: document for document in documents}
        self._spec = kinds["Deployment"]["spec"]["template"]["spec"]
        self._senders = kinds["ConfigMap"]["data"]
        self._image, self._folder, self._repository = image, folder, repository
        (container,) = [c for c in self._spec["containers"] if c["name"] != "distributor"]
        self._mounts = container["volumeMounts"]
        given = {one["name"]: one["value"] for one in container["env"] if "value" in one}
        self.environment = image.stage.environment | given | {
            "GENEXEC_SCRIPTS": "file:///mnt/scripts", "GENEXEC_GIT_SCHEMES": "file",
            "GENEXEC_SINK": sink, "GENEXEC_HOST": "127.0.0.1", "GENEXEC_PORT": "0",
            "DT_TENANT": "abc",
        }  # fmt: skip
        self.log = folder / "log"

    def _volumes(self):
        yield f"/mnt={self._repository.parent}"
        kinds = {volume["name"]: volume for volume in self._spec["volumes"]}
        for mount in self._mounts:
            volume, path = kinds[mount["name"]], mount["mountPath"]
            if "configMap" in volume or "secret" in volume:
                source = self._folder / mount["name"]
                source.mkdir()
                for name, text in self._senders.items() if "configMap" in volume else ():
                    (source / name).write_text(text)
                yield f"{path}={source}"
            else:
                size = volume.get("emptyDir", {}).get("sizeLimit", "64Mi")
                yield f"{path}=size:{size.removesuffix('i').lower()}"

    @contextmanager
    def running(self):
        settings = self._image.stage.settings
        entry = json.loads(settings["ENTRYPOINT"]) + json.loads(settings["CMD"])
        changes = f"{self._image.stage.place}/changes"
        volumes = " ".join(self._volumes())
        command = self._image.seeing(
            "unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child",
            "sh", "-c", POD, "sh", changes, volumes, *entry,
        )  # fmt: skip
        sbin = {"PATH": f"{self.environment['PATH']}:/usr/sbin"}
        with (
            self.log.open("wb") as log,
            subprocess.Popen(command, stdout=log, stderr=log, env=self.environment | sbin) as it,
        ):
            try:
                yield it
            finally:
                end(it)

    def address(self, process):
        """Where the service listens, as soon as it is ready."""

        def ask():
            assert process.poll() is None, self.log.read_text()
            try:
                place = Path(f"/proc/{first(process)}/root/var/lib/genexec/state/address")
                address = place.read_text().strip()
                return requests.get(f"{address}/readyz", timeout=2).ok and address
            except (OSError, IndexError, requests.RequestException):
                return None

        return wait_until(ask, what=self.log.read_text)


def first(process):
    """Process 1 of the pod, by its number here."""
    path = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return int(path.read_text().split()[0])


def end(process):
    """Kill process 1 of the pod, and all others with it.

    The signal that unshare(1) arranges for its own end is lost when setpriv changes the user.
    """
    try:
        os.kill(first(process), signal.SIGKILL)
    except (OSError, IndexError):
        process.kill()


def inhabitants(process):
    """Command lines of the pod's processes, zombies as an empty one."""
    found = []
    for path in Path(f"/proc/{first(process)}/root/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(path.read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture
def pod(image, sink, repository, tmp_path):
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    return Pod(image, sink[0], repository, tmp_path)


def test_an_event_is_answered_without_root_rights_or_writable_files(pod, sink):
    with pod.running() as process:
        address = pod.address(process)
        answer = requests.post(
            address, json=EVENT, headers={"content-type": "application/cloudevents+json"}, timeout=5
        )
        taken = wait_until(lambda: len(sink[1]) == 2 and sink[1], what=pod.log.read_text)

        finished = taken[1]["data"]
        assert answer.status_code == 202
        assert finished["result"] == "pass", finished
        assert finished["test"] == {"shell": "/bin/bash-static", "user": "65532", "tenant": "abc"}
        assert "isolated from the service, level" in pod.log.read_text()
        assert "tini" in Path(f"/proc/{first(process)}/cmdline").read_text()
        wait_until(
            lambda: not [one for one in inhabitants(process) if not one or "sleep 300" in one],
            what=lambda: str(inhabitants(process)),
        )
        begun = time.monotonic()
        os.kill(first(process), signal.SIGTERM)
        assert process.wait(40) == 0, pod.log.read_text()
        assert time.monotonic() - begun < 25


def test_a_stranger_is_refused_although_the_manifest_needs_no_secret(pod):
    with pod.running() as process:
        answer = requests.get(f"{pod.address(process)}/api/v1/runs", timeout=5)

        assert answer.status_code in {401, 403}


def test_a_wrong_setting_is_one_line_and_code_78(pod):
    pod.environment["GENEXEC_QUEUE"] = "abc"

    with pod.running() as process:
        code = process.wait(PATIENCE)

    assert code == 78
    assert "GENEXEC_QUEUE" in pod.log.read_text()
    assert "Traceback" not in pod.log.read_text()
