"""Who sees what terminals tell of themselves: the rule TERMINAL, moment by moment.

A terminal is visible by the last place it stood at. What it told while it stood with somebody else
is not: of that time whoever reaches the place sees it. What it sent was told when it was received.
"""

from sqlalchemy import ColumnElement, and_, case, false, func, or_, select, true

from cloud.companies.tables import sites
from cloud.custody.tables import alarms, epochs, records, rejected
from cloud.notifications.tables import notifications
from cloud.terminals.queries import LAST_TOLD, Told
from cloud.terminals.tables import assignments, telemetry, terminals
from cloud.visibility.rules import Operator, Viewer, visible_sites


def last_told(seen_by: Viewer | Operator) -> Told:
    """TERMINAL: what is shown of when a terminal was heard of last, and of what it said then.

    Of what it told elsewhere nothing; when it was heard of before that is known to five minutes.
    """
    if isinstance(seen_by, Operator):
        return LAST_TOLD
    seen_ms, status = LAST_TOLD
    # On pages that are asked for every second: nothing before it came is looked through.
    came = (
        select(func.min(assignments.c.from_ms))
        .where(assignments.c.terminal_id == terminals.c.id, _reached(seen_by))
        .correlate(terminals)
        .scalar_subquery()
    )
    before = (
        select(telemetry.c.at_ms)
        .where(telemetry.c.terminal_id == terminals.c.id, telemetry.c.at_ms >= came)
        .where(visible_telemetry(seen_by))
        .order_by(telemetry.c.at_ms.desc())
        .limit(1)
        .correlate(terminals)
        .scalar_subquery()
    )
    here = _stood(seen_by, terminals.c.id, terminals.c.last_seen_ms)
    return case((here, seen_ms), else_=before), case((here, status))


def visible_telemetry(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """TERMINAL: a condition on `telemetry`."""
    return _stood(seen_by, telemetry.c.terminal_id, telemetry.c.at_ms)


def visible_alarms(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """TERMINAL and OPERATOR: a condition on `alarms`; those of no terminal are the operator's."""
    return _stood(seen_by, alarms.c.terminal_id, alarms.c.at_ms)


def visible_records(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """TERMINAL: a condition on `records`, each with its row of `epochs`."""
    return _stood(seen_by, epochs.c.terminal_id, records.c.received_ms)


def visible_refusals(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """TERMINAL: a condition on `rejected`, each with the row of `terminals` that it names."""
    moments = (rejected.c.first_ms, rejected.c.last_ms)
    return or_(*(_stood(seen_by, terminals.c.id, at_ms) for at_ms in moments))


def visible_notifications(
    seen_by: Viewer | Operator | None, account: int | None
) -> ColumnElement[bool]:
    """A condition on `notifications`, by TERMINAL, GRANTED, WHOLE and WEBHOOK.

    One's own are one's own.
    """
    own = false() if account is None else notifications.c.account_id == account
    everybody_s = notifications.c.account_id.is_(None)
    if seen_by is None:
        return own
    if isinstance(seen_by, Operator):
        return or_(own, everybody_s)
    reached = select(sites.c.id).where(visible_sites(seen_by))
    company_s = notifications.c.company_id == seen_by.company_id if seen_by.administers else false()
    return or_(
        own,
        and_(everybody_s, company_s),
        and_(everybody_s, notifications.c.site_id.in_(reached)),
        and_(everybody_s, _stood(seen_by, notifications.c.terminal_id, notifications.c.at_ms)),
    )


def _stood(
    seen_by: Viewer | Operator, terminal: ColumnElement[int], at_ms: ColumnElement[int]
) -> ColumnElement[bool]:
    """Whether the terminal stood, at that moment, at a site that is reached."""
    if isinstance(seen_by, Operator):
        return true()
    return (
        select(assignments.c.id)
        .where(
            assignments.c.terminal_id == terminal,
            assignments.c.from_ms <= at_ms,
            or_(assignments.c.to_ms.is_(None), assignments.c.to_ms > at_ms),
            _reached(seen_by),
        )
        # Whatever the query around it looks at, of assignments too.
        .correlate_except(assignments)
        .exists()
    )


def _reached(seen_by: Viewer) -> ColumnElement[bool]:
    """A condition on `assignments`: of those to sites that are reached."""
    return assignments.c.site_id.in_(select(sites.c.id).where(visible_sites(seen_by)))
