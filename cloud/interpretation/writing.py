"""Registrations as rows: written once, changed with their history kept."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, bindparam, insert, select, update

from cloud.bulk import insert_rows
from cloud.custody.tables import records
from cloud.interpretation import times
from cloud.interpretation.attribution import Attribution
from cloud.interpretation.times import When
from cloud.registrations import reattribution
from cloud.registrations.tables import registration_history, registrations
from cloud.times import now_ms
from protocol.bodies import Body, Kind, Sync
from protocol.errors import MalformedError

ATTRIBUTED = ("worker_id", "employer_id", "company_id", "division_id", "site_id")
"""What history keeps."""
_CHUNK = 500
_COLUMNS = (
    "epoch_id", "seq", "terminal_id", "reader", "badge_id", "assurance", "flags", "direction",
    "received_ms", "tapped_ms", "earliest_ms", "latest_ms", "corrected", "worker_id",
    "employer_id", "company_id", "division_id", "site_id", "reason",
)  # fmt: skip


class Draft(msgspec.Struct, frozen=True):
    """A registration as interpretation makes it."""

    epoch_id: int
    seq: int
    terminal_id: int
    reader: str | None
    badge_id: int
    assurance: int
    flags: int
    direction: str
    received_ms: int
    when: When
    attribution: Attribution

    def values(self) -> dict[str, Any]:
        """The columns of the row, in the order of _COLUMNS."""
        when, attribution = self.when, self.attribution
        values = (
            self.epoch_id, self.seq, self.terminal_id, self.reader, self.badge_id,
            self.assurance, self.flags, self.direction, self.received_ms,
            when.tapped_ms, when.earliest_ms, when.latest_ms, when.corrected,
            attribution.worker_id, attribution.employer_id, attribution.company_id,
            attribution.division_id, attribution.site_id, attribution.reason,
        )  # fmt: skip
        return dict(zip(_COLUMNS, values, strict=True))


def write(conn: Connection, drafts: Sequence[Draft]) -> None:
    """Write drafts of one epoch: new rows, and changes to rows that were there already."""
    for start in range(0, len(drafts), _CHUNK):
        part = drafts[start : start + _CHUNK]
        epoch_id = part[0].epoch_id
        seqs = [draft.seq for draft in part]
        there = _existing(conn, epoch_id, seqs)
        fresh = [tuple(draft.values().values()) for draft in part if draft.seq not in there]
        insert_rows(conn, registrations, _COLUMNS, fresh)
        for draft in part:
            row = there.get(draft.seq)
            if row is not None:
                change(conn, row, draft.values(), "reinterpreted")


def change(conn: Connection, row: Mapping[str, Any], values: Mapping[str, Any], why: str) -> bool:
    """Bring a row to `values`, its former attribution into history; whether anything changed."""
    if all(row[name] == value for name, value in values.items()):
        return False
    conn.execute(
        insert(registration_history).values(
            registration_id=row["id"],
            version=row["version"],
            at_ms=now_ms(),
            why=why,
            **{name: row[name] for name in ATTRIBUTED},
        )
    )
    conn.execute(
        update(registrations)
        .where(registrations.c.id == bindparam("row_id"))
        .values(version=row["version"] + 1, **values),
        {"row_id": row["id"]},
    )
    return True


def correct(conn: Connection, epoch_id: int, terminal_id: int, clock: Body) -> None:
    """Give the taps before a clock record the times it shows.

    As far back as its boot goes, or to the clock record before it: that one was nearer to the taps
    before, and corrected them.
    """
    moved: dict[int, When] = {}
    for seq, raw in _backwards(conn, epoch_id, clock.seq):
        body = _tap_of_boot(raw, clock)
        if body is False:
            break
        if isinstance(body, Body) and (when := times.corrected(body, clock)) is not None:
            moved[seq] = when
    for seq, row in _existing(conn, epoch_id, moved).items():
        when = moved[seq]
        values = {
            "tapped_ms": when.tapped_ms,
            "earliest_ms": when.earliest_ms,
            "latest_ms": when.latest_ms,
            "corrected": True,
        }
        if change(conn, row, values, "clock set"):
            reattribution.request(
                conn, terminal_id=terminal_id, badge_id=row["badge_id"], why="clock set"
            )


def _backwards(conn: Connection, epoch_id: int, before: int) -> Iterator[tuple[int, bytes]]:
    """Seq and raw body of the records below `before`, newest first, a page at a time."""
    while True:
        page = conn.execute(
            select(records.c.seq, records.c.body)
            .where(records.c.epoch_id == epoch_id, records.c.seq < before)
            .order_by(records.c.seq.desc())
            .limit(_CHUNK)
        ).all()
        yield from ((row.seq, row.body) for row in page)
        if len(page) < _CHUNK:
            return
        before = page[-1].seq


def _tap_of_boot(raw: bytes, clock: Body) -> Body | bool:
    """The tap; True for what is none; False where an earlier boot or clock record begins."""
    try:
        body = Body.decode(raw)
    except MalformedError:
        return True
    if body.time.boot != clock.time.boot:
        return False
    if body.kind == Kind.CLOCK and body.time.sync is not Sync.UNSET:
        return False
    return body if body.kind == Kind.TAP else True


def _existing(conn: Connection, epoch_id: int, seqs: Iterable[int]) -> dict[int, Any]:
    found: dict[int, Any] = {}
    wanted = list(seqs)
    for start in range(0, len(wanted), _CHUNK):
        rows = conn.execute(
            select(registrations).where(
                registrations.c.epoch_id == epoch_id,
                registrations.c.seq.in_(wanted[start : start + _CHUNK]),
            )
        ).mappings()
        found |= {row["seq"]: row for row in rows}
    return found
