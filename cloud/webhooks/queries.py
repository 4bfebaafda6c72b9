"""Reading webhooks and their deliveries; never their secrets, nor what was sent but by `sent`."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Select,
    and_,
    func,
    literal_column,
    select,
)

from cloud.companies.tables import companies
from cloud.errors import NotFoundError
from cloud.languages.current import gettext as _
from cloud.rows import ALL
from cloud.visibility import row_security
from cloud.webhooks.events import Event
from cloud.webhooks.sending import Outcome
from cloud.webhooks.tables import webhook_deliveries, webhook_events, webhooks

_SECRET = ("sealed", "sealed_before")
_told = [column for column in webhooks.c if column.name not in _SECRET]
_of = [column for column in webhook_deliveries.c if column.name != "body"]
_open = webhook_deliveries.c.over_ms.is_(None)
_taken = webhook_deliveries.c.outcome == Outcome.TAKEN.value


class State(StrEnum):
    """How far a delivery is."""

    WAITING = "waiting"
    """It was not tried yet."""
    FAILING = "failing"
    """It is tried again."""
    TAKEN = "taken"
    GIVEN_UP = "given-up"


def listed(
    conn: Connection,
    *,
    visible: ColumnElement[bool] = ALL,
    after: int = 0,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Webhooks that are `visible`, with an id above `after`, by id.

    Each with its `events`, how many deliveries it is `owed`, and how many of it were `missed`.
    """
    rows = conn.execute(
        select(*_told, companies.c.name.label("company"), _count(_open), _count(missed(), "missed"))
        .join(companies, companies.c.id == webhooks.c.company_id)
        .where(visible, webhooks.c.id > after)
        .order_by(webhooks.c.id)
        .limit(limit)
    ).mappings()
    return [{**row, "events": sorted(events_of(conn, row["id"]))} for row in rows]


def one(conn: Connection, webhook: int, *, visible: ColumnElement[bool] = ALL) -> dict[str, Any]:
    """A webhook that is `visible`, as `listed` gives it. Raises NotFoundError."""
    found = listed(conn, visible=and_(visible, webhooks.c.id == webhook), limit=1)
    if not found:
        raise no_such_webhook()
    return found[0]


def no_such_webhook() -> NotFoundError:
    """What is raised for one that is not there, or is somebody else's."""
    return NotFoundError(_("There is no such webhook."))


def events_of(conn: Connection, webhook: int) -> frozenset[Event]:
    """The events that a webhook is told of."""
    chosen = select(webhook_events.c.event).where(webhook_events.c.webhook_id == webhook)
    return frozenset(Event(word) for word in conn.execute(chosen).scalars())


def shown(conn: Connection, company: int, webhook: int) -> dict[str, str]:
    """What a form shows of a webhook. Raises NotFoundError."""
    row = one(conn, webhook, visible=webhooks.c.company_id == company)
    return {
        "name": row["name"],
        "url": row["url"],
        "events": " ".join(row["events"]),
        "scopes": row["scopes"],
    }


def deliveries(
    conn: Connection,
    webhook: int,
    *,
    only: State | None = None,
    before: int | None = None,
    limit: int,
) -> Sequence[RowMapping]:
    """Deliveries of a webhook, the newest first, with an id below `before` if given."""
    query = _deliveries().where(webhook_deliveries.c.webhook_id == webhook)
    if only is not None:
        query = query.where(_is(only))
    if before is not None:
        query = query.where(webhook_deliveries.c.id < before)
    return conn.execute(query.limit(limit)).mappings().all()


def delivery(conn: Connection, webhook: int, number: int) -> RowMapping:
    """A delivery of a webhook by its id. Raises NotFoundError."""
    table = webhook_deliveries
    query = _deliveries().where(table.c.webhook_id == webhook, table.c.id == number)
    found = conn.execute(query).mappings().one_or_none()
    if found is None:
        raise NotFoundError(_("There is no such delivery any more; they are kept for 30 days."))
    return found


def sent(conn: Connection, number: int) -> str | None:
    """The body of a delivery; None when it was not sent yet.

    For whoever may read all that is in it: the role that reads may not.
    """
    query = select(webhook_deliveries.c.body).where(webhook_deliveries.c.id == number)
    with row_security.lifted(conn):
        found = conn.execute(query).scalar()
    return None if found is None else str(found)


def state(row: Any) -> State:
    """How far a delivery is."""
    if row["over_ms"] is not None:
        return State.TAKEN if row["outcome"] == Outcome.TAKEN else State.GIVEN_UP
    return State.FAILING if row["tried_ms"] is not None and row["tries"] else State.WAITING


def oldest_due(conn: Connection, webhook: int, at_ms: int) -> int | None:
    """Since when the oldest delivery that is due has been so; None when none is."""
    table = webhook_deliveries
    query = select(func.min(table.c.due_ms)).where(
        table.c.webhook_id == webhook, _open, table.c.due_ms <= at_ms
    )
    found = conn.execute(query).scalar()
    return None if found is None else int(found)


def _deliveries() -> Select[Any]:
    return select(*_of).order_by(webhook_deliveries.c.id.desc())


def missed() -> ColumnElement[bool]:
    """Deliveries that were given up, while their webhook took others; an index finds them."""
    return and_(~_open, webhook_deliveries.c.outcome != literal_column("'taken'"))


def _is(wanted: State) -> ColumnElement[bool]:
    """What `state` says, as a condition."""
    tried = and_(webhook_deliveries.c.tried_ms.is_not(None), webhook_deliveries.c.tries > 0)
    match wanted:
        case State.TAKEN:
            return and_(~_open, _taken)
        case State.GIVEN_UP:
            return missed()
        case State.FAILING:
            return and_(_open, tried)
        case State.WAITING:
            return and_(_open, ~tried)


def _count(which: ColumnElement[bool], name: str = "owed") -> Any:
    table = webhook_deliveries
    counted = select(func.count(table.c.id)).where(table.c.webhook_id == webhooks.c.id, which)
    return counted.scalar_subquery().label(name)
