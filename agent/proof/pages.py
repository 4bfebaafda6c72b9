"""A journal as the items of an archive, page by page, in little memory."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from agent.queue.rows import Epoch, Row
from protocol import archive
from protocol.archive import PAGE_BYTES, Records
from protocol.hello import EpochState

_PAGE_ROWS = 512


class Journal(Protocol):
    """What is asked of a journal, be it open or a file."""

    def epochs(self) -> Sequence[Epoch]: ...  # noqa: D102 - as agent.queue.journal says
    def rows(self, ordinal: int, first: int, limit: int) -> Iterator[Row]: ...  # noqa: D102
    def receipts(self) -> list[tuple[int, int, bytes]]: ...  # noqa: D102


def state_of(epoch: Epoch) -> EpochState:
    """What an archive, like a hello, says of an epoch."""
    return EpochState(
        epoch.epoch,
        epoch.ordinal,
        epoch.first,
        epoch.anchor,
        epoch.head,
        epoch.head_link,
        epoch.acked,
    )


def page(journal: Journal, ordinal: int, first: int, last: int) -> Records | None:
    """The next records of an epoch from `first` to `last`, PAGE_BYTES of them at most.

    Stops before a seq that is missing. Raises MalformedError.
    """
    rows: list[archive.Row] = []
    begin = size = 0
    for row in journal.rows(ordinal, first, min(_PAGE_ROWS, last - first + 1)):
        if rows and row.seq != begin + len(rows):
            break
        made = (row.body, row.blob, row.link, row.signature)
        size += archive.row_size(made)
        if rows and size > PAGE_BYTES:
            break
        begin = begin or row.seq
        rows.append(made)
    return Records(begin, rows) if rows else None
