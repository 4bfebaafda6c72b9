"""The items of a file that is to be verified, whichever kind of file it is."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.proof import pages
from agent.proof.words import DISCLOSURE, EXPORT, JOURNAL
from agent.queue.reading import MAGIC as SQLITE
from agent.queue.reading import ReadOnlyJournal, open_read_only
from protocol import archive
from protocol.archive import Item, Receipt, Records, TrustDocument
from protocol.errors import MalformedError

_HEAD = 64
"""Octets enough to tell the kinds apart."""


def kind_of(path: Path) -> str:
    """What a file is, by how it begins. Raises OSError."""
    with path.open("rb") as file:
        start = file.read(_HEAD)
    if start.startswith(SQLITE):
        return JOURNAL
    return EXPORT if archive.MAGIC.encode() in start else DISCLOSURE


@contextmanager
def open_items(path: Path, kind: str) -> Iterator[Iterator[Item]]:
    """The items of a journal or an export, each read when it is wanted.

    Before those of a journal come the trust documents beside it, if there are any. Raises
    CannotOpenError, OSError; the items themselves, MalformedError.
    """
    if kind == EXPORT:
        with path.open("rb") as file:
            yield archive.read(file)
        return
    with open_read_only(path) as journal:
        yield _of_journal(journal, path.parent / "trust")


def _of_journal(journal: ReadOnlyJournal, trust: Path) -> Iterator[Item]:
    number = 1
    while (document := trust / f"{number}.cbor").is_file():
        yield TrustDocument(document.read_bytes())
        number += 1
    yield from items(journal)


def items(journal: ReadOnlyJournal) -> Iterator[Item]:
    """All that a journal's file holds, but for the key and the trust documents it does not hold.

    Raises MalformedError where it cannot be read any further.
    """
    epochs = journal.epochs()
    newest = max((epoch.ordinal for epoch in epochs), default=0)
    receipts = journal.receipts()
    yield from (Receipt(message) for ordinal, _, message in receipts if ordinal > newest)
    for epoch in epochs:
        yield pages.state_of(epoch)
        yield from (
            Receipt(message) for ordinal, _, message in receipts if ordinal == epoch.ordinal
        )
        seq = 1
        while (found := pages.page(journal, epoch.ordinal, seq, 2**40 - 1)) is not None:
            yield Records(found.first, archive.checked_rows(found.rows))
            seq = found.first + len(found.rows)
    known = {epoch.ordinal for epoch in epochs}
    for ordinal in journal.ordinals():
        if ordinal not in known:
            raise MalformedError(f"there are records of epoch {ordinal}, and no epoch {ordinal}")
