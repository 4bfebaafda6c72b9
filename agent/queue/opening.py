"""Opening the journal of a terminal, whatever a power cut or a failing disk left of it.

SQLite believes its log up to the first frame whose checksum fails, and forgets the rest without a
word. After a power cut that is the commit nobody was shown. After damage it may be a month of taps:
so what stands there is looked at, and put back when it continues the chain under a true head.
"""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from agent.queue import proofs
from agent.queue.aside import numbers, put_aside
from agent.queue.carving import Found, carve
from agent.queue.errors import CannotOpenError, DamagedError, JournalError, is_full
from agent.queue.journal import Journal
from agent.queue.rows import Epoch, Row
from protocol.blobs import blob_hash
from protocol.bodies import peek_blob_hash
from protocol.chain import next_link
from protocol.keys import VerifyKey

T = TypeVar("T")
Wait = Callable[[Exception], None]
_log = logging.getLogger("pointeuse.journal")


class Opened(msgspec.Struct, frozen=True):
    """A journal, and what became of the one before, if that is not it.

    `lost` says why; `missing` is the last epoch of a journal of which nothing is left.
    """

    journal: Journal
    lost: str | None = None
    missing: bytes | None = None


def open_journal(
    path: Path, terminal: bytes, signer: VerifyKey, wait: Wait | None = None
) -> Opened:
    """The journal at `path`, begun anew when it is damaged: that one is put aside.

    One that is locked, or on a disk that does not answer, may hold taps that nobody else has: it is
    waited for. `wait` is called with the error when the disk is full, before each other try.
    Raises CannotOpenError, CannotStoreError.
    """
    lost = missing = None
    journal: Journal | None = None
    try:
        try:
            journal = with_room(lambda: Journal(path), wait)
            found = journal
            with_room(lambda: roll_forward(found, terminal, signer), wait)
        except DamagedError as error:
            journal, lost = None, str(error)
            _log.error("%s; it is put aside", lost)
            _put_aside(path, error)
            journal = with_room(lambda: Journal(path), wait)
        known = journal.known_epochs()
        if known and lost is None and not journal.epochs():
            lost = "an earlier journal was put aside"
            if not numbers(path):
                lost, missing = f"{path.name} was missing", known[-1][1]
        with_room(journal.take, wait)
    except BaseException:
        if journal is not None:
            _leave(journal)
        raise
    return Opened(journal, lost, missing)


def with_room(step: Callable[[], T], wait: Wait | None) -> T:
    """What `step` gives, tried again after each `wait` for room on the disk.

    Raises what `step` does for any other reason, or without `wait`.
    """
    while True:
        try:
            return step()
        except JournalError as error:
            if wait is None or not is_full(error):
                raise
            wait(error)


def _leave(journal: Journal) -> None:
    """Close a journal that is not to be used after all, for another start to find all of it."""
    if journal.torn:
        # SQLite would tidy that away, and some of it may be written over; a salvage reads it.
        with suppress(OSError):
            put_aside(journal.path)
        journal.file.let_go()
    else:
        journal.close()


def _put_aside(path: Path, damage: DamagedError) -> None:
    try:
        put_aside(path)
    except OSError as error:
        raise CannotOpenError(f"cannot put {path} aside: {error.strerror}") from error
    finally:
        damage.let_go()


def roll_forward(journal: Journal, terminal: bytes, signer: VerifyKey) -> int:
    """Put back what stands in the log after the last commit SQLite believes; how many records.

    Raises DamagedError when records are there that do not continue the chain: what led to them is
    gone. Raises CannotStoreError.
    """
    rows = list(carve(journal.torn, terminal))
    if not rows:
        return 0
    epochs = journal.epochs()
    put_back = 0
    if epochs:
        newest = epochs[-1]
        found = [row for row in rows if row.epoch == newest.epoch and row.seq > newest.head]
        for group in _groups(newest, found, terminal, signer):
            journal.append(newest.ordinal, group)
            put_back += len(group)
        # A page may still show what was pruned from it.
        older = {epoch for ordinal, epoch in journal.known_epochs() if ordinal <= newest.ordinal}
        rows = [row for row in found if row.seq > newest.head + put_back] + [
            row for row in rows if row.epoch not in older
        ]
    beyond = next((row for row in rows if proofs.is_signed(row, terminal, signer)), None)
    if beyond is not None:
        message = f"{journal.path}: record {beyond.seq} is in its log, what led to it is not"
        raise DamagedError(message, journal.file.let_go)
    if put_back:
        _log.warning("%s: %d records put back from its log", journal.path, put_back)
    return put_back


def _groups(
    epoch: Epoch, found: Sequence[Found], terminal: bytes, signer: VerifyKey
) -> list[list[Row]]:
    """The commits that continue an epoch, each ending at a true head."""
    groups: list[list[Row]] = []
    group: list[Row] = []
    seq, link = epoch.head, epoch.head_link
    while True:
        seq += 1
        row = next((row for row in found if row.seq == seq and _continues(row, link)), None)
        if row is None:
            return groups
        link = row.link
        group.append(Row(seq, row.body, row.blob, link, row.signature))
        if proofs.is_signed(row, terminal, signer):
            groups.append(group)
            group = []


def _continues(row: Found, link: bytes) -> bool:
    named = peek_blob_hash(row.body)
    blob = None if row.blob is None else blob_hash(row.blob)
    return next_link(link, row.body) == row.link and named == blob
