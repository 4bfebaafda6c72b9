"""Who sees what terminals tell of themselves: the rule TERMINAL, moment by moment.

A terminal is visible by the last place it stood at. What it told while it stood with somebody else
is not: of that time whoever reaches the place sees it.
"""

from sqlalchemy import ColumnElement, and_, false, or_, select, true

from cloud.companies.tables import sites
from cloud.custody.tables import alarms
from cloud.notifications.tables import notifications
from cloud.terminals.tables import assignments, telemetry
from cloud.visibility.rules import Operator, Viewer, visible_sites


def visible_telemetry(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """TERMINAL: a condition on `telemetry`."""
    return _stood(seen_by, telemetry.c.terminal_id, telemetry.c.at_ms)


def visible_alarms(seen_by: Viewer | Operator) -> ColumnElement[bool]:
    """TERMINAL and OPERATOR: a condition on `alarms`; those of no terminal are the operator's."""
    return _stood(seen_by, alarms.c.terminal_id, alarms.c.at_ms)


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
    reached = select(sites.c.id).where(visible_sites(seen_by))
    return (
        select(assignments.c.id)
        .where(
            assignments.c.terminal_id == terminal,
            assignments.c.from_ms <= at_ms,
            or_(assignments.c.to_ms.is_(None), assignments.c.to_ms > at_ms),
            assignments.c.site_id.in_(reached),
        )
        .exists()
    )
