"""Finds what people are to be told of, and what is over. Run every minute; two at once do no harm.

Each episode is one row: while it stands, the database takes no second one of the same kind about
the same thing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Executable, Table, delete, func, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from cloud.accounts.tables import accounts, invitations
from cloud.companies.tables import companies, divisions, sites
from cloud.custody.tables import alarms, platform
from cloud.notifications.kinds import Kind
from cloud.notifications.tables import (
    notification_mails,
    notification_reads,
    notifications,
)
from cloud.registrations.tables import registrations
from cloud.terminals.queries import readable
from cloud.terminals.tables import telemetry, terminals
from cloud.times import local, rfc3339
from cloud.webhooks import terminals as terminals_told
from cloud.webhooks.queries import missed
from cloud.webhooks.tables import webhook_deliveries, webhooks
from protocol.identity import group

SILENT_MS = 3_600_000
"""A terminal tells every minute; after an hour somebody should go and look."""
AGEING_MS = 30 * 86_400_000
MANY = 50
"""A queue shorter than this is no news: a network that was away for some minutes leaves as many."""
FEW = 20
"""A queue that grew is over once it is this short."""
GROWING_MS = 1_800_000
KEPT_MS = 90 * 86_400_000
"""How long what is over can be read."""
_SEEN = "notified-registrations"
_AGAIN = 10_000
"""Registrations looked at once more: on PostgreSQL a smaller id may be committed after a larger."""

_MOST = 100_000
"""How far back is looked at most, when nobody has looked for long."""


@dataclass(frozen=True, slots=True)
class Episode:
    """Something people are to be told of; whom it concerns, `cloud.visibility.told` says."""

    kind: Kind
    about: str
    detail: dict[str, Any]
    terminal_id: int | None = None
    site_id: int | None = None
    account_id: int | None = None
    company_id: int | None = None


def evaluate(conn: Connection, now_ms: int) -> list[int]:
    """Open what has begun, close what is over; the ids of what was opened. The caller commits."""
    standing = _standing(conn)
    found = [
        *_of_terminals(conn, now_ms, standing),
        *_of_alarms(conn),
        *_of_invitations(conn, now_ms),
        *_of_webhooks(conn),
    ]
    now = {(episode.kind.value, episode.about) for episode in found}
    met = list(_private_companies(conn))
    over = [
        number
        for (kind, about), number in standing.items()
        if kind != Kind.PRIVATE and (kind, about) not in now
    ]
    over += _registered_since(conn)
    closed = _close(conn, over, now_ms)
    begun = [
        (episode, _open(conn, episode, now_ms))
        for episode in (*found, *met)
        if (episode.kind.value, episode.about) not in standing
    ]
    opened = {number: episode for episode, number in begun if number is not None}
    silent = [
        each.terminal_id
        for each in opened.values()
        if each.kind is Kind.SILENT and each.terminal_id is not None
    ]
    terminals_told.silent(conn, silent, now_ms)
    terminals_told.back(conn, closed, now_ms, since_ms=now_ms - SILENT_MS)
    _forget(conn, now_ms - KEPT_MS)
    return list(opened)


def _standing(conn: Connection) -> dict[tuple[str, str], int]:
    rows = conn.execute(
        select(notifications.c.kind, notifications.c.episode, notifications.c.id).where(
            notifications.c.closed_ms.is_(None)
        )
    )
    return {(row.kind, row.episode): row.id for row in rows}


def _open(conn: Connection, episode: Episode, now_ms: int) -> int | None:
    """Its id; None when somebody else opened it just now."""
    made = _absent(conn, notifications).values(
        kind=episode.kind.value,
        episode=episode.about,
        terminal_id=episode.terminal_id,
        site_id=episode.site_id,
        account_id=episode.account_id,
        company_id=episode.company_id,
        detail=json.dumps(episode.detail, ensure_ascii=False),
        at_ms=now_ms,
    )
    made = made.on_conflict_do_nothing(
        index_elements=["kind", "episode"], index_where=text("closed_ms IS NULL")
    ).returning(notifications.c.id)
    found = conn.execute(made).scalar()
    return None if found is None else int(found)


def _close(conn: Connection, numbers: list[int], now_ms: int) -> list[int]:
    """Say of episodes that they are over; the terminals that were silent.

    Of two that look at once, one is given them.
    """
    if not numbers:
        return []
    gone = (
        update(notifications)
        .where(notifications.c.id.in_(numbers), notifications.c.closed_ms.is_(None))
        .values(closed_ms=now_ms)
        .returning(notifications.c.kind, notifications.c.terminal_id)
    )
    return [row.terminal_id for row in conn.execute(gone) if row.kind == Kind.SILENT]


def _absent(conn: Connection, table: Table) -> Any:
    return postgresql.insert(table) if conn.dialect.name == "postgresql" else sqlite.insert(table)


# -- terminals -------------------------------------------------------------------------------------


def _of_terminals(
    conn: Connection, now_ms: int, standing: dict[tuple[str, str], int]
) -> Iterator[Episode]:
    query = select(
        terminals.c.id, terminals.c.device, terminals.c.last_seen_ms, terminals.c.last_status
    ).where(terminals.c.status == "active", terminals.c.last_seen_ms.is_not(None))
    long: dict[int, tuple[str, int]] = {}
    for row in conn.execute(query).mappings():
        said = _object(readable(dict(row))["last_status"].get("telemetry"))
        device = group(row["device"])
        if now_ms - row["last_seen_ms"] > SILENT_MS:
            detail = {"device": device, "since": rfc3339(row["last_seen_ms"])[:19]}
            yield Episode(Kind.SILENT, str(row["id"]), detail, terminal_id=row["id"])
        ends_ms = _number(_object(said.get("certificate")).get("not_after_ms"))
        if ends_ms is not None and ends_ms - now_ms < AGEING_MS:
            detail = {"device": device, "until": local(ends_ms).date().isoformat()}
            about = f"{row['id']}:{ends_ms}"
            yield Episode(Kind.CERTIFICATE, about, detail, terminal_id=row["id"])
        queue = _number(said.get("queue"))
        if queue is not None and queue > FEW:
            long[row["id"]] = (device, queue)
    growing = _growing(conn, list(long), now_ms)
    for number, (device, queue) in long.items():
        stands = (Kind.QUEUE.value, str(number)) in standing
        if stands or (number in growing and queue >= MANY):
            told = {"device": device, "queue": queue}
            yield Episode(Kind.QUEUE, str(number), told, terminal_id=number)


def _growing(conn: Connection, candidates: list[int], now_ms: int) -> set[int]:
    """Those whose queue never shrank in the last half hour, and is longer than at its start."""
    queues: dict[int, list[int]] = {}
    if candidates:
        rows = conn.execute(
            select(telemetry.c.terminal_id, telemetry.c.queue)
            .where(telemetry.c.terminal_id.in_(candidates))
            .where(telemetry.c.at_ms >= now_ms - GROWING_MS, telemetry.c.queue.is_not(None))
            .order_by(telemetry.c.terminal_id, telemetry.c.at_ms)
        )
        for number, queue in rows:
            queues.setdefault(number, []).append(queue)
    return {
        number
        for number, found in queues.items()
        if len(found) >= 3 and found == sorted(found) and found[-1] > found[0]
    }


def _of_alarms(conn: Connection) -> Iterator[Episode]:
    query = (
        select(alarms.c.id, alarms.c.kind, alarms.c.detail, terminals.c.device, terminals.c.id)
        .join(terminals, terminals.c.id == alarms.c.terminal_id)
        .where(alarms.c.kind.in_((Kind.GAP, Kind.FORK)), alarms.c.cleared_ms.is_(None))
    )
    for number, kind, told, device, terminal in conn.execute(query):
        detail = {"device": group(device), "alarm": told}
        yield Episode(Kind(kind), str(number), detail, terminal_id=terminal)


# -- webhooks --------------------------------------------------------------------------------------


def _of_webhooks(conn: Connection) -> Iterator[Episode]:
    """Those that were given up, and those that did not take something for three days."""
    query = select(webhooks.c.id, webhooks.c.company_id, webhooks.c.name, webhooks.c.ended_ms)
    given_up = webhooks.c.ended.in_(("failing", "gone"))
    for row in conn.execute(query.where(given_up)):
        about = f"{row.id}:{row.ended_ms}"
        detail = {"name": row.name}
        yield Episode(Kind.WEBHOOK_ENDED, about, detail, company_id=row.company_id)
    missing = select(webhook_deliveries.c.webhook_id).where(missed())
    for row in conn.execute(query.where(webhooks.c.id.in_(missing))):
        detail = {"name": row.name}
        yield Episode(Kind.WEBHOOK_MISSED, str(row.id), detail, company_id=row.company_id)


# -- people and companies --------------------------------------------------------------------------


def _of_invitations(conn: Connection, now_ms: int) -> Iterator[Episode]:
    query = (
        select(invitations.c.id, invitations.c.expires_ms, accounts.c.id, companies.c.name)
        .join(accounts, accounts.c.email == invitations.c.email)
        .join(companies, companies.c.id == invitations.c.company_id)
        .where(invitations.c.closed_ms.is_(None), invitations.c.expires_ms > now_ms)
    )
    for number, ends_ms, account, company in conn.execute(query):
        detail = {"company": company, "until": local(ends_ms).date().isoformat()}
        yield Episode(Kind.INVITATION, str(number), detail, account_id=account)


def _private_companies(conn: Connection) -> Iterator[Episode]:
    """Employers nobody registered whose workers tapped since the last look, and where."""
    newest = conn.execute(select(func.max(registrations.c.id))).scalar() or 0
    stored = conn.execute(select(platform.c.value).where(platform.c.key == _SEEN)).scalar()
    since = max(int(stored or 0) - _AGAIN, newest - _MOST)
    query = (
        select(companies.c.id, companies.c.vat, sites.c.id, sites.c.name, divisions.c.name)
        .select_from(registrations)
        .join(companies, companies.c.id == registrations.c.employer_id)
        .join(sites, sites.c.id == registrations.c.site_id)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(companies.c.private, registrations.c.id > since)
        .distinct()
    )
    for company, vat, site, name, division in conn.execute(query).all():
        detail = {"vat": vat, "site": f"{division} / {name}"}
        yield Episode(Kind.PRIVATE, f"{company}:{site}", detail, site_id=site)
    conn.execute(_remembered(conn, str(newest)))


def _remembered(conn: Connection, value: str) -> Executable:
    made = _absent(conn, platform).values(key=_SEEN, value=value)
    kept: Executable = made.on_conflict_do_update(index_elements=["key"], set_={"value": value})
    return kept


def _registered_since(conn: Connection) -> list[int]:
    """What tells of a private company that has registered by now."""
    rows = conn.execute(
        select(notifications.c.id, notifications.c.episode).where(
            notifications.c.kind == Kind.PRIVATE.value, notifications.c.closed_ms.is_(None)
        )
    ).all()
    if not rows:
        return []
    still = set(conn.execute(select(companies.c.id).where(companies.c.private)).scalars())
    return [row.id for row in rows if int(row.episode.partition(":")[0]) not in still]


def _forget(conn: Connection, before_ms: int) -> None:
    old = select(notifications.c.id).where(notifications.c.closed_ms < before_ms)
    conn.execute(delete(notification_reads).where(notification_reads.c.notification_id.in_(old)))
    conn.execute(delete(notification_mails).where(notification_mails.c.notification_id.in_(old)))
    conn.execute(delete(notifications).where(notifications.c.closed_ms < before_ms))


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: Any) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**53:
        return None
    return value
