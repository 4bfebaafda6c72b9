"""The disks that a power cut may leave, after any of the operations that were recorded.

The model is that of ALICE (Pillai et al., OSDI 2014) and CrashMonkey (Mohan et al., OSDI 2018),
for a journalling file system: what was written to a file and not flushed since may be there in
whole, in part, torn at 512-octet sectors, or not at all, in any combination and any order; names
that were made, changed or removed and not flushed with their directory are there up to some one.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from hwsim.crash import operations as op
from hwsim.crash.operations import Operation

SECTOR = 512
How = Literal["none", "all", "some", "torn"]
HOWS: Sequence[How] = ("none", "all", "some", "some", "torn", "torn")
Files = dict[str, bytes]


@dataclass(slots=True)
class _File:
    """A file: what is certainly on the disk, and what came after."""

    flushed: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)
    """(offset, data), or (size, None) for a truncation."""
    size: int = 0

    def write(self, offset: int | None, data: bytes) -> None:
        at = self.size if offset is None else offset
        self.pending.append((at, data))
        self.size = max(self.size, at + len(data))

    def truncate(self, size: int) -> None:
        self.pending.append((size, None))
        self.size = size

    def flush(self) -> None:
        for change in self.pending:
            _apply(self.flushed, change)
        self.pending.clear()


class Disk:
    """One directory, as operations change it."""

    def __init__(self) -> None:
        self._names: dict[str, _File] = {}
        """What a program sees."""
        self._flushed: dict[str, _File] = {}
        """The directory as it certainly is on the disk."""
        self._pending: list[tuple[str, _File | None]] = []
        """Names that were given (to which file) or removed since, in order."""

    def apply(self, operation: Operation) -> None:
        """Do what a program did."""
        match operation:
            case op.Open(name, truncate):
                self._open(name, truncate=truncate)
            case op.Write(name, offset, data):
                self._file(name).write(offset, data)
            case op.Truncate(name, size):
                self._file(name).truncate(size)
            case op.Sync(name):
                self._file(name).flush()
            case op.SyncDirectory():
                self._flushed = dict(self._names)
                self._pending.clear()
            case op.Rename(old, new):
                file = self._names.pop(old)
                self._names[new] = file
                # One step: no disk shows both names, or neither.
                self._pending.append((f"{old}\0{new}", file))
            case op.Unlink(name):
                if self._names.pop(name, None) is not None:
                    self._pending.append((name, None))

            case op.PowerCut(files):
                self._begin_with(files)

    def seen(self) -> Files:
        """The files as a program sees them."""
        return self.left("all", random.Random(0))

    def left(self, how: How, draw: random.Random) -> Files:
        """The files that a power cut leaves now."""
        kept = {"none": 0, "all": len(self._pending)}.get(how)
        if kept is None:
            kept = draw.randint(0, len(self._pending))
        names = dict(self._flushed)
        for name, file in self._pending[:kept]:
            old, _, new = name.partition("\0")
            if new and file is not None:
                names.pop(old, None)
                names[new] = file
            elif file is None:
                names.pop(name, None)
            else:
                names[name] = file
        return {name: _left(file, how, draw) for name, file in names.items()}

    def _open(self, name: str, *, truncate: bool) -> None:
        file = self._file(name)
        if truncate and file.size:
            file.truncate(0)

    def _begin_with(self, files: Mapping[str, bytes]) -> None:
        self._names = {
            name: _File(bytearray(content), size=len(content)) for name, content in files.items()
        }
        self._flushed = dict(self._names)
        self._pending.clear()

    def _file(self, name: str) -> _File:
        file = self._names.get(name)
        if file is None:
            file = self._names[name] = _File()
            self._pending.append((name, file))
        return file


def _left(file: _File, how: How, draw: random.Random) -> bytes:
    """What is left of one file."""
    if how == "none" or not file.pending:
        return bytes(file.flushed)
    content = bytearray(file.flushed)
    torn = draw.randrange(len(file.pending)) if how == "torn" else -1
    for number, change in enumerate(file.pending):
        at, data = change
        if number == torn and data is not None:
            for start in range(0, len(data), SECTOR):
                if draw.random() < 0.5:
                    _apply(content, (at + start, data[start : start + SECTOR]))
        elif how == "all" or draw.random() < (0.8 if how == "torn" else 0.5):
            _apply(content, change)
    return bytes(content)


def _apply(content: bytearray, change: tuple[int, bytes | None]) -> None:
    at, data = change
    if data is None:
        del content[at:]
        content.extend(bytes(at - len(content)))
        return
    content.extend(bytes(max(0, at - len(content))))
    content[at : at + len(data)] = data
