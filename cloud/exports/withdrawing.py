"""Taking persons out of snapshots that were made, and telling the next one what is shown no more.

A snapshot keeps the lines it had, but of whoever is shown no more a line says only that there was
one. A snapshot that is being made reads what was there when it began: what is to be
taken out waits until it is finished.
"""

import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Engine, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from cloud.exports.tables import export_parts, exports, withdrawals
from cloud.rows import among

BATCH = 1000
SIGNED = {"entered": "entered_by", "approved": "approved_by"}
"""Columns of a line that name who signed a correction."""


class Withdrawn(msgspec.Struct, frozen=True):
    """Something that a company is not shown any more; `what` is as in the table."""

    company_id: int | None
    what: str
    number: int
    division_id: int | None = None
    site_id: int | None = None
    erased: bool = True
    version: int | None = None


def remember(conn: Connection, found: Collection[Withdrawn], at_ms: int) -> None:
    """Remember what companies with snapshots are shown no more; each is given once."""
    if not found:
        return
    known = sorted({each.company_id for each in found if each.company_id is not None})
    telling = set(
        conn.execute(
            select(exports.c.company_id).where(among(conn, exports.c.company_id, known)).distinct()
        ).scalars()
    )
    values = [
        msgspec.structs.asdict(each) | {"at_ms": at_ms, "in_exports": True}
        for each in found
        if each.company_id in telling
    ]
    if not values:
        return
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    made = insert(withdrawals)
    later = func.coalesce(withdrawals.c.version < made.excluded.version, False)
    # What was taken out when it was restricted is out; that it is erased now, is told once more.
    conn.execute(
        made.on_conflict_do_update(
            index_elements=["company_id", "what", "number"],
            set_={
                "at_ms": made.excluded.at_ms,
                "erased": or_(withdrawals.c.erased, made.excluded.erased),
                "version": made.excluded.version,
                "in_exports": or_(withdrawals.c.in_exports, later),
            },
            where=or_(~withdrawals.c.erased & made.excluded.erased, later),
        ),
        values,
    )


def waiting(conn: Connection) -> list[int]:
    """The companies from whose snapshots something is to be taken out."""
    query = select(withdrawals.c.company_id).where(withdrawals.c.in_exports).distinct()
    return list(conn.execute(query.order_by(withdrawals.c.company_id)).scalars())


def take_out(engine: Engine, company: int) -> int:
    """Take some of it out of a company's snapshots, a part in each transaction; how much it was.

    Cut short, it is begun again. Takes nothing out while a snapshot is being made.
    """
    with engine.connect() as conn:
        some = _some(conn, company)
        if not some or _is_making(conn, company):
            return 0
        parts = _parts(conn, company, some)
    for export, part in parts:
        with engine.begin() as conn:
            _rewrite(conn, export, part, some)
    with engine.begin() as conn:
        # One that was begun since has read what there was before some of this went, or may have.
        if _is_making(conn, company):
            return 0
        for what, numbers in some.items():
            conn.execute(
                update(withdrawals)
                .where(withdrawals.c.company_id == company, withdrawals.c.what == what)
                .where(among(conn, withdrawals.c.number, sorted(numbers)))
                .values(in_exports=False)
            )
    return sum(len(numbers) for numbers in some.values())


def noted(lines: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What is noted of a part beside its content, to find it by."""
    numbers = []
    corrections = False
    for line in lines:
        if "correction" in line:
            corrections = True
        elif isinstance(line.get("registration"), int):
            numbers.append(line["registration"])
    return {
        "first_registration": min(numbers, default=0),
        "last_registration": max(numbers, default=0),
        "corrections": corrections,
    }


_Some = Mapping[str, Mapping[int, int | None]]
"""What is taken out: the numbers of each kind, with the last version of an `earlier` one."""


def _some(conn: Connection, company: int) -> _Some:
    rows = conn.execute(
        select(withdrawals.c.what, withdrawals.c.number, withdrawals.c.version)
        .where(withdrawals.c.company_id == company, withdrawals.c.in_exports)
        .order_by(withdrawals.c.what, withdrawals.c.number)
        .limit(BATCH)
    )
    found: dict[str, dict[int, int | None]] = {}
    for what, number, version in rows:
        found.setdefault(what, {})[number] = version
    return found


def _is_making(conn: Connection, company: int) -> bool:
    query = select(exports.c.id).where(
        exports.c.company_id == company, exports.c.finished_ms.is_(None)
    )
    return conn.execute(query).first() is not None


def _parts(conn: Connection, company: int, some: _Some) -> list[tuple[int, int]]:
    """The parts that may hold something of it."""
    numbers = {**some.get("registration", {}), **some.get("earlier", {})}
    within = and_(
        export_parts.c.last_registration >= min(numbers, default=0),
        export_parts.c.first_registration <= max(numbers, default=-1),
    )
    # A part of before this was noted is read, whatever it holds.
    wanted = [within, export_parts.c.corrections.is_(None)]
    if some.keys() - {"registration", "earlier"}:
        wanted.append(export_parts.c.corrections)
    query = (
        select(export_parts.c.export_id, export_parts.c.part)
        .join(exports, exports.c.id == export_parts.c.export_id)
        .where(exports.c.company_id == company, or_(*wanted))
        .order_by(export_parts.c.export_id, export_parts.c.part)
    )
    return [(row.export_id, row.part) for row in conn.execute(query)]


def _rewrite(conn: Connection, export: int, part: int, some: _Some) -> None:
    """Put a part in its place without it."""
    this = (export_parts.c.export_id == export) & (export_parts.c.part == part)
    # Another process may be taking something else out of it: one waits for the other.
    query = select(export_parts.c.content).where(this).with_for_update()
    content = conn.execute(query).scalar()
    if content is None:
        return
    lines = [json.loads(line) for line in zlib.decompress(content).decode().split("\n")]
    left = [_without(line, some) for line in lines]
    values: dict[str, Any] = noted(lines)
    if left != lines:
        text = "\n".join(json.dumps(line, ensure_ascii=False) for line in left)
        values["content"] = zlib.compress(text.encode())
    conn.execute(update(export_parts).where(this).values(values))


def _without(line: dict[str, Any], some: _Some) -> dict[str, Any]:
    """A line as it stands afterwards."""
    registration, correction = line.get("registration"), line.get("correction")
    if correction is None:
        last = some.get("earlier", {}).get(line["registration"]) or 0
        gone = registration in some.get("registration", ()) or line.get("version", last + 1) <= last
        return {"line": line["line"], "registration": registration} if gone else line
    if correction in some.get("correction", ()):
        return {"line": line["line"], "correction": correction}
    signed = {
        column: None
        for what, column in SIGNED.items()
        if correction in some.get(what, ()) and column in line
    }
    return {**line, **signed}


def since(
    conn: Connection,
    visible: ColumnElement[bool],
    since_ms: int,
    last_registration: int,
    last_correction: int,
) -> list[Any]:
    """What was in earlier snapshots and is shown no more since, as rows of `withdrawals`."""
    known = or_(
        and_(withdrawals.c.what == "registration", withdrawals.c.number <= last_registration),
        and_(withdrawals.c.what == "correction", withdrawals.c.number <= last_correction),
    )
    query = (
        select(withdrawals)
        .where(visible, withdrawals.c.at_ms >= since_ms, known)
        .order_by(withdrawals.c.what.desc(), withdrawals.c.number)
    )
    return list(conn.execute(query))
