"""What a company is not shown any more, because its time is over or somebody asked to be erased.

What was sent about it is emptied, and what was answered, for the company's webhooks alone: another
company may be shown it still. Whoever was told of it is told that it is gone (GDPR art. 19). The
caller commits.
"""

from collections.abc import Collection

from sqlalchemy import Connection, FromClause, insert, literal, select, update

from cloud.rows import whole_numbers
from cloud.times import now_ms
from cloud.webhooks import outbox
from cloud.webhooks.events import Event
from cloud.webhooks.tables import webhook_deliveries, webhook_events, webhooks

_GONE = {
    "registration": Event.REGISTRATION_GONE,
    "correction": Event.CORRECTION_GONE,
    "worker": Event.WORKER_GONE,
}


def withdraw(conn: Connection, thing: str, found: Collection[tuple[int, int]]) -> None:
    """Take things out, each a company and an id, and tell that they are gone."""
    if found:
        given = _given(conn, found)
        _empty(conn, thing, given)
        _tell(conn, _GONE[thing], given)


def empty(conn: Connection, thing: str, found: Collection[tuple[int, int]]) -> None:
    """Take them out of what was sent: somebody whom they name is to be found there no more."""
    if found:
        _empty(conn, thing, _given(conn, found))


def _given(conn: Connection, found: Collection[tuple[int, int]]) -> FromClause:
    return whole_numbers(conn, ("company_id", "subject_id"), sorted(found))


def _empty(conn: Connection, thing: str, given: FromClause) -> None:
    # A webhook before its deliveries, and both by id, as whoever else locks some: of two that
    # began at either end, neither could go on.
    concerned = webhooks.c.company_id.in_(select(given.c.company_id))
    conn.execute(
        select(webhooks.c.id)
        .where(concerned)
        .order_by(webhooks.c.id)
        .with_for_update(read=True, key_share=True)
    ).all()
    sent = (
        select(webhook_deliveries.c.id)
        .join(webhooks, webhooks.c.id == webhook_deliveries.c.webhook_id)
        .join(
            given,
            (given.c.company_id == webhooks.c.company_id)
            & (given.c.subject_id == webhook_deliveries.c.subject_id),
        )
        .where(webhook_deliveries.c.event.startswith(f"{thing}."))
        .order_by(webhook_deliveries.c.webhook_id, webhook_deliveries.c.id)
        .with_for_update(of=webhook_deliveries)
    )
    conn.execute(
        update(webhook_deliveries)
        .where(webhook_deliveries.c.id.in_(sent))
        .values(body=None, answer=None)
    )


def _tell(conn: Connection, event: Event, given: FromClause) -> None:
    now = now_ms()
    chosen = (
        select(
            webhooks.c.id,
            outbox.message_id(conn),
            literal(event.value),
            given.c.subject_id,
            literal(now),
            literal(now),
        )
        .join(given, given.c.company_id == webhooks.c.company_id)
        .join(webhook_events, webhook_events.c.webhook_id == webhooks.c.id)
        .where(webhook_events.c.event == event.value, outbox.is_owed(now))
        .with_for_update(read=True, key_share=True, of=webhooks)
    )
    conn.execute(insert(webhook_deliveries).from_select(outbox.COLUMNS, chosen))
