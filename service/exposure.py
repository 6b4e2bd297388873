"""What scripts may see of the environment of the service's container.

`wiring` asks once; scripts get the result as `ENV_…` variables, see `variables`.
"""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence


def exposed_environment(
    environment: Mapping[str, str], *, own: Iterable[str], patterns: Sequence[str]
) -> dict[str, str]:
    """Return what scripts may see of the service's *environment*.

    *own* are name patterns of the service's settings and credentials; they are never
    exposed, whatever *patterns* says. Names that begin with `secret_` stay hidden as they
    did in the predecessor.
    """
    hidden = (*own, "secret_*", "SECRET_*")
    return {
        name: value
        for name, value in environment.items()
        if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
        and not any(fnmatch.fnmatchcase(name, pattern) for pattern in hidden)
    }
