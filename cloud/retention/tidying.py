"""What else holds personal data for a time: each kind with how long, and what goes then.

`KINDS` are rows that go by their age alone. What hangs on them goes before them. docs/privacy.md
says the same in words, and a test compares.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    delete,
    func,
    or_,
    select,
    tuple_,
    update,
)

from cloud.accounts.sessions import IDLE_MS, OLDEST_MS
from cloud.accounts.tables import access_requests, grants, invitations, links, sessions
from cloud.api.tables import KEPT_MS as ANSWERS_MS
from cloud.api.tables import idempotency_keys
from cloud.audit.tables import audit
from cloud.custody import erasure
from cloud.custody.branches import is_attributed
from cloud.custody.tables import epochs, records, rejected
from cloud.custody.tables import waiting as waits
from cloud.exports.tables import export_parts, exports, withdrawals
from cloud.mail.tables import mails
from cloud.retention import guard
from cloud.retention.terms import Terms
from cloud.terminals.tables import telemetry
from cloud.terminals.telemetry import KEPT_MS as TELEMETRY_MS

DAY_MS = 86_400_000


class Kind(msgspec.Struct, frozen=True):
    """Rows of a table that go once they are so old. `days` is for people; None: by the terms."""

    name: str
    table: Table
    days: int | None
    old: Callable[[Terms], ColumnElement[bool]]
    before: tuple[tuple[Table, str], ...] = ()
    """Tables whose rows name one of these, and by which column."""
    guarded: bool = False


def _older(column: Any, days: int) -> Callable[[Terms], ColumnElement[bool]]:
    return lambda terms: column < terms.at_ms - days * DAY_MS


KINDS: Sequence[Kind] = (
    Kind(
        "sessions",
        sessions,
        OLDEST_MS // DAY_MS,
        lambda terms: or_(
            sessions.c.seen_ms <= terms.at_ms - IDLE_MS,
            sessions.c.created_ms <= terms.at_ms - OLDEST_MS,
        ),
    ),
    Kind(
        "answers",
        idempotency_keys,
        ANSWERS_MS // DAY_MS,
        _older(idempotency_keys.c.at_ms, ANSWERS_MS // DAY_MS),
    ),
    Kind("links", links, 7, _older(links.c.expires_ms, 7)),
    Kind(
        "mails",
        mails,
        30,
        lambda terms: func.coalesce(mails.c.sent_ms, mails.c.failed_ms) < terms.at_ms - 30 * DAY_MS,
    ),
    Kind(
        "invitations",
        invitations,
        365,
        lambda terms: (
            func.coalesce(invitations.c.closed_ms, invitations.c.expires_ms)
            < terms.at_ms - 365 * DAY_MS
        ),
        ((grants, "invitation_id"),),
    ),
    Kind("access-requests", access_requests, 365, _older(access_requests.c.decided_ms, 365)),
    Kind("refused", rejected, 365, _older(rejected.c.last_ms, 365)),
    Kind(
        "telemetry",
        telemetry,
        TELEMETRY_MS // DAY_MS,
        _older(telemetry.c.at_ms, TELEMETRY_MS // DAY_MS),
    ),
    Kind(
        "withdrawals",
        withdrawals,
        None,
        lambda terms: and_(
            ~withdrawals.c.in_exports,
            withdrawals.c.at_ms < terms.before_ms(terms.limits.exports_months),
        ),
    ),
    Kind(
        "trail",
        audit,
        None,
        lambda terms: audit.c.at_ms < terms.before_ms(terms.limits.trail_months),
        guarded=True,
    ),
)


def some(conn: Connection, terms: Terms, kind: Kind, batch: int) -> int:
    """Delete some rows of a kind; how many."""
    key = list(kind.table.primary_key)
    old = conn.execute(select(*key).where(kind.old(terms)).limit(batch)).all()
    if not old:
        return 0
    these = tuple_(*key).in_([tuple(row) for row in old])
    for table, column in kind.before:
        numbers = [row[0] for row in old]
        conn.execute(delete(table).where(table.c[column].in_(numbers)))
    gone = delete(kind.table).where(these)
    if not kind.guarded:
        return conn.execute(gone).rowcount
    with guard.opened(conn):
        return conn.execute(gone).rowcount


def count(conn: Connection, terms: Terms, kind: Kind) -> int:
    """How many rows of a kind are to go."""
    query = select(func.count()).select_from(kind.table).where(kind.old(terms))
    return int(conn.execute(query).scalar_one())


# -- exports ---------------------------------------------------------------------------------------


def old_exports(terms: Terms) -> ColumnElement[bool]:
    """A condition on `exports`: their content is to go."""
    before_ms = terms.before_ms(terms.limits.exports_months)
    cut_short = exports.c.finished_ms.is_(None) & (exports.c.at_ms < terms.at_ms - DAY_MS)
    return exports.c.erased_ms.is_(None) & or_(exports.c.at_ms < before_ms, cut_short)


def one_export(conn: Connection, terms: Terms) -> bool:
    """Erase the content of an old snapshot, or all of one that was cut short; whether one was."""
    row = conn.execute(select(exports).where(old_exports(terms)).limit(1)).one_or_none()
    if row is None:
        return False
    conn.execute(delete(export_parts).where(export_parts.c.export_id == row.id))
    this = exports.c.id == row.id
    if row.finished_ms is None:
        conn.execute(delete(exports).where(this))
    else:
        conn.execute(update(exports).where(this).values(erased_ms=terms.at_ms))
    return True


# -- what was never understood ---------------------------------------------------------------------


def unread(conn: Connection, terms: Terms, batch: int) -> int:
    """Empty some sealed parts that nobody understood or attributed for the longest time; how many.

    Of records that wait, and of those of branches that are not registered.
    """
    places: list[tuple[int, int]] = []
    for query in _unread(terms):
        places += [(row.epoch_id, row.seq) for row in conn.execute(query.limit(batch))]
    erasure.blank_places(conn, places)
    for epoch_id, seq in places:
        conn.execute(delete(waits).where(waits.c.epoch_id == epoch_id, waits.c.seq == seq))
    return len(places)


def count_unread(conn: Connection, terms: Terms) -> int:
    """How many of them are to be emptied."""
    counts = (select(func.count()).select_from(query.subquery()) for query in _unread(terms))
    return sum(conn.execute(query).scalar_one() for query in counts)


def _unread(terms: Terms) -> list[Select[tuple[int, int]]]:
    """Their places: of what waits, and of branches. No record is both."""
    place = select(records.c.epoch_id, records.c.seq).where(
        records.c.received_ms < terms.before_ms(terms.limits.maximum_months),
        func.length(records.c.blob) > 0,
    )
    here = (waits.c.epoch_id == records.c.epoch_id) & (waits.c.seq == records.c.seq)
    # Few epochs are branches; a search for records that are in one would read them all.
    branches = select(epochs.c.id).where(~is_attributed()).scalar_subquery()
    return [place.join(waits, here), place.where(records.c.epoch_id.in_(branches))]
