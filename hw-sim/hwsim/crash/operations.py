"""What a program did to the files of one directory, read from the output of strace.

Recorded with `strace -f -y -xx`: every string in hexadecimal, every descriptor with its path.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

SYSCALLS = (
    "openat", "write", "pwrite64", "ftruncate", "fsync", "fdatasync", "rename", "renameat",
    "renameat2", "unlink", "unlinkat",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Open:
    """A file was opened for writing; made if it was not there, emptied if `truncate`."""

    name: str
    truncate: bool


@dataclass(frozen=True, slots=True)
class Write:
    """Octets at an offset; None: at the end."""

    name: str
    offset: int | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """A file was cut, or extended with zeros."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Sync:
    """A file's content was flushed: fsync, fdatasync."""

    name: str


@dataclass(frozen=True, slots=True)
class SyncDirectory:
    """The directory itself was flushed."""


@dataclass(frozen=True, slots=True)
class Rename:
    """A file took another name, and the place of what had it."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Unlink:
    """A name was removed."""

    name: str


@dataclass(frozen=True, slots=True)
class PowerCut:
    """The power failed here, and this is what was left: the recording goes on from it."""

    files: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class Green:
    """A worker at this reader was shown green, for the next tap that was presented there."""

    reader: str


Operation = Open | Write | Truncate | Sync | SyncDirectory | Rename | Unlink | PowerCut | Green

_LINE = re.compile(r"^(\d+) +(\w+)\((.*)\) += (-?\d+|\?)")
_UNFINISHED = re.compile(r"^(\d+) +(\w+\(.*) <unfinished \.\.\.>$")
_RESUMED = re.compile(r"^(\d+) +<\.\.\. \w+ resumed>(.*)$")
_STRING = re.compile(r'"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?')
_DESCRIPTOR = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})*)>(\(deleted\))?")
_GREEN = re.compile(rb"pointeuse\.feedback: ([^\n:]*): recorded")


class Reader:
    """Reads lines of strace; one for each recording."""

    def __init__(self, directory: str, names: re.Pattern[str]) -> None:
        """Of the files in `directory`, those whose whole name matches `names`."""
        self._directory, self._names = directory, names
        self._unfinished: dict[str, str] = {}
        self._at: dict[tuple[str, str], int] = {}

    def read(self, lines: Iterable[str]) -> Iterator[Operation]:
        """The operations, in the order in which they ended."""
        for line in lines:
            whole = self._whole(line.rstrip("\n"))
            found = _LINE.match(whole) if whole else None
            if found and found[4] not in {"-1", "?"}:
                yield from self._operation(found[2], found[3], int(found[4]))

    def _whole(self, line: str) -> str | None:
        """A line with the part that came before another thread's."""
        begun = _UNFINISHED.match(line)
        if begun:
            self._unfinished[begun[1]] = begun[2]
            return None
        resumed = _RESUMED.match(line)
        if resumed:
            return f"{resumed[1]} {self._unfinished.pop(resumed[1], '')}{resumed[2]}"
        return line

    def _operation(self, call: str, arguments: str, result: int) -> Iterator[Operation]:
        if call == "openat":
            yield from self._open(arguments)
        elif call in {"write", "pwrite64"}:
            yield from self._write(call, arguments, result)
        elif call.startswith(("rename", "unlink")):
            yield from self._names_changed(call, arguments)
        else:
            yield from self._on_descriptor(call, arguments)

    def _open(self, arguments: str) -> Iterator[Operation]:
        path = _STRING.search(arguments)
        name = self._name(_text(path[1])) if path else None
        if name is None or not re.search(r"O_WRONLY|O_RDWR", arguments):
            return
        yield Open(name, truncate="O_TRUNC" in arguments)

    def _write(self, call: str, arguments: str, result: int) -> Iterator[Operation]:
        descriptor, data = _DESCRIPTOR.match(arguments), _STRING.search(arguments)
        if descriptor is None or data is None:
            return
        octets = _octets(data[1])
        if descriptor[1] in {"1", "2"}:
            yield from (Green(found[1].decode()) for found in _GREEN.finditer(octets))
            return
        name = self._name(_text(descriptor[2]))
        if name is None or descriptor[3]:
            return
        if data[2]:
            raise ValueError(f"strace cut a write to {name} short")
        offset = int(arguments.rsplit(",", 1)[1]) if call == "pwrite64" else None
        yield Write(name, offset, octets[:result])

    def _names_changed(self, call: str, arguments: str) -> Iterator[Operation]:
        names = [self._name(_text(found[1])) for found in _STRING.finditer(arguments)]
        if call.startswith("unlink") and names[0] is not None:
            yield Unlink(names[0])
        elif call.startswith("rename") and names[0] is not None and names[1] is not None:
            yield Rename(names[0], names[1])

    def _on_descriptor(self, call: str, arguments: str) -> Iterator[Operation]:
        descriptor = _DESCRIPTOR.match(arguments)
        if descriptor is None or descriptor[3]:
            return
        path = _text(descriptor[2])
        if path == self._directory:
            yield SyncDirectory()
            return
        name = self._name(path)
        if name is None:
            return
        if call == "ftruncate":
            yield Truncate(name, int(arguments.rsplit(",", 1)[1]))
        else:
            yield Sync(name)

    def _name(self, path: str) -> str | None:
        found = PurePosixPath(path)
        here = str(found.parent) == self._directory
        return found.name if here and self._names.fullmatch(found.name) else None


def _octets(escaped: str) -> bytes:
    return bytes.fromhex(escaped.replace("\\x", ""))


def _text(escaped: str) -> str:
    return _octets(escaped).decode("utf-8", "surrogateescape")
