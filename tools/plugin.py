"""Make the executor plugin of Botkube: one file, its archive, and the index that names it.

`make plugin` calls this. The file needs no Python and no C library where it runs, only `/proc`,
`/dev/null`, `/dev/urandom` and a `/tmp` that programs may be started from. It is built for the
kind of processor it is built on, by a Python with a shared library (Debian's has one).
"""

import argparse
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import yaml

from service.botkube.description import NAME, describe

ROOT = Path(__file__).parents[1]
WORK = ROOT / "build/plugin"
OUT = ROOT / "dist/plugin"
ENTRY = ROOT / "deploy/botkube/plugin/executor_script.py"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PYTHONS = ("/usr/bin/python3", "/usr/bin/python3.11", "/usr/bin/python3.12", sys.executable)
"""The system's own first: staticx refuses libraries that know where they were built (pyenv)."""
LOOK = "import sys, sysconfig; print(int(sysconfig.get_config_var('Py_ENABLE_SHARED') or 0), \
sys.version_info >= (3, 11))"


def main() -> None:
    """Build, and say what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True, help="where the folder will be served")
    parser.add_argument("--documentation", default="", help="address shown beside the plugin")
    parser.add_argument("--python", default="", help="interpreter to pack")
    parser.add_argument("--folder", type=Path, default=OUT, help="with the archive and the index")
    parser.add_argument("--index-only", action="store_true", help="for another address")
    asked = parser.parse_args()
    architecture = ARCHITECTURES.get(platform.machine()) or sys.exit(
        f"there are no plugins for {platform.machine()}"
    )
    name = f"executor_{NAME}_linux_{architecture}"
    folder = asked.folder
    if not asked.index_only:
        folder.mkdir(parents=True, exist_ok=True)
        one_file(find_python(asked.python), folder / name)
        pack(folder / name)
    archive = folder / f"{name}.tar.gz"
    entry = index(archive, architecture, url=asked.url, documentation=asked.documentation)
    (folder / "plugins-index.yaml").write_text(
        yaml.safe_dump({"entries": [entry]}, sort_keys=False, allow_unicode=True)
    )
    for path in sorted(folder.iterdir()):
        print(f"{path.stat().st_size:>10}  {path}")


def find_python(wanted: str) -> str:
    """Return an interpreter that can be packed."""
    for python in [wanted] if wanted else PYTHONS:
        try:
            said = subprocess.run([python, "-c", LOOK], capture_output=True, text=True, check=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        if said.stdout.split() == ["1", "True"]:
            return python
    sys.exit(
        "no Python with a shared library was found (Debian's package python3 is one); "
        "name one with make plugin PLUGIN_PYTHON=/usr/bin/python3.11"
    )


def one_file(python: str, result: Path) -> None:
    """Freeze the program, then put the C library in."""
    uv = Path(sys.executable).with_name("uv")
    shutil.rmtree(WORK, ignore_errors=True)
    venv = WORK / "venv"
    run(uv, "venv", "--quiet", "--python", python, venv)
    into = ("--quiet", "--python", venv / "bin/python")
    run(uv, "pip", "install", *into, "--require-hashes", "-r", ROOT / "requirements-plugin.lock")
    run(uv, "pip", "install", *into, "--no-deps", ROOT)
    run(
        venv / "bin/pyinstaller", "--onefile", "--noconfirm", "--log-level", "ERROR",
        "--collect-data", "service", "--exclude-module", "tkinter",
        "--distpath", WORK / "frozen", "--workpath", WORK / "work", "--specpath", WORK,
        "--name", result.name, ENTRY,
    )  # fmt: skip
    environment = os.environ | {"PATH": f"{venv / 'bin'}:{os.environ['PATH']}"}
    run(venv / "bin/staticx", "--strip", WORK / "frozen" / result.name, result, env=environment)
    result.chmod(0o755)  # others than its owner start it


def pack(result: Path) -> None:
    """Put the file alone into an archive; a second one could be taken for the plugin."""
    with tarfile.open(f"{result}.tar.gz", "w:gz") as archive:
        archive.add(result, arcname=result.name, filter=plain)


def plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return the member without whose it was here."""
    member.uid = member.gid = 0
    member.uname = member.gname = "root"
    return member


def index(archive: Path, architecture: str, *, url: str, documentation: str) -> dict[str, object]:
    """Return the one entry of the index: one version per index is what agents can handle."""
    about = describe()
    return {
        "name": NAME,
        "type": "executor",
        "description": about.description,
        "documentationUrl": documentation or about.documentation_url,
        "version": about.version,
        "recommended": False,
        "jsonSchema": {"value": about.schema},
        "urls": [
            {
                "url": f"{url.rstrip('/')}/{archive.name}",
                "checksum": hashlib.sha256(archive.read_bytes()).hexdigest(),
                "platform": {"os": "linux", "architecture": architecture},
                "dependencies": {},
            }
        ],
    }


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a step; its own words are the explanation when it fails."""
    done = subprocess.run([str(part) for part in command], cwd=ROOT, env=env, check=False)
    if done.returncode:
        sys.exit(f"{Path(command[0]).name} failed with code {done.returncode}")


if __name__ == "__main__":
    main()
