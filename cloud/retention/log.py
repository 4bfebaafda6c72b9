"""The log of erasures, apart from the database: what was erased stays so, whatever is restored.

It stands beside the platform's keys, as its generation does, a line for each erasure, in JSON. A
line is durable before the database does what it says, and the database holds the number of the last
one that it has done: one from an older backup lacks some, and does them again.

Nobody is named in it. A worker and an account are called by a handle, which means nothing without
the row that has it; a record by its place, and H of what was sealed.

    {"n": 1, "at_ms": 1772433000000, "what": "person", "company": "BE0403019261", "handle": "…"}
    {"n": 2, "at_ms": 1772433000000, "what": "records", "records": [["terminal", "epoch", 7, "H"]]}
    {"n": 3, "at_ms": 1772433000000, "what": "account", "handle": "…"}
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from sqlalchemy import Connection, select, update

from cloud.custody.erasure import Sealed
from cloud.custody.tables import platform
from cloud.errors import CloudError
from cloud.rows import insert_absent
from protocol.durable import sync_directory

NAME = "erasures.jsonl"
_KEY = "erasures-done"
_MOST_RECORDS = 500
"""Records in a line."""


class ErasureLogError(CloudError):
    """The log of erasures cannot be used."""


class Entry(msgspec.Struct, frozen=True, omit_defaults=True):
    """One line. `records`: thumbprint, epoch, seq and H(blob) of each, in hexadecimal."""

    n: int
    at_ms: int
    what: str
    company: str | None = None
    handle: str | None = None
    records: list[tuple[str, str, int, str]] = []


class Log:
    """The log in a platform's directory."""

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def person(self, company: str, handle: bytes, at_ms: int, *, above: int) -> None:
        """Say that a person is erased, as far as a company (by its VAT number) may.

        `above` is the last number that the database has done: a log that was lost goes on from it.
        Raises ErasureLogError.
        """
        self._append([Entry(0, at_ms, "person", company, handle.hex())], above)

    def account(self, handle: bytes, at_ms: int, *, above: int) -> None:
        """Say that an account is closed. Raises ErasureLogError."""
        self._append([Entry(0, at_ms, "account", None, handle.hex())], above)

    def records(self, found: Iterable[Sealed], at_ms: int, *, above: int) -> None:
        """Say whose sealed parts go. Raises ErasureLogError."""
        rows = [
            (each.terminal.hex(), each.epoch.hex(), each.seq, each.digest.hex()) for each in found
        ]
        starts = range(0, len(rows), _MOST_RECORDS)
        self._append(
            [
                Entry(0, at_ms, "records", records=rows[start : start + _MOST_RECORDS])
                for start in starts
            ],
            above,
        )

    def last(self) -> int:
        """The number of its last entry; 0, there is none. Raises ErasureLogError."""
        number = 0
        for entry in self.after(0):
            number = entry.n
        return number

    def after(self, number: int) -> Iterator[Entry]:
        """The entries with a number above one. Raises ErasureLogError naming a line that is none.

        What stands behind the last line break was never finished, and never said.
        """
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return
        except OSError as error:
            raise ErasureLogError(f"cannot read {self._path}: {error.strerror}") from error
        for line, raw in enumerate(content.split(b"\n")[:-1], 1):
            try:
                entry = msgspec.json.decode(raw, type=Entry)
            except msgspec.DecodeError as error:
                raise ErasureLogError(
                    f"{self._path}, line {line}: {error}; put the file back from its backup"
                ) from error
            if entry.n > number:
                yield entry

    def _append(self, entries: list[Entry], above: int) -> None:
        if not entries:
            return
        try:
            with self._locked() as descriptor:
                number = max(self.last(), above)
                lines = b""
                for entry in entries:
                    number += 1
                    said = msgspec.to_builtins(msgspec.structs.replace(entry, n=number))
                    lines += json.dumps(said).encode() + b"\n"
                self._cut(descriptor)
                while lines:
                    lines = lines[os.write(descriptor, lines) :]
                os.fsync(descriptor)
            sync_directory(self._path.parent)
        except OSError as error:
            raise ErasureLogError(f"cannot write {self._path}: {error.strerror}") from error

    @contextmanager
    def _locked(self) -> Iterator[int]:
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        descriptor = os.open(self._path, flags, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield descriptor
        finally:
            os.close(descriptor)

    @staticmethod
    def _cut(descriptor: int) -> None:
        """Take away a line that somebody did not come to the end of."""
        size = os.fstat(descriptor).st_size
        content = os.pread(descriptor, size, 0)
        os.ftruncate(descriptor, content.rfind(b"\n") + 1)


def done(conn: Connection) -> int:
    """The number of the last entry that a database has done."""
    found = conn.execute(select(platform.c.value).where(platform.c.key == _KEY)).scalar()
    return int(found or 0)


def note_done(conn: Connection, number: int) -> None:
    """Say that everything up to an entry is done."""
    insert_absent(conn, platform, [{"key": _KEY, "value": "0"}], ["key"])
    held = select(platform.c.value).where(platform.c.key == _KEY).with_for_update()
    if int(conn.execute(held).scalar_one()) < number:
        conn.execute(update(platform).where(platform.c.key == _KEY).values(value=str(number)))
