"""What the settings of Keptn say together.

`reading` asks this at start, so that an operator learns of everything at once.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from service.config.values import Events


def keptn_problems(read: Mapping[str, object]) -> list[str]:
    """Return what is wrong with settings that are right one by one."""
    problems = []
    api = str(read["keptn_api"])
    if read["events"] is Events.KEPTN_API:
        if not urlsplit(api).path.endswith("/api"):
            problems.append(
                "GENEXEC_EVENTS=keptn-api needs GENEXEC_KEPTN_API, the address of Keptn's gateway "
                "that ends with /api, such as https://keptn.example.org/api"
            )
        useless = [topic for topic in _texts(read["topics"]) if not topic.endswith(".triggered")]
        if len(useless) == len(_texts(read["topics"])):
            problems.append(
                "GENEXEC_EVENTS=keptn-api needs GENEXEC_TOPICS with exact types that end with "
                f".triggered, such as sh.keptn.event.test.triggered, not {', '.join(useless)}"
            )
    if read["keptn_error_log"] and not read["sink"]:
        problems.append("GENEXEC_KEPTN_ERROR_LOG=yes needs GENEXEC_SINK, a Keptn distributor")
    return problems


def _texts(value: object) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()
