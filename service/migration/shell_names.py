"""Variables a shell script reads and does not set itself."""

import re

from service.migration.shell_scan import Scanned

_NAME = r"[A-Z][A-Z0-9_]+|(?:LABEL|VALUE|ENV|DATA)_\w+"
_USED = re.compile(rf"(?<!\\)\$(?:\{{[!#]?({_NAME})|({_NAME})(?!\w))")
_SET = re.compile(
    r"(?:^|[\s;&|({`])(?:(\w+)(?:\[[^]]*\])?\+?=|for[ \t]+(\w+)|printf[ \t]+-v[ \t]+(\w+))",
    re.MULTILINE,
)
_SET_LIST = re.compile(
    r"\b(?:read|mapfile|readarray|getopts|declare|local|typeset|select)\b((?:[ \t]+[\w-]+)+)"
)
_OF_BASH = {
    "BASH", "BASHPID", "BASH_ENV", "BASH_LINENO", "BASH_REMATCH", "BASH_SOURCE", "BASH_VERSION",
    "COLUMNS", "COMP_WORDS", "DIRSTACK", "EPOCHREALTIME", "EPOCHSECONDS", "EUID", "FUNCNAME",
    "GROUPS", "HOSTNAME", "HOSTTYPE", "IFS", "LINENO", "LINES", "MACHTYPE", "MAPFILE", "OLDPWD",
    "OPTARG", "OPTERR", "OPTIND", "OSTYPE", "PIPESTATUS", "PPID", "PS4", "PWD", "RANDOM", "REPLY",
    "SECONDS", "SHELL", "SHELLOPTS", "SHLVL", "SRANDOM", "UID", "TERM",
}  # fmt: skip
"""Set by bash itself."""


def names_read(scanned: Scanned) -> dict[str, int]:
    """Return them in the order of the script; only names in capitals count as environment."""
    own = set(_OF_BASH)
    for match in _SET.finditer(scanned.code):
        own |= {group for group in match.groups() if group}
    for match in _SET_LIST.finditer(scanned.code):
        own |= set(match[1].split())
    used: dict[str, int] = {}
    for match in _USED.finditer(scanned.expanded):
        name = match[1] or match[2]
        if name not in own:
            used.setdefault(name, scanned.expanded.count("\n", 0, match.start()) + 1)
    return used
