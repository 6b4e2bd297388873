"""Programs: which the image has, and which others scripts use."""

from pathlib import PurePosixPath

IN_IMAGE = frozenset(
    """
    [ [[ awk base64 basename bash cat chmod chown cp curl cut date dd df diff dirname du echo env
    expr false find fold git grep egrep fgrep gzip gunzip head hostname id jq ln ls md5sum mkdir
    mkfifo mktemp mv nl nproc od paste perl pip printenv printf pwd python python3 readlink
    realpath rm rmdir scp sed seq sh sha1sum sha256sum sha512sum shuf sleep sort split ssh stat
    tail tar tee test timeout touch tr true truncate uname uniq wc which whoami xargs yes
    """.split()  # noqa: SIM905  # a list of words is easier to keep in order
)
"""The programs of the image, as far as scripts use them (Dockerfile), and bash's own words."""

KNOWN_ELSEWHERE = frozenset(
    """
    ab ansible ansible-playbook argocd aws az bc crictl curlie dig docker doctl eksctl flux free
    gcloud go gpg gradle helm hey host http ifconfig ip istioctl java jmeter k6 keptn killall
    kubectl kustomize locust mail make monaco mongo mongosh mvn mysql nc netstat nmap node npm npx
    nslookup oc openssl pgrep php ping pkill podman ps psql pulumi pwsh redis-cli rsync ruby
    sendmail skopeo ss sudo systemctl telnet terraform top unzip vault wget xmllint xmlstarlet yq
    zip
    """.split()  # noqa: SIM905  # as above
)
"""Well-known programs that are not in the image."""


def missing(command: str) -> str:
    """Return the sentence about a program the image lacks."""
    more = ""
    if command in {"kubectl", "helm", "oc", "kustomize"}:
        more = (
            "; for the cluster it needs KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT from "
            "ENV_…, and GENEXEC_SCRIPT_READABLE with the service account's token"
        )
    return f"{command!r} is not in the service's image: build one with it (docs/migration.md){more}"


def is_known_elsewhere(command: str) -> bool:
    """Say whether a command, perhaps with its path, is a program the image lacks."""
    return PurePosixPath(command).name in KNOWN_ELSEWHERE
