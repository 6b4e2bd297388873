"""From the served folder to a running plugin, by the rules of Botkube's plugin manager.

The agent's own manager needs a cluster around it; what it does with an index is done here:
fetch the index, take the entry for this platform, fetch and check the archive, pick the
plugin out of it, put it where the cache has it, start it.
"""

import functools
import hashlib
import http.server
import json
import shutil
import subprocess
import sys
import tarfile
import threading
import urllib.request
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

ROOT = Path(__file__).parents[2]


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def served(built, tmp_path):
    """A static server with the built folder, and the index for its address."""
    folder = tmp_path / "served"
    shutil.copytree(built.parent, folder)
    handler = functools.partial(Quiet, directory=folder)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        subprocess.run(
            [sys.executable, ROOT / "tools/plugin.py", "--url", url, "--index-only",
             "--folder", folder],
            check=True, capture_output=True,
        )  # fmt: skip
        yield url
        server.shutdown()
        thread.join()


def fetched(url):
    with urllib.request.urlopen(url, timeout=30) as answer:
        assert answer.status == 200
        return answer.read()


def chosen(directory):
    """The first file at the root, by bytes, that an archive's plugin may be."""
    files = sorted(directory.iterdir(), key=lambda path: path.name.encode())
    return next(
        path for path in files
        if path.is_file() and not path.name.startswith(".") and path.suffix in ("", ".exe", ".sh")
    )  # fmt: skip


def installed(url, cache):
    """Do what the manager does; return the plugin in the cache."""
    index = yaml.safe_load(fetched(f"{url}/plugins-index.yaml"))
    (entry,) = [one for one in index["entries"] if one["name"] == "script"]
    (place,) = [
        one for one in entry["urls"] if one["platform"] == {"os": "linux", "architecture": "amd64"}
    ]
    archive = cache / "download.tar.gz"
    archive.write_bytes(fetched(place["url"]))
    assert hashlib.sha256(archive.read_bytes()).hexdigest() == place["checksum"]
    with tarfile.open(archive) as packed:
        packed.extractall(cache / "unpacked", filter="data")
    plugin = cache / "genexec" / f"{entry['type']}_{entry['version']}_{entry['name']}"
    plugin.parent.mkdir()
    shutil.move(chosen(cache / "unpacked"), plugin)
    plugin.chmod(0o755)
    return plugin


def test_the_plugin_is_installed_from_the_index_and_runs(served, make_host, tmp_path):
    (tmp_path / "cache").mkdir()
    plugin = installed(served, tmp_path / "cache")
    host = make_host(str(plugin))

    host.start()

    assert plugin.name == "executor_0.1.0_script"
    assert "error" not in host.ask("help")
    assert "error" not in host.ask("ping")


def test_the_index_says_what_the_plugin_says(served, built, make_host):
    index = yaml.safe_load(fetched(f"{served}/plugins-index.yaml"))
    host = make_host(str(built))
    host.start()

    said = host.ask("metadata")["value"]

    (entry,) = index["entries"]
    assert entry["version"] == said["Version"]
    assert entry["description"] == said["Description"]
    assert entry["jsonSchema"]["value"] == said["JSONSchema"]["Value"]
    assert said["Dependencies"] in (None, {})
    assert entry["type"] == "executor"
    assert "_" not in entry["name"]


def test_the_archive_holds_one_file_at_its_root(built):
    with tarfile.open(built.with_name(f"{built.name}.tar.gz")) as archive:
        (member,) = archive.getmembers()

    assert (member.name, member.mode) == (built.name, 0o755)


@pytest.fixture
def values():
    return yaml.safe_load((ROOT / "deploy/botkube/values.yaml").read_text())


def test_the_sample_values_hold_a_config_that_the_plugin_takes(values):
    schema = json.loads((ROOT / "service/botkube/config_schema.json").read_text())
    config = values["executors"]["genexec"]["genexec/script"]["config"]

    assert list(Draft7Validator(schema).iter_errors(config)) == []


def test_the_sample_values_bind_what_they_enable(values):
    group = values["executors"]["genexec"]["genexec/script"]
    channel = values["communications"]["default-group"]["socketSlack"]["channels"]["default"]
    volumes = {one["name"] for one in values["extraVolumes"]}

    assert group["enabled"]
    assert channel["bindings"]["executors"] == ["genexec"]
    assert "genexec" in values["plugins"]["repositories"]
    assert values["plugins"]["restartPolicy"]["type"] == "DeactivatePlugin"
    assert {one["name"] for one in values["extraVolumeMounts"]} == volumes
