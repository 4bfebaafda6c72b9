"""Which deliveries are tried when, and what becomes of them. The caller commits.

A delivery that is taken in hand is put off first, so that another process does not send it as well;
whoever falls over before it notes what became of it leaves it to be sent again. What fails is tried
after ever longer waits, those that Standard Webhooks proposes, for three days. A server that takes
nothing is asked with one delivery at a time, and not all the time; when it takes something again,
all that it is owed is due. After three days of nothing the webhook ends, and what it is owed waits
until somebody activates it; one delivery of a webhook that takes others is given up.
"""

import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, delete, exists, or_, select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from cloud import failures
from cloud.webhooks.outbox import KEPT_MS
from cloud.webhooks.places import Whose
from cloud.webhooks.sending import Answer, Outcome
from cloud.webhooks.tables import webhook_deliveries, webhooks

WAITS_MS = (
    5_000, 300_000, 1_800_000,
    *(hours * 3_600_000 for hours in (2, 5, 10, 14, 20, 24)),
)  # fmt: skip
"""Between one try and the next; the last is for all that follow."""
GIVEN_UP_MS = 3 * 86_400_000
LEASE_MS = 60_000
"""How long a delivery is in hand, at most: several times what sending takes."""
AT_ONCE = 4
"""Deliveries of one webhook in hand at once."""
OF_COMPANY = 8
"""And of all webhooks of one company."""
_PAUSE_MS = 300_000
"""The longest pause of a server that takes nothing."""
_OUTAGE_MS = 600_000
"""After a failure of this length, all that is owed is due as soon as something is taken."""
_FORGOTTEN = 10_000
"""Deliveries taken away in one go."""

_table = webhook_deliveries
_open = _table.c.over_ms.is_(None)
_log = logging.getLogger("pointeuse.webhooks")


@dataclass(frozen=True, slots=True)
class Tried:
    """A delivery that was tried, and what became of that."""

    id: int
    webhook_id: int
    message: str
    answer: Answer


def jitter() -> float:
    """What a wait is multiplied with: those who failed together do not all come back together."""
    return random.uniform(0.9, 1.1)  # noqa: S311 - protects nothing


def is_due(conn: Connection, at_ms: int) -> bool:
    """Whether there is anything to be sent."""
    return bool(conn.execute(select(_due(at_ms).exists())).scalar())


def claim(
    conn: Connection, at_ms: int, *, most: int, in_hand: Mapping[Whose, int]
) -> list[tuple[Row[Any], list[Row[Any]]]]:
    """Take up to `most` deliveries that are due in hand, by webhook, with its row.

    `in_hand` says how many of each webhook are so already. However much is owed to a company, and
    however slow its servers are, there is room for others.
    """
    of_company: Counter[int] = Counter()
    for (company, _webhook), held in in_hand.items():
        of_company[company] += held
    found = conn.execute(_due(at_ms)).all()
    # Those that come last today come first another time.
    random.shuffle(found)  # type: ignore[arg-type]
    claimed = []
    for webhook in found:
        limit = 1 if webhook.failing_since_ms is not None else AT_ONCE
        company = webhook.company_id
        limit -= in_hand.get((company, webhook.id), 0)
        limit = min(limit, OF_COMPANY - of_company[company], most)
        if limit <= 0:
            continue
        rows = conn.execute(
            select(_table)
            .where(_table.c.webhook_id == webhook.id, _open, _table.c.due_ms <= at_ms)
            .order_by(_table.c.due_ms, _table.c.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        ).all()
        for row in rows:
            conn.execute(
                update(_table)
                .where(_table.c.id == row.id)
                .values(
                    tries=row.tries + 1,
                    first_ms=at_ms if row.first_ms is None else row.first_ms,
                    due_ms=at_ms + LEASE_MS,
                )
            )
        if rows:
            claimed.append((webhook, list(rows)))
            most -= len(rows)
            of_company[company] += len(rows)
    return claimed


def mark(
    conn: Connection,
    tried: Sequence[Tried],
    at_ms: int,
    jitter: Callable[[], float] = jitter,
) -> None:
    """Note what became of deliveries that were in hand.

    Each by itself: one that cannot be noted is sent again, and holds up no other. Raises
    OperationalError, InterfaceError when it is the database that fails.
    """
    # In one order, the webhook before its deliveries, as whoever deletes one does.
    for each in sorted(tried, key=lambda each: (each.webhook_id, each.id)):
        try:
            with conn.begin_nested():
                _mark(conn, each, at_ms, jitter)
        except (OperationalError, InterfaceError):
            raise
        except Exception as error:  # noqa: BLE001 - of this delivery alone
            _log.warning("delivery %d is not noted: %s", each.id, failures.where(error))


def _mark(conn: Connection, tried: Tried, at_ms: int, jitter: Callable[[], float]) -> None:
    webhook = conn.execute(
        select(webhooks).where(webhooks.c.id == tried.webhook_id).with_for_update(key_share=True)
    ).one_or_none()
    this = _table.c.id == tried.id
    # SQLite gives the ids of what was deleted again; no message is named as another was.
    row = conn.execute(select(_table).where(this, _table.c.message == tried.message)).one_or_none()
    if webhook is None or row is None:
        # It was deleted meanwhile.
        return
    answer = tried.answer
    # Whoever has it sent anew during a try sets both back; this is the first try then.
    tries, first_ms = max(row.tries, 1), at_ms if row.first_ms is None else row.first_ms
    values: dict[str, Any] = {
        "tries": tries,
        "first_ms": first_ms,
        "tried_ms": at_ms,
        "answer": answer.said,
        **_last(answer),
    }
    if answer.outcome is Outcome.TAKEN:
        values["over_ms"] = at_ms
        _took(conn, webhook, answer, at_ms)
    elif _failed(conn, webhook, answer, at_ms) and at_ms - first_ms >= GIVEN_UP_MS:
        values["over_ms"] = at_ms
    else:
        wait_ms = WAITS_MS[min(tries, len(WAITS_MS)) - 1] * jitter()
        values["due_ms"] = at_ms + max(int(wait_ms), answer.wait_s * 1000)
    if answer.outcome is Outcome.TAKEN or row.over_ms is None or row.outcome != Outcome.TAKEN:
        # What another try at the same time has brought there remains taken.
        conn.execute(update(_table).where(this).values(**values))


def forget(conn: Connection, at_ms: int) -> int:
    """Take away what has been over for long, and what a webhook that ended was long owed."""
    before = at_ms - KEPT_MS
    old = (
        select(_table.c.id)
        .where(or_(_table.c.over_ms < before, _open & (_table.c.due_ms < before)))
        .limit(_FORGOTTEN)
        # What somebody is at is taken away another time.
        .with_for_update(skip_locked=True)
    )
    return int(conn.execute(delete(_table).where(_table.c.id.in_(old))).rowcount)


def _due(at_ms: int) -> Any:
    """Webhooks to which something is to be sent now."""
    some = exists().where(_table.c.webhook_id == webhooks.c.id, _open, _table.c.due_ms <= at_ms)
    rested = or_(webhooks.c.paused_until_ms.is_(None), webhooks.c.paused_until_ms <= at_ms)
    return select(webhooks).where(webhooks.c.active, rested, some)


def _took(conn: Connection, webhook: Row[Any], answer: Answer, at_ms: int) -> None:
    values: dict[str, Any] = {"taken_ms": at_ms, **_last(answer)}
    if webhook.failing_since_ms is not None:
        values |= {"failures": 0, "failing_since_ms": None, "paused_until_ms": None}
        if at_ms - webhook.failing_since_ms >= _OUTAGE_MS:
            owed = update(_table).where(
                _table.c.webhook_id == webhook.id, _open, _table.c.due_ms > at_ms + LEASE_MS
            )
            conn.execute(owed.values(due_ms=at_ms))
    conn.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(**values))


def _failed(conn: Connection, webhook: Row[Any], answer: Answer, at_ms: int) -> bool:
    """Note that a webhook did not take something; whether it goes on for all that."""
    since_ms = at_ms if webhook.failing_since_ms is None else webhook.failing_since_ms
    in_a_row = webhook.failures + 1
    pause_ms = min(WAITS_MS[min(in_a_row, len(WAITS_MS)) - 1], _PAUSE_MS)
    values: dict[str, Any] = {
        "failures": in_a_row,
        "failing_since_ms": since_ms,
        "paused_until_ms": at_ms + pause_ms,
        **_last(answer),
    }
    ended = None
    if answer.outcome is Outcome.GONE:
        ended = "gone"
    elif at_ms - since_ms >= GIVEN_UP_MS:
        ended = "failing"
    if webhook.active and ended is not None:
        values |= {"active": False, "ended": ended, "ended_ms": at_ms}
    conn.execute(update(webhooks).where(webhooks.c.id == webhook.id).values(**values))
    return ended is None


def _last(answer: Answer) -> dict[str, Any]:
    return {"outcome": answer.outcome.value, "status": answer.status}
