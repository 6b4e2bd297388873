"""Which files scripts may touch when they are isolated.

`isolation` asks once and every few seconds again, and enforces the answer. Landlock can only
allow hierarchies, not except something from them. So what is hidden is excepted by allowing
everything beside it, one by one; a directory that scripts may write to is then not allowed
at all, because what is made in it tomorrow cannot be listed today.
"""
# ruff: noqa: PTH100, PTH110
# pathlib is not loaded in the runner.

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

from service.engine.landlock import READ, USE, WRITE

READABLE = (
    "/bin",
    "/etc",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/opt",
    "/proc",
    "/run/NetworkManager",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/sbin",
    "/sys",
    "/usr",
    "/var/lib/ca-certificates",
)
"""Programs, their settings and what they ask about the machine; resolv.conf leads to /run."""

USABLE = (
    "/dev/full",
    "/dev/null",
    "/dev/random",
    "/dev/tty",
    "/dev/urandom",
    "/dev/zero",
)


class Reach(NamedTuple):
    """Rights by real path."""

    roots: dict[str, int]
    """Whole hierarchies."""
    pieces: dict[str, int]
    """The same without what is hidden; empty when nothing hidden lies in a root."""
    remarks: tuple[str, ...]
    """What an operator should know."""


def reach_of(
    *, readable: Iterable[str], writable: Iterable[str], hidden: Iterable[str], runs_dir: str
) -> Reach:
    """Return what scripts may touch beside the directory of their run.

    *readable* and *writable* are further paths; those that do not exist are left out, and
    those that are not absolute. *hidden* is what no script may touch, wherever it lies; only
    what was named inside it is allowed. *runs_dir* is not hidden, because scripts work in
    it, but no root should contain it.
    """
    remarks = []
    kept = {os.path.abspath(path) for path in hidden} | {os.path.realpath(path) for path in hidden}
    every = {path: USE for path in USABLE if os.path.exists(path)}
    every |= {real: READ for _, real in _existing((*READABLE, *readable), kept)}
    for path, real in _existing(writable, kept):
        inside = next((secret for secret in sorted(kept) if is_within(secret, real)), None)
        if inside is not None:
            remarks.append(f"scripts cannot write to {path}: {inside} lies in it")
            continue
        every[real] = WRITE
    roots = {path: rights for path, rights in every.items() if not _covered(path, rights, every)}
    home = os.path.realpath(runs_dir)
    remarks.extend(
        f"scripts can read the directories of other runs: {home} lies in {root}"
        for root in roots
        if is_within(home, root)
    )
    pieces: dict[str, int] = {}
    if any(is_within(secret, root) for secret in kept for root in roots):
        for root, rights in every.items():
            for piece in _around(root, kept):
                pieces[piece] = pieces.get(piece, 0) | rights
    return Reach(roots=roots, pieces=pieces, remarks=tuple(remarks))


def is_within(path: str, root: str) -> bool:
    """Say whether *path* is *root* or lies below it; both are absolute and tidy."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def _existing(paths: Iterable[str], hidden: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yield the paths that exist, as they were given and as they really are.

    A link does not lead to something hidden: somebody else may have laid it.
    """
    for path in paths:
        if not path.startswith("/") or not os.path.exists(path):
            continue
        real = os.path.realpath(path)
        if any(is_within(real, one) and not is_within(path, one) for one in hidden):
            continue
        yield path, real


def _covered(path: str, rights: int, roots: Mapping[str, int]) -> bool:
    """Say whether another root gives these rights to *path* as well."""
    return any(
        other != path and is_within(path, other) and rights & others == rights
        for other, others in roots.items()
    )


def _around(path: str, hidden: Collection[str]) -> Iterator[str]:
    """Yield *path*, or what is in it without *hidden* and the way there."""
    if path in hidden:
        return
    if not any(is_within(secret, path) for secret in hidden):
        yield path
        return
    try:
        entries = [entry.path for entry in os.scandir(path) if not entry.is_symlink()]
    except OSError:
        return
    for entry in entries:
        yield from _around(entry, hidden)
