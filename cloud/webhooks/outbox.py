"""What webhooks are to be told of, written where it happens or collected right behind it.

Few things happen to workers, corrections and terminals: they are told of in the transaction of what
happens, by one statement for as many as there are. Registrations come by the thousand, and nothing
is written beside them: interpreters of one database take turns, so that ids of registrations, and
of the lines of their history, are in the order of commits. Each webhook remembers up to which it
was told, and `collect` goes on from there: nothing is told twice or left out, and registrations
that are made anew and remain as they were are not told of at all.
"""

from collections.abc import Collection
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Text,
    and_,
    case,
    cast,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)

from cloud.registrations.tables import registration_history, registrations
from cloud.rows import among, whole_numbers
from cloud.times import now_ms
from cloud.webhooks.events import Event
from cloud.webhooks.tables import webhook_deliveries, webhook_events, webhooks

KEPT_MS = 30 * 86_400_000
"""How long a delivery that is over can be looked at, and how long one that stopped is owed."""
STEP = 2_000
"""Registrations, and lines of their history, looked at in one go."""

COLUMNS = ("webhook_id", "message", "event", "subject_id", "at_ms", "due_ms")
_history = registration_history


def tell(conn: Connection, event: Event, company: int, subjects: Collection[int]) -> None:
    """Have the company's webhooks told of things, once the caller's transaction is committed.

    One statement, whatever there is of either.
    """
    if not subjects:
        return
    now = now_ms()
    given = whole_numbers(conn, ("subject_id",), [(each,) for each in subjects])
    chosen = (
        select(
            webhooks.c.id,
            message_id(conn),
            literal(event.value),
            given.c.subject_id,
            literal(now),
            literal(now),
        )
        .select_from(webhooks)
        .join(webhook_events, webhook_events.c.webhook_id == webhooks.c.id)
        .join(given, literal(1) == 1)
        .where(
            webhooks.c.company_id == company,
            webhook_events.c.event == event.value,
            is_owed(now),
        )
        # One that is being deleted is waited for, and then not told.
        .with_for_update(read=True, key_share=True, of=webhooks)
    )
    conn.execute(insert(webhook_deliveries).from_select(COLUMNS, chosen))


def newest(conn: Connection) -> tuple[int, int]:
    """The newest registration, and the newest line of their history."""
    row = conn.execute(
        select(
            select(func.coalesce(func.max(registrations.c.id), 0)).scalar_subquery(),
            select(func.coalesce(func.max(_history.c.id), 0)).scalar_subquery(),
        )
    ).one()
    return int(row[0]), int(row[1])


def behind(conn: Connection) -> bool:
    """Whether there are registrations, or changes of them, that an active webhook was not told."""
    registration, change = newest(conn)
    late = or_(webhooks.c.seen_registration < registration, webhooks.c.seen_change < change)
    return bool(conn.execute(select(exists().where(webhooks.c.active, late))).scalar())


def collect(conn: Connection, at_ms: int) -> bool:
    """Write what happened to registrations since the last time; whether there may be more of it.

    Of several at once, each takes the webhooks that nobody else does.
    """
    registration, change = newest(conn)
    late = or_(webhooks.c.seen_registration < registration, webhooks.c.seen_change < change)
    rows = conn.execute(
        select(webhooks.c.id, webhooks.c.seen_registration, webhooks.c.seen_change)
        .where(webhooks.c.active, late)
        .order_by(webhooks.c.id)
        .with_for_update(key_share=True, skip_locked=True)
    ).all()
    if not rows:
        return False
    these = among(conn, webhooks.c.id, [row.id for row in rows])
    to_registration = _least(webhooks.c.seen_registration + STEP, registration)
    to_change = _least(webhooks.c.seen_change + STEP, change)
    for found in (
        _fresh(conn, to_registration, at_ms),
        _changed(conn, to_change, at_ms),
    ):
        conn.execute(insert(webhook_deliveries).from_select(COLUMNS, found.where(these)))
    conn.execute(
        update(webhooks)
        .where(these)
        .values(
            seen_registration=_most(webhooks.c.seen_registration, to_registration),
            seen_change=_most(webhooks.c.seen_change, to_change),
        )
    )
    return any(
        row.seen_registration + STEP < registration or row.seen_change + STEP < change
        for row in rows
    )


def is_owed(now_ms: int) -> ColumnElement[bool]:
    """Whether a webhook is told of something: one that stopped lately gets it when it goes on."""
    return or_(webhooks.c.active, webhooks.c.ended_ms > now_ms - KEPT_MS)


def message_id(conn: Connection) -> ColumnElement[str]:
    """A new id for each row: what a receiver knows a message by, whatever was restored meanwhile.

    A number would be given twice by a platform that was put back to an older backup.
    """
    if conn.dialect.name == "postgresql":
        drawn = func.replace(cast(func.gen_random_uuid(), Text), "-", "")
    else:
        drawn = func.lower(func.hex(func.randomblob(16)))
    return literal("msg_") + drawn


def _fresh(conn: Connection, up_to: ColumnElement[int], at_ms: int) -> Select[Any]:
    """Registrations as they were first: their history says so, if they have changed since."""
    first = _history.alias("first")
    changed = first.c.registration_id.is_not(None)
    seen = _seen(
        case((changed, first.c.company_id), else_=registrations.c.company_id),
        case((changed, first.c.employer_id), else_=registrations.c.employer_id),
    )
    between = and_(registrations.c.id > webhooks.c.seen_registration, registrations.c.id <= up_to)
    event = literal(Event.REGISTRATION_CREATED.value)
    return (
        _told(conn, event, registrations.c.id, literal(at_ms), at_ms)
        .select_from(webhooks)
        .join(registrations, between)
        .outerjoin(first, and_(first.c.registration_id == registrations.c.id, first.c.version == 1))
        .join(webhook_events, _chosen(event))
        .where(seen)
        .order_by(registrations.c.id)
    )


def _changed(conn: Connection, up_to: ColumnElement[int], at_ms: int) -> Select[Any]:
    """What registrations became: their next version is in their history, or is how they are now."""
    was, then = _history.alias("was"), _history.alias("then")
    before = _seen(was.c.company_id, was.c.employer_id)
    changed = then.c.registration_id.is_not(None)
    after = _seen(
        case((changed, then.c.company_id), else_=registrations.c.company_id),
        case((changed, then.c.employer_id), else_=registrations.c.employer_id),
    )
    event = case(
        (and_(before, after), Event.REGISTRATION_CHANGED.value),
        (before, Event.REGISTRATION_GONE.value),
        else_=Event.REGISTRATION_CREATED.value,
    )
    between = and_(was.c.id > webhooks.c.seen_change, was.c.id <= up_to)
    following = and_(
        then.c.registration_id == was.c.registration_id, then.c.version == was.c.version + 1
    )
    return (
        _told(conn, event, was.c.registration_id, was.c.at_ms, at_ms)
        .select_from(webhooks)
        .join(was, between)
        .join(registrations, registrations.c.id == was.c.registration_id)
        .outerjoin(then, following)
        .join(webhook_events, _chosen(event))
        .where(or_(before, after))
        .order_by(was.c.id)
    )


def _told(
    conn: Connection,
    event: ColumnElement[str],
    subject: ColumnElement[int],
    happened_ms: ColumnElement[int],
    at_ms: int,
) -> Select[Any]:
    return select(webhooks.c.id, message_id(conn), event, subject, happened_ms, literal(at_ms))


def _chosen(event: ColumnElement[str]) -> ColumnElement[bool]:
    return and_(webhook_events.c.webhook_id == webhooks.c.id, webhook_events.c.event == event)


def _seen(company: ColumnElement[Any], employer: ColumnElement[Any]) -> ColumnElement[bool]:
    """SITE, EMPLOYER and LET GO, as a program of the webhook's company sees it; never NULL.

    What was let go of since is told of by `withdrawing`.
    """
    ours = webhooks.c.company_id
    return or_(
        (func.coalesce(company, 0) == ours) & ~registrations.c.site_let_go,
        (func.coalesce(employer, 0) == ours) & ~registrations.c.employer_let_go,
    )


def _least(one: ColumnElement[int], other: int) -> ColumnElement[int]:
    return case((one < other, one), else_=other)


def _most(one: ColumnElement[int], other: ColumnElement[int]) -> ColumnElement[int]:
    return case((one > other, one), else_=other)
