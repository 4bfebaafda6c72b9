"""Taps made while the clock was not set, or wrong, given their time by a clock record after them.

A clock record corrects taps of its boot only. A synchronised one goes back to the synchronised one
before it, past those that were only set; one that was only set goes back to the one before it of
either kind, and leaves alone what is corrected already: what a synchronised record said wins, in
whatever order and however often records are interpreted.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, select

from cloud.custody.tables import records
from cloud.interpretation import carrying, times
from cloud.interpretation.reattribution import attribute_again
from cloud.interpretation.times import When
from cloud.interpretation.writing import existing
from cloud.languages.current import mark
from protocol.bodies import Body, Kind
from protocol.errors import ProtocolError
from protocol.salvaged import carried_body

_PAGE = 4096


class _Walk(msgspec.Struct, frozen=True):
    """How many records were read, below which seq to go on, and the record that ends the way."""

    read: int
    rest: int | None
    end: Body | None


class Corrector:
    """Applies clock records, each some records at a time. Used by one thread."""

    def __init__(self) -> None:
        self._going_back: dict[tuple[int, int], int] = {}
        """For a clock record being applied, below which seq to go on."""

    def apply(
        self,
        conn: Connection,
        terminal_id: int,
        place: tuple[int, bytes, int],
        clock: Body,
        limit: int,
    ) -> tuple[int, bool]:
        """Correct taps among the `limit` records before a clock record; how many, and if all are.

        `place` is the epoch's id, the epoch and the seq where the record stands, or is carried.
        """
        epoch_id, epoch, seq = place
        before = self._going_back.pop((epoch_id, seq), seq)
        walk = _walk(conn, (epoch_id, epoch), clock, before, limit)
        if walk.rest is not None:
            self._going_back[epoch_id, seq] = walk.rest
            return walk.read, False
        if clock.epoch != epoch:
            _correct_where_it_stood(conn, terminal_id, clock, walk.end)
        return walk.read, True


def reach(boots: Sequence[tuple[int, bytes]], seq: int, clock: Body) -> int:
    """From which seq on a clock record at `seq` corrects, of records with these seqs and boots."""
    first = seq
    for seq, boot in reversed(boots):
        if boot != clock.time.boot:
            break
        first = seq
    return first


def _correct_where_it_stood(
    conn: Connection, terminal_id: int, clock: Body, end: Body | None
) -> None:
    """Correct the taps that a carried clock record followed, as far as they came before it.

    `end` is where its way ended among the records carried with it: it ends there, too.
    """
    chain = carrying.chain_of(conn, terminal_id, clock.epoch)
    down_to = end.seq if end is not None and end.epoch == clock.epoch else 0
    before: int | None = clock.seq
    while chain is not None and before is not None:
        before = _walk(conn, (chain.id, clock.epoch), clock, before, _PAGE, down_to).rest


def _walk(
    conn: Connection,
    where: tuple[int, bytes],
    clock: Body,
    before: int,
    limit: int,
    down_to: int = 0,
) -> _Walk:
    """Correct the taps among the `limit` records from `down_to` to below `before`.

    `where`: an epoch's id and the epoch.
    """
    epoch_id, epoch = where
    page = conn.execute(
        select(records.c.seq, records.c.body)
        .where(records.c.epoch_id == epoch_id, records.c.seq < before, records.c.seq >= down_to)
        .order_by(records.c.seq.desc())
        .limit(limit)
    ).all()
    moved: dict[int, When] = {}
    end = None
    for seq, raw in page:
        body = _body(raw, (clock.terminal, epoch, seq))
        if body is not None and _ends(body, clock):
            end = body
            break
        if body is not None and body.kind == Kind.TAP:
            when = times.corrected(body.time, clock.time)
            if when is not None:
                moved[seq] = when
    _correct(conn, epoch_id, clock, moved)
    rest = page[-1].seq if end is None and len(page) == limit else None
    return _Walk(len(page), rest, end)


def _correct(conn: Connection, epoch_id: int, clock: Body, moved: dict[int, When]) -> None:
    if not moved:
        return
    found: dict[int, Any] = existing(conn, epoch_id, min(moved), max(moved))
    always = times.is_synchronised(clock)
    rows = [row for seq, row in found.items() if seq in moved and (always or not row["corrected"])]
    attribute_again(conn, rows, mark("clock set"), {row["id"]: moved[row["seq"]] for row in rows})


def _ends(body: Body, clock: Body) -> bool:
    """Whether an earlier boot begins here, or a clock record that says as much as this one."""
    if body.time.boot != clock.time.boot:
        return True
    return times.is_set(body) and body.time.sync >= clock.time.sync


def _body(raw: bytes, place: tuple[bytes, bytes, int]) -> Body | None:
    """What a record means, if it is one and stands where it belongs: others say nothing."""
    try:
        body = Body.decode(raw)
        if (body.terminal, body.epoch, body.seq) != place:
            return None
        return carried_body(body) if body.kind == Kind.SALVAGED else body
    except ProtocolError:
        return None
