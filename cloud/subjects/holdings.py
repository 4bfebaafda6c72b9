"""Everything that a company holds of one person, as plain values.

Who they are, if they work for it; where and when they registered, as far as the company is shown
it; and what it did with that. Of another company nothing is said but the name of where its own
worker registered. Who looked is given by account number alone: that is somebody else's data.
"""

import json
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, and_, or_, select

from cloud.apps.tables import apps, technical_accounts
from cloud.audit.tables import audit
from cloud.companies.tables import companies, divisions, sites
from cloud.custody.tables import epochs
from cloud.exports.tables import exports
from cloud.registrations import attendance
from cloud.registrations.holding import shown_to
from cloud.registrations.remarks import remarks
from cloud.registrations.tables import (
    correction_decisions,
    registration_corrections,
    registrations,
)
from cloud.terminals.tables import terminals
from cloud.times import now_ms, rfc3339
from cloud.visibility import row_security
from cloud.visibility.rules import Viewer
from cloud.workers.tables import badges, workers
from cloud.workers.vault import Vault
from protocol.badges import Assurance

_SUBJECTS = ("worker", "badge", "day", "app", "person")
"""Whose lines of the trail name a worker by its id."""


class Subject(msgspec.Struct, frozen=True):
    """A person a company knows: one of its workers, or one who registered at its sites."""

    worker: int
    own: bool
    name: str


def subject(conn: Connection, who: Viewer, worker: int) -> Subject:
    """The person of a worker's id, if the company has anything of it. Raises NotFoundError."""
    row = conn.execute(
        select(workers).where(
            workers.c.id == worker,
            workers.c.company_id == who.company_id,
            workers.c.restricted_ms.is_(None),
        )
    ).one_or_none()
    if row is not None:
        return Subject(worker, True, f"{row.given_name} {row.family_name}")
    found = attendance.known(conn, who, worker)
    return Subject(worker, False, f"{found['given_name']} {found['family_name']}")


def holdings(
    conn: Connection,
    company: int,
    worker: int,
    vault: Vault | None,
    *,
    restricted: bool = False,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> dict[str, Any]:
    """All of it; if `restricted`, what is kept for inspectors alone. `vault` opens the INSS."""
    with row_security.lifted(conn):
        owner = conn.execute(
            select(companies.c.name, companies.c.vat).where(companies.c.id == company)
        ).one()
        which = _which(company, worker, restricted, since_ms, until_ms)
        return {
            "made_at": rfc3339(now_ms()),
            "company": {"name": owner.name, "vat": owner.vat},
            "person": _person(conn, company, worker, vault),
            "badges": _badges(conn, company, worker, which),
            "apps": _apps(conn, company, worker),
            "registrations": _presences(conn, which),
            "corrections": _corrections(conn, company, worker),
            "snapshots": _snapshots(conn, company),
            "trail": _trail(conn, company, worker),
        }


def _person(conn: Connection, company: int, worker: int, vault: Vault | None) -> dict[str, Any]:
    row = conn.execute(select(workers).where(workers.c.id == worker)).one()
    named = {"given_name": row.given_name, "family_name": row.family_name}
    if row.company_id != company:
        return named
    inss = None
    if row.inss_sealed is not None:
        absent = "sealed; the key to open it is not here"
        inss = absent if vault is None else vault.unseal(row.inss_sealed)
    return {"number": row.number.strip(), **named, "inss": inss, "active": bool(row.active)}


def _badges(
    conn: Connection, company: int, worker: int, which: ColumnElement[bool]
) -> list[dict[str, Any]]:
    """Those linked to its own worker; and those that registered what it is shown."""
    ours = select(workers.c.id).where(workers.c.id == worker, workers.c.company_id == company)
    used = select(registrations.c.badge_id).where(which)
    query = select(badges).where(or_(badges.c.worker_id.in_(ours), badges.c.id.in_(used)))
    return [
        {
            "profile": row.profile,
            "number": row.number,
            "valid_from": _moment(row.valid_from_ms),
            "valid_until": _moment(row.valid_until_ms),
        }
        for row in conn.execute(query.order_by(badges.c.id))
    ]


def _apps(conn: Connection, company: int, worker: int) -> list[dict[str, Any]]:
    """Those of its own worker, also those that ended."""
    return [
        {
            "name": row.name,
            "technical_account": row.technical_account_id,
            "paired_at": rfc3339(row.created_ms),
            "last_used_on": None if row.used_ms is None else rfc3339(row.used_ms)[:10],
            "ended_at": _moment(row.revoked_ms),
        }
        for row in conn.execute(
            select(apps)
            .join(technical_accounts, technical_accounts.c.id == apps.c.technical_account_id)
            .join(workers, workers.c.id == technical_accounts.c.worker_id)
            .where(workers.c.id == worker, workers.c.company_id == company)
            .order_by(apps.c.id)
        )
    ]


def _which(
    company: int, worker: int, restricted: bool, since_ms: int | None, until_ms: int | None
) -> ColumnElement[bool]:
    """The presences of a worker that a company is shown; or those that are restricted."""
    table = registrations.c
    conditions: list[ColumnElement[bool]] = [
        table.worker_id == worker,
        shown_to(company, let_go=restricted),
    ]
    if since_ms is not None:
        conditions.append(table.tapped_ms >= since_ms)
    if until_ms is not None:
        conditions.append(table.tapped_ms < until_ms)
    return and_(*conditions)


def _presences(conn: Connection, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    table = registrations.c
    query = (
        select(
            registrations,
            badges.c.number.label("badge"),
            terminals.c.device,
            epochs.c.epoch,
            companies.c.name.label("company"),
            divisions.c.name.label("division"),
            sites.c.name.label("site"),
        )
        .join(badges, badges.c.id == table.badge_id)
        .join(terminals, terminals.c.id == table.terminal_id)
        .join(epochs, epochs.c.id == table.epoch_id)
        .outerjoin(companies, companies.c.id == table.company_id)
        .outerjoin(divisions, divisions.c.id == table.division_id)
        .outerjoin(sites, sites.c.id == table.site_id)
        .where(which)
        .order_by(table.tapped_ms, table.id)
    )
    return [
        {
            "registration": row.id,
            "tapped_at": rfc3339(row.tapped_ms),
            "earliest": _moment(row.earliest_ms),
            "latest": _moment(row.latest_ms),
            "received_at": rfc3339(row.received_ms),
            "direction": row.direction,
            "company": row.company,
            "division": row.division,
            "site": row.site,
            "device": row.device,
            "reader": row.reader,
            "badge": row.badge,
            "assurance": Assurance(row.assurance).label,
            "remarks": ", ".join(remarks(row.flags)),
            "reason": row.reason,
            "clock_corrected": bool(row.corrected),
            "epoch": bytes(row.epoch).hex(),
            "seq": row.seq,
        }
        for row in conn.execute(query)
    ]


def _corrections(conn: Connection, company: int, worker: int) -> list[dict[str, Any]]:
    table = registration_corrections
    query = (
        select(table, correction_decisions.c.approved)
        .outerjoin(correction_decisions, correction_decisions.c.correction_id == table.c.id)
        .where(table.c.company_id == company, table.c.worker_id == worker)
        .order_by(table.c.id)
    )
    return [
        {
            "correction": row.id,
            "registration": row.registration_id,
            "kind": row.kind,
            "tapped_at": rfc3339(row.tapped_ms),
            "direction": row.direction,
            "why": row.reason,
            "entered_at": rfc3339(row.at_ms),
            "approved": row.approved,
        }
        for row in conn.execute(query)
    ]


def _snapshots(conn: Connection, company: int) -> list[dict[str, Any]]:
    """Snapshots that were made, in which the person may be."""
    query = select(exports.c.number, exports.c.at_ms).where(
        exports.c.company_id == company, exports.c.finished_ms.is_not(None)
    )
    return [
        {"number": row.number, "made_at": rfc3339(row.at_ms)}
        for row in conn.execute(query.order_by(exports.c.number))
    ]


def _trail(conn: Connection, company: int, worker: int) -> list[dict[str, Any]]:
    about = or_(*(audit.c.tag.like(f"%:{each}:%") for each in _SUBJECTS))
    query = select(audit).where(audit.c.company_id == company, audit.c.target_id == worker, about)
    return [
        {
            "at": rfc3339(row.at_ms),
            "what": row.tag,
            "account": row.account_id,
            "detail": json.loads(row.detail),
        }
        for row in conn.execute(query.order_by(audit.c.id))
    ]


def _moment(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)
