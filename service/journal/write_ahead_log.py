"""The write-ahead log beside a file: what SQLite drops from it without a word.

SQLite believes a log up to the first frame whose checksum is wrong. After a loss of power
that is right: the last commit was not finished, nobody was told of it. But a commit is only
written when the one before is safe, so two commits behind a wrong frame mean damage.
`inspection` asks, `wreck` reads such a log all the same: rows have checksums of their own.
"""

import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")
_LITTLE, _BIG = 0x377F0682, 0x377F0683
_VERSION = 3007000
_PAGE_SIZE = 4096
_VALID_FRAMES = slice(16, 20)
"""Where the shared index beside the log counts the frames that SQLite believes."""

Sums = tuple[int, int]


def lost_commits(path: Path) -> int:
    """Return how many commits SQLite drops although they were safe; *path* must be open."""
    log, index = Path(f"{path}-wal"), Path(f"{path}-shm")
    if not log.exists() or not index.exists():
        return 0
    with index.open("rb") as file:
        believed = int.from_bytes(file.read(20)[_VALID_FRAMES], sys.byteorder)
    commits = sum(
        number > believed and commit > 0
        for number, (_, commit, *_) in enumerate(_frames(log), start=1)
    )
    return commits if commits > 1 else 0


def write_believable(log: Path, copy: Path) -> None:
    """Write *log* to *copy* with checksums that are right, whatever the pages say."""
    with log.open("rb") as source, copy.open("wb") as target:
        magic, size, *salts = _head(source)
        order = ">" if magic == _BIG else "<"
        head = _HEADER.pack(magic, _VERSION, size, 0, *salts, 0, 0)[:24]
        sums = _sums(head, (0, 0), order)
        target.write(head + struct.pack(">2I", *sums))
        while len(frame := source.read(_FRAME.size + size)) == _FRAME.size + size:
            page, commit, *its_salts, _, _ = _FRAME.unpack(frame[: _FRAME.size])
            if its_salts != salts:
                return
            sums = _sums(frame[:8] + frame[_FRAME.size :], sums, order)
            target.write(_FRAME.pack(page, commit, *salts, *sums))
            target.write(frame[_FRAME.size :])


def _frames(log: Path) -> Iterator[tuple[int, ...]]:
    """Yield the headers of the frames that belong to the newest use of the log."""
    with log.open("rb") as file:
        _, size, *salts = _head(file)
        while len(frame := file.read(_FRAME.size)) == _FRAME.size:
            fields = _FRAME.unpack(frame)
            if list(fields[2:4]) != salts:
                return
            yield fields
            file.seek(size, 1)


def _head(file: BinaryIO) -> tuple[int, int, int, int]:
    """Return magic number, page size and salts; those of the first frame for a damaged head."""
    head, frame = file.read(_HEADER.size), file.read(_FRAME.size)
    file.seek(_HEADER.size)
    if len(head) < _HEADER.size or len(frame) < _FRAME.size:
        return _LITTLE, _PAGE_SIZE, 0, 0
    magic, version, size, _, *salts, _, _ = _HEADER.unpack(head)
    if magic in (_LITTLE, _BIG) and version == _VERSION:
        return magic, size, salts[0], salts[1]
    fields = _FRAME.unpack(frame)
    return _LITTLE, _PAGE_SIZE, fields[2], fields[3]


def _sums(data: bytes, start: Sums, order: str) -> Sums:
    """Return SQLite's running checksum, described in its file format, section 4.2."""
    first, second = start
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for one, other in zip(words[::2], words[1::2], strict=True):
        first = (first + one + second) & 0xFFFFFFFF
        second = (second + other + first) & 0xFFFFFFFF
    return first, second
