"""The documented names of variables, and where in `data` each is looked up.

The paths are part of the contract with scripts; `variables` puts the values together.
"""

import re
from collections.abc import Mapping, Sequence

from service.strict_json import Json

PATHS: Mapping[str, tuple[str, ...]] = {
    "DEPLOYMENT": ("deploymentstrategy", "deployment.deploymentstrategy"),
    "TESTSTRATEGY": ("teststrategy", "test.teststrategy"),
    "DEPLOYMENTURILOCAL": ("deploymentURILocal", "deployment.deploymentURIsLocal[0]"),
    "DEPLOYMENTURIPUBLIC": ("deploymentURIPublic", "deployment.deploymentURIsPublic[0]"),
    "IMAGE": ("image", "configurationChange.values.image", "deployment.image"),
    "TAG": ("tag", "configurationChange.values.tag", "deployment.tag"),
    "TESTSTART": ("test.start", "start"),
    "TESTEND": ("test.end", "end"),
    "EVALUATIONSTART": (
        "evaluation.start",
        "evaluation.timeStart",
        "evaluationdetails.timeStart",
    ),
    "EVALUATIONEND": ("evaluation.end", "evaluation.timeEnd", "evaluationdetails.timeEnd"),
    "EVALUATIONRESULT": ("evaluation.result", "evaluationdetails.result"),
    "RESULT": ("result", "action.result"),
    "STATUS": ("status", "action.status"),
    "ACTION": ("action.action",),
    "PROBLEMID": ("problem.ProblemID", "ProblemID"),
    "PROBLEMSTATE": ("problem.State", "State"),
    "PID": ("problem.PID", "PID"),
    "PROBLEMTITLE": ("problem.ProblemTitle", "ProblemTitle"),
    "PROBLEMURL": ("problem.ProblemURL", "ProblemURL", "labels.Problem URL"),
}
"""Where in `data` a documented name is looked up, in this order, keys in any case."""

STEPS = {
    name: tuple(
        (path, tuple((step, step.lower()) for step in re.findall(r"[^.\[\]]+", path)))
        for path in paths
    )
    for name, paths in PATHS.items()
}
"""The same paths taken apart, each step with its lower case."""

NAMES: Mapping[str, tuple[str, ...]] = {
    first: tuple(name for name, paths in STEPS.items() if first in {s[0][1] for _, s in paths})
    for first in {steps[0][1] for paths in STEPS.values() for _, steps in paths}
}
"""Which names a key at the top of `data` (in lower case) can lead to."""


class AnyCase:
    """Finds values by paths whose keys may be written in any case; an exact key goes first."""

    def __init__(self, fields: Mapping[str, Json]) -> None:
        self._fields = fields
        self._lower: dict[int, dict[str, Json]] = {}
        self.first = frozenset(key.lower() for key in fields)
        """The keys at the top in lower case: no other path can lead anywhere."""

    def at(self, steps: Sequence[tuple[str, str]]) -> Json:
        """Return what stands at the path (each step also in lower case), else None."""
        value: Json = self._fields
        for step, lower in steps:
            if isinstance(value, dict):
                value = value[step] if step in value else self._lowered(value).get(lower)
            elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
                value = value[int(step)]
            else:
                return None
        return value

    def _lowered(self, fields: Mapping[str, Json]) -> Mapping[str, Json]:
        lowered = self._lower.get(id(fields))
        if lowered is None:  # the first of several that differ in case only
            lowered = {key.lower(): value for key, value in reversed(list(fields.items()))}
            self._lower[id(fields)] = lowered
        return lowered
