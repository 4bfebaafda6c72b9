"""What custody holds of a terminal, in one file that `pointeuse verify` checks.

Who tapped stays sealed in it, or is not there where it was erased: bodies, links and heads verify
either way. It holds the chains that are attributed, and the receipts' part of the proof is with the
terminal.
"""

from typing import BinaryIO

from sqlalchemy import Connection, RowMapping, select

from cloud.custody import gaps
from cloud.custody.tables import epochs, heads, records
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from protocol.archive import ArchiveWriter, Counts, Row
from protocol.chain import epoch_link
from protocol.hello import EpochState
from protocol.keys import VerifyKey

_PAGE = 300
_SIGNATURE = 64
"""Octets at the end of a head, a COSE_Sign1 (RFC 9052 section 4.2)."""


def write(conn: Connection, terminal_id: int, file: BinaryIO) -> Counts:
    """Write the archive of a terminal; how much of each there is in it."""
    terminal = conn.execute(select(terminals).where(terminals.c.id == terminal_id)).one()
    writer = ArchiveWriter(file, VerifyKey.from_cose(bytes(terminal.public_key)), now_ms())
    chains = conn.execute(
        select(epochs)
        .where(epochs.c.terminal_id == terminal_id, epochs.c.branch == 0)
        .order_by(epochs.c.id)
    ).mappings()
    for number, chain in enumerate(chains.all(), 1):
        writer.epoch(_state(conn, chain, bytes(terminal.thumbprint), number))
        after = chain["first_seq"] - 1
        while rows := _page(conn, chain["id"], after):
            writer.records(rows[0][0], [row for _, row in rows])
            after = rows[-1][0]
    return writer.end()


def _state(conn: Connection, chain: RowMapping, terminal: bytes, number: int) -> EpochState:
    first = chain["first_seq"]
    epoch = bytes(chain["epoch"])
    anchor = gaps.link_at(conn, chain["id"], first - 1) if first > 1 else None
    return EpochState(
        epoch,
        chain["ordinal"] or number,
        first,
        anchor or epoch_link(terminal, epoch),
        chain["head_seq"],
        bytes(chain["head_link"]),
        0,
    )


def _page(conn: Connection, epoch_id: int, after: int) -> list[tuple[int, Row]]:
    """The next records without a hole between them, each with its seq."""
    rows = conn.execute(
        select(records.c.seq, records.c.body, records.c.blob, records.c.link, heads.c.head)
        .outerjoin(heads, (heads.c.epoch_id == records.c.epoch_id) & (heads.c.seq == records.c.seq))
        .where(records.c.epoch_id == epoch_id, records.c.seq > after)
        .order_by(records.c.seq)
        .limit(_PAGE)
    ).all()
    found: list[tuple[int, Row]] = []
    for row in rows:
        if found and row.seq != found[-1][0] + 1:
            break
        blob = bytes(row.blob) if row.blob else None
        signature = None if row.head is None else bytes(row.head)[-_SIGNATURE:]
        found.append((row.seq, (bytes(row.body), blob, bytes(row.link), signature)))
    return found
