"""Reading registrations as people and programs see them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, select

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
    query = _all().where(wanted.visible)
    if after is not None:
        query = query.where(registrations.c.id > after).order_by(registrations.c.id)
    else:
        query = query.order_by(registrations.c.id.desc())
        if before is not None:
            query = query.where(registrations.c.id < before)
    if wanted.since_ms is not None:
        query = query.where(registrations.c.tapped_ms >= wanted.since_ms)
    if wanted.until_ms is not None:
        query = query.where(registrations.c.tapped_ms < wanted.until_ms)
    for column in ("terminal_id", "site_id", "worker_id"):
        value = getattr(wanted, column)
        if value is not None:
            query = query.where(registrations.c[column] == value)
    return list(conn.execute(query.limit(limit)).mappings())


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
