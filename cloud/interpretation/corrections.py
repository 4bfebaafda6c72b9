"""Taps made before the clock was set, given their time by the clock record that comes after them.

A clock record of the same boot corrects the taps before it, back to where the boot began or to the
clock record before it: that one was nearer to the taps before, and corrected those.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, select

from cloud.custody.tables import records
from cloud.interpretation import times
from cloud.interpretation.reattribution import attribute_again
from cloud.interpretation.times import When
from cloud.interpretation.writing import existing
from protocol.bodies import Body, Kind
from protocol.errors import ProtocolError
from protocol.salvaged import carried_body


def correct_some(
    conn: Connection, where: tuple[int, bytes], clock: Body, before: int, limit: int
) -> tuple[int, int | None]:
    """Correct the taps among the `limit` records below seq `before`; `where`: an epoch's id and it.

    How many records were read, and below which seq to go on: None when there is nothing further.
    """
    epoch_id, epoch = where
    page = conn.execute(
        select(records.c.seq, records.c.body)
        .where(records.c.epoch_id == epoch_id, records.c.seq < before)
        .order_by(records.c.seq.desc())
        .limit(limit)
    ).all()
    moved: dict[int, When] = {}
    for seq, raw in page:
        body = _body(raw, (clock.terminal, epoch, seq))
        if body is not None and _ends(body, clock):
            rest = None
            break
        if body is not None and body.kind == Kind.TAP:
            when = times.corrected(body, clock)
            if when is not None:
                moved[seq] = when
    else:
        rest = page[-1].seq if len(page) == limit else None
    _correct(conn, epoch_id, moved)
    return len(page), rest


def _correct(conn: Connection, epoch_id: int, moved: dict[int, When]) -> None:
    if not moved:
        return
    found: dict[int, Any] = existing(conn, epoch_id, min(moved), max(moved))
    rows = [row for seq, row in found.items() if seq in moved]
    attribute_again(conn, rows, "clock set", {row["id"]: moved[row["seq"]] for row in rows})


def reach(boots: Sequence[tuple[int, bytes]], seq: int, clock: Body) -> int:
    """From which seq on a clock record at `seq` corrects, of records with these seqs and boots."""
    first = seq
    for seq, boot in reversed(boots):
        if boot != clock.time.boot:
            break
        first = seq
    return first


def _ends(body: Body, clock: Body) -> bool:
    """Whether an earlier boot or clock record begins here."""
    return body.time.boot != clock.time.boot or times.is_set(body)


def _body(raw: bytes, place: tuple[bytes, bytes, int]) -> Body | None:
    """What a record means, if it is one and stands where it belongs: others say nothing."""
    try:
        body = Body.decode(raw)
        if (body.terminal, body.epoch, body.seq) != place:
            return None
        return carried_body(body) if body.kind == Kind.SALVAGED else body
    except ProtocolError:
        return None
