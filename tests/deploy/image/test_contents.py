"""What is in the image, and what its user may do there."""

import json
import re
from pathlib import Path

from service import __version__

USER = 65532
SHELL = "/bin/bash-static"
PROMISED = ("bash", "bash-static", "curl", "git", "jq", "python3", "ssh", "tini", "genexec")

PACKAGES = {
    "bash", "bash-static", "ca-certificates", "curl", "git", "jq", "openssh-client", "tini",
}  # fmt: skip


def test_the_dockerfile_installs_what_the_page_promises():
    text = (Path(__file__).parents[3] / "Dockerfile").read_text()
    listed = re.search(r"apt-get install [^&]*", text)[0].split()

    assert set(listed) & PACKAGES == PACKAGES


def test_scripts_find_what_is_promised_to_them(image):
    missing = [
        name
        for name in PROMISED
        if not image.inside(f"command -v {name} || true", user=USER).strip()
    ]

    assert missing == []


def test_the_shell_opens_one_file_for_its_language(image):
    maps = "while read -r line; do echo ${line##* }; done < /proc/self/maps"

    said = image.inside(f"{SHELL} -c '{maps}'", user=USER)

    opened = {line for line in said.splitlines() if "locale" in line}
    assert opened == {"/usr/lib/locale/locale-archive"}


def test_the_shell_survives_the_name_of_no_user(image):
    said = image.inside(f"{SHELL} -c 'echo ~nosuch ~root'", user=USER)

    assert said == "~nosuch /root\n"


def test_the_python_of_scripts_knows_requests_and_yaml(image):
    said = image.inside("python3 -c 'import requests, yaml; print(yaml.__version__)'", user=USER)

    assert said.startswith("6.")


def test_the_user_cannot_write_the_code(image):
    found = image.inside("find /opt/genexec -writable ! -type l -print -quit", user=USER)

    assert found == ""


def test_the_user_can_write_the_places_of_state_and_work(image):
    image.inside("touch /var/lib/genexec/a /var/lib/genexec-work/a", user=USER)


def test_nothing_has_another_user_id_when_run(image):
    found = image.inside("find /usr /bin /sbin /opt/genexec -xdev -type f -perm /6000")

    assert found == ""


def test_no_list_of_packages_stays_behind(image):
    assert image.inside("ls -A /var/lib/apt/lists") == ""


def test_the_service_is_installed_as_a_package_and_not_as_a_link(image):
    shown = image.inside("cd / && python -c 'import service; print(service.__file__)'", user=USER)

    assert shown.startswith("/opt/genexec/lib/python3.")
    assert image.inside("genexec --version", user=USER).strip().endswith(__version__)


def test_the_bill_of_materials_lists_what_is_installed(image):
    bill = json.loads(image.inside("cat /opt/genexec/share/sbom.cdx.json", user=USER))
    listed = image.inside("cat /opt/genexec/lib/python3.*/site-packages/*.dist-info/METADATA")
    installed = {name.lower() for name in re.findall(r"(?m)^Name: (\S+)$", listed)}

    names = {part["name"].lower() for part in bill["components"]}

    assert bill["bomFormat"] == "CycloneDX"
    assert "gitpython" in installed
    assert installed - names <= {"generic-executor-service"}


def test_modules_can_be_added_for_scripts(image):
    said = image.inside(
        "/opt/build/bin/pip --python /opt/genexec/bin/python install --dry-run --no-cache-dir "
        "--only-binary :all: humanize",
        stage="build",
    )

    assert "Would install humanize" in said
