"""Which of the rows found in a damaged journal are true, and what is missing between them.

A head proves the link at its record. A link proves the body it was made of and the link before it:
so from each head the proof runs backwards, record by record, until one is missing.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from agent.queue.carving import Found
from protocol.blobs import blob_hash
from protocol.bodies import peek_blob_hash
from protocol.chain import Head, assemble_head, epoch_link, next_link, verify_head
from protocol.errors import ProtocolError
from protocol.keys import VerifyKey


class Proved(msgspec.Struct, frozen=True):
    """A record to keep: its row; the blob is None when it is lost.

    `whole` is False for one whose link is proved but whose body is not, since the record before it
    is missing: nothing contradicts it.
    """

    row: Found
    whole: bool


RowsAt = Callable[[int], Sequence[Found]]
"""From a seq to the rows found for it."""


def prove(
    rows_at: RowsAt,
    last: int,
    first: int,
    *,
    terminal: bytes,
    epoch: bytes,
    signer: VerifyKey,
    anchors: Sequence[bytes] = (),
) -> Iterator[Proved]:
    """The true records of one epoch from `last` down to `first`, in that order.

    `signer` is the key under which heads verify; `anchors` are links before the oldest record, as
    far as they are known.
    """
    starts = {epoch_link(terminal, epoch), *anchors}
    wanted: set[bytes] = set()
    here = rows_at(last)
    for seq in range(last, first - 1, -1):
        below = rows_at(seq - 1)
        before = {row.link for row in below} | starts
        # More than one chain: a commit that failed may have left a head where another came later.
        wanted |= _signed(here, wanted, terminal, signer)
        wanted_below = set()
        for link in sorted(wanted):
            proof = _continuing(here, link, before)
            if proof is not None:
                row, link_before = proof
                wanted_below.add(link_before)
                yield Proved(_with_blob(row, here), whole=True)
            elif not below:
                orphans = (_with_blob(row, here) for row in here if row.link == link)
                yield from (Proved(row, whole=False) for row in orphans)
        here, wanted = below, wanted_below


def is_signed(row: Found, terminal: bytes, signer: VerifyKey) -> bool:
    """Whether a head stands at this row, and is the terminal's."""
    if row.signature is None:
        return False
    head = Head(terminal, row.epoch, row.seq, row.link)
    try:
        verify_head(assemble_head(head, signer, row.signature), signer)
    except ProtocolError:
        return False
    return True


def _signed(
    rows: Sequence[Found], known: set[bytes], terminal: bytes, signer: VerifyKey
) -> set[bytes]:
    """The links that heads among `rows` prove, but for those `known` to be true."""
    others = [row for row in rows if row.link not in known]
    return {row.link for row in others if is_signed(row, terminal, signer)}


def _continuing(
    rows: Sequence[Found], wanted: bytes, before: set[bytes]
) -> tuple[Found, bytes] | None:
    """The row whose body leads from one of the links `before` to `wanted`, and that link."""
    for row in rows:
        for link in before:
            if next_link(link, row.body) == wanted:
                return row, link
    return None


def _with_blob(row: Found, rows: Sequence[Found]) -> Found:
    """The row with the blob its body names, from whichever of `rows` has it; or without."""
    named = peek_blob_hash(row.body)
    for other in rows:
        if other.body == row.body and other.blob is not None and blob_hash(other.blob) == named:
            return other
    return Found(row.epoch, row.seq, row.body, None, row.link, row.signature)
