"""Reading registrations as people and programs see them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select, union
from sqlalchemy.sql import operators
from sqlalchemy.sql.elements import BooleanClauseList

from cloud.companies.tables import companies, divisions, sites
from cloud.custody.tables import epochs
from cloud.registrations.remarks import remarks
from cloud.registrations.tables import registrations
from cloud.rows import ALL
from cloud.terminals.tables import terminals
from cloud.text import masked
from cloud.times import rfc3339
from cloud.workers.tables import badges, workers
from protocol.badges import Assurance

_employers = companies.alias("employers")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which registrations. What is None does not restrict; times are of the tap, in ms."""

    visible: ColumnElement[bool] = ALL
    since_ms: int | None = None
    until_ms: int | None = None
    terminal_id: int | None = None
    site_id: int | None = None
    worker_id: int | None = None
    division_id: int | None = None
    direction: str | None = None
    also: tuple[ColumnElement[bool], ...] = ()
    """Conditions that have to hold as well."""


def listed(
    conn: Connection,
    wanted: Filter,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
) -> list[RowMapping]:
    """Up to `limit` registrations: the newest arrived first, with an id below `before` if given.

    With `after`, instead the oldest arrived first, with an id above it.
    """
    oldest_first = after is not None
    order = registrations.c.id if oldest_first else registrations.c.id.desc()
    found = [
        _narrowed(wanted, before, after).where(given).order_by(order).limit(limit).subquery()
        for given in _alternatives(wanted.visible)
    ]
    # Each alternative has an index that gives its first ones. What is told of them is asked apart:
    # in one query, the planner may well look up all of it for every row before it picks these.
    ids = union(*(select(each.c.id) for each in found)).subquery()
    first = ids.c.id if oldest_first else ids.c.id.desc()
    chosen = conn.execute(select(ids.c.id).order_by(first).limit(limit)).scalars().all()
    query = _all().where(registrations.c.id.in_(chosen)).order_by(order)
    return list(conn.execute(query).mappings())


def _narrowed(wanted: Filter, before: int | None, after: int | None) -> Select[tuple[int]]:
    query = select(registrations.c.id)
    if after is not None:
        query = query.where(registrations.c.id > after)
    if before is not None:
        query = query.where(registrations.c.id < before)
    if wanted.since_ms is not None:
        query = query.where(registrations.c.tapped_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(registrations.c.tapped_ms < wanted.until_ms)
    for column in ("terminal_id", "site_id", "worker_id", "division_id", "direction"):
        value = getattr(wanted, column)
        if value is not None:
            query = query.where(registrations.c[column] == value)
    return query.where(*wanted.also)


def _alternatives(condition: ColumnElement[bool]) -> Sequence[ColumnElement[bool]]:
    """The parts of an OR; anything else is one part."""
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.or_:
        return list(condition.clauses)
    return [condition]


def one(
    conn: Connection, registration_id: int, *, visible: ColumnElement[bool] = ALL
) -> RowMapping | None:
    """A registration by its id, if it is `visible`."""
    query = _all().where(registrations.c.id == registration_id, visible)
    return conn.execute(query).mappings().first()


def as_json(row: RowMapping, *, whole_badge: bool = False) -> dict[str, Any]:
    """A registration in the words of the API. Times are in Brussels, the offset written out.

    The badge's number is masked unless `whole_badge`.
    """
    number: str = row["badge"]
    given = row["given_name"]
    return {
        "id": row["id"],
        "device": row["device"],
        "epoch": row["epoch"].hex(),
        "seq": row["seq"],
        "reader": row["reader"],
        "badge": number if whole_badge else masked(number),
        "assurance": Assurance(row["assurance"]).label,
        "remarks": remarks(row["flags"]),
        "worker": None if given is None else f"{given} {row['family_name']}",
        "employer": row["employer"],
        "private_company": bool(row["private"]),
        "company": row["company"],
        "division": row["division"],
        "site": row["site"],
        "direction": row["direction"],
        "tapped_at": rfc3339(row["tapped_ms"]),
        "earliest": _told(row["earliest_ms"]),
        "latest": _told(row["latest_ms"]),
        "corrected": bool(row["corrected"]),
        "received_at": rfc3339(row["received_ms"]),
        "reason": row["reason"],
    }


def _told(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def _all() -> Select[Any]:
    return (
        select(
            registrations.c.id,
            registrations.c.seq,
            registrations.c.reader,
            registrations.c.assurance,
            registrations.c.flags,
            registrations.c.direction,
            registrations.c.tapped_ms,
            registrations.c.earliest_ms,
            registrations.c.latest_ms,
            registrations.c.received_ms,
            registrations.c.corrected,
            registrations.c.version,
            registrations.c.reason,
            terminals.c.device,
            epochs.c.epoch,
            badges.c.number.label("badge"),
            workers.c.given_name,
            workers.c.family_name,
            _employers.c.name.label("employer"),
            _employers.c.private,
            companies.c.name.label("company"),
            divisions.c.name.label("division"),
            sites.c.name.label("site"),
        )
        .join(terminals, terminals.c.id == registrations.c.terminal_id)
        .join(epochs, epochs.c.id == registrations.c.epoch_id)
        .join(badges, badges.c.id == registrations.c.badge_id)
        .outerjoin(workers, workers.c.id == registrations.c.worker_id)
        .outerjoin(_employers, _employers.c.id == registrations.c.employer_id)
        .outerjoin(companies, companies.c.id == registrations.c.company_id)
        .outerjoin(divisions, divisions.c.id == registrations.c.division_id)
        .outerjoin(sites, sites.c.id == registrations.c.site_id)
    )


def in_order(conn: Connection, *conditions: ColumnElement[bool]) -> Iterator[RowMapping]:
    """Every registration that meets conditions, by id, without ever holding all of them."""
    query = _all().where(*conditions).order_by(registrations.c.id)
    with conn.execute(query, execution_options={"yield_per": 1000}) as rows:
        yield from rows.mappings()
