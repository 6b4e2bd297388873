"""The scripts that events of the campaign run, and what is planned with them.

Every script writes one line when it starts and one when it is about to end, each with a
single write to the end of the witness file; an `.http` file has its target do so.
"""

from dataclasses import dataclass

ATTEMPTS = 3
SECRETS = {
    "CAMPAIGN_API_TOKEN": "tok-7Qm2xV9rLw4z",
    "CAMPAIGN_DB_PASSWORD": 'pa"ss <w&rd>/+=?',
    "CAMPAIGN_SIGNING_SECRET": "s3cr\u00e9t \u00fcber alles",
    "CAMPAIGN_SSH_KEY": "line one of a key\nline two of a key",
    "CAMPAIGN_CLOUD_CREDENTIAL": "AKIA0000CAMPAIGN0000",
}
"""Planted into the surroundings of the service; no value may be seen anywhere outside them."""

_SIGN = """sign() {
  echo "$1 $ID $GENEXEC_SCRIPT $GENEXEC_ATTEMPT $$ $EPOCHREALTIME" >> "$ENV_CAMPAIGN_WITNESS"
}
sign start
"""
_PYTHON_SIGN = """import os, sys, time
E = os.environ
def sign(what):
    words = what, E["ID"], E["GENEXEC_SCRIPT"], E["GENEXEC_ATTEMPT"], os.getpid(), time.time()
    to = os.open(E["ENV_CAMPAIGN_WITNESS"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(to, (" ".join(map(str, words)) + "\\n").encode())
    os.close(to)
sign("start")
"""
_NAP = 'sleep "300.$ENV_CAMPAIGN_NUMBER"'
ESCAPES = (
    f"({_NAP} &)",
    f"set -m; {_NAP} & set +m",
    f"setsid {_NAP} >/dev/null 2>&1 </dev/null &",
    f"""(trap '' TERM HUP; setsid bash -c 'trap "" TERM HUP; {_NAP}' 0<&- 1>&- 2>&- &)""",
    f"{_NAP} & kill -STOP $!",
    f"bash -c '{_NAP} & kill -STOP $$' &",
    f"env -i setsid {_NAP} >/dev/null 2>&1 </dev/null &",
    'python3 "$TMPDIR/chain.py" >/dev/null 2>&1 &',
)
"""Ways to outlive a run: in the background, in a group or session of its own, deaf to signals,
stopped, without the marker, as a chain of processes that fork and exit."""

_CHAIN = """import os, time
os.setsid()
end = time.monotonic() + 5
while time.monotonic() < end:
    if os.fork():
        os._exit(0)
    time.sleep(0.01)
"""


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of event."""

    type: str
    weight: int
    scripts: tuple[str, ...] = ()
    answer: str = ""
    """`task`, `action`, or nothing when nobody waits for an answer."""
    repeatable: bool = False
    may_fail: bool = False


def _task(
    name: str, weight: int, *suffixes: str, repeatable: bool = False, may_fail: bool = False
) -> Kind:
    return Kind(
        type=f"sh.keptn.event.{name}.triggered",
        weight=weight,
        scripts=tuple(f"{name}.triggered.{suffix}" for suffix in suffixes),
        answer="task",
        repeatable=repeatable,
        may_fail=may_fail,
    )


KINDS = {
    "quick": _task("quick", 30, "sh"),
    "several": _task("several", 10, "sh", "py", "http"),
    "failing": _task("failing", 8, "sh", may_fail=True),
    "slow": _task("slow", 8, "sh"),
    "telling": _task("telling", 8, "sh"),
    "escaping": _task("escaping", 8, "sh"),
    "asking": _task("asking", 6, "http"),
    "trying": _task("trying", 3, "sh", repeatable=True, may_fail=True),
    "action": Kind(
        type="sh.keptn.event.action.triggered",
        weight=10,
        scripts=("action.triggered.restart.sh",),
        answer="action",
    ),
    "notice": Kind(
        type="sh.keptn.event.deployment.finished", weight=8, scripts=("deployment.finished.sh",)
    ),
    "plain": Kind(
        type="com.example.order.created", weight=6, scripts=("com.example.order.created.py",)
    ),
    "nobody": Kind(type="sh.keptn.event.nobody.triggered", weight=3),
    "napping": _task("napping", 1, "sh"),
    "bombing": _task("bombing", 1, "sh", may_fail=True),
}
MIXED = tuple(name for name in KINDS if name not in ("napping", "bombing"))
"""What is drawn from when nothing else is said."""


def script_files(target: str) -> dict[str, str]:
    """Return the scripts by name; *target* is the address `.http` files ask."""
    telling = [
        f'printf "%s\\n" "${{ENV_{name}}}"; printf "%s" "$ENV_{name}" | base64 >&2'
        for name in SECRETS
    ]
    cases = "\n".join(f"  {number}) {way} ;;" for number, way in enumerate(ESCAPES))
    ask = (
        f"POST {target}\ncontent-type: application/json\n\n"
        '{"id": "$ID", "script": "$GENEXEC_SCRIPT", "attempt": "$GENEXEC_ATTEMPT"}\n'
    )
    return {
        "quick.triggered.sh": _SIGN + 'echo "done $ID"\nsign end\n',
        "several.triggered.sh": _SIGN + "sleep 0.05\nsign end\n",
        "several.triggered.py": _PYTHON_SIGN + 'print(\'{"steps": 3}\')\nsign("end")\n',
        "several.triggered.http": ask,
        "failing.triggered.sh": _SIGN + "echo no >&2\nsign end\nexit 3\n",
        "slow.triggered.sh": _SIGN + 'sleep "0.$DATA_TENTHS"\nsign end\n',
        "napping.triggered.sh": _SIGN + "sleep 0.2\nsign end\n",
        "bombing.triggered.sh": _SIGN + "sign end\nyes 'tick tick tick' | head -c 60000000\n",
        "telling.triggered.sh": _SIGN
        + "\n".join(telling)
        + "\npython3 - <<'END'\nimport json, os, sys, urllib.parse\n"
        + f"for name in {sorted(SECRETS)!r}:\n"
        + '    value = os.environ["ENV_" + name]\n'
        + "    print(json.dumps(value), urllib.parse.quote(value))\n"
        + "    print(urllib.parse.quote_plus(value), file=sys.stderr)\n"
        + "END\nsign end\n",
        "escaping.triggered.sh": _SIGN
        + f"cat > \"$TMPDIR/chain.py\" <<'END'\n{_CHAIN}END\n"
        + f'case "$DATA_WAY" in\n{cases}\nesac\nsleep 0.02\nsign end\n',
        "asking.triggered.http": ask,
        "trying.triggered.sh": f"# genexec: repeatable max-attempts={ATTEMPTS}\n"
        + _SIGN
        + '[ "$GENEXEC_ATTEMPT" -ge "$DATA_PASSES_AT" ] || exit 1\nsign end\n',
        "action.triggered.restart.sh": _SIGN + 'echo "restarted by $ID"\nsign end\n',
        "deployment.finished.sh": _SIGN
        + 'echo \'{"type": "sh.keptn.events.tests-finished", "data": {"ran": "all"}}\'\nsign end\n',
        "com.example.order.created.py": _PYTHON_SIGN + 'sign("end")\n',
    }
