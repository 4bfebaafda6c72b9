"""Why a worker, or what a worker registered, is not visible."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from cloud import text
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.retention import asking
from cloud.times import now_ms, rfc3339
from cloud.visibility import worked
from cloud.visibility.explain import Explanation, active_company, elsewhere
from cloud.visibility.row_security import lifted
from cloud.visibility.rules import App, Viewer, visible_registrations, visible_workers
from cloud.visibility.steps import Mender, Step, note, ok, restricted, stop
from cloud.workers.tables import badges, restrictions, workers

_NAMED = 10
"""So many workers and badges are named; of the others only how many there are."""


def explain(
    conn: Connection,
    seen_by: Viewer,
    who: str,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> Explanation:
    """Why the worker with this number or name is not visible, or not wholly, in a period."""
    period = worked.period(since_ms, until_ms)
    name = text.name(who, _("the worker"))
    with lifted(conn):
        return Explanation((active_company(conn, seen_by), *_steps(conn, seen_by, name, period)))


def explain_own(
    conn: Connection, app: App, *, since_ms: int | None = None, until_ms: int | None = None
) -> Explanation:
    """Why something of a worker's own in a period is not visible to the worker's app, or not sure.

    What the app does not see is not counted either: for that somebody has to look at the company.
    """
    worker = conn.execute(select(workers).where(visible_workers(app))).one()
    period = worked.period(since_ms, until_ms) & visible_registrations(app)
    return Explanation((active_company(conn, app), *_about(conn, app, worker, period)))


def _steps(
    conn: Connection, seen_by: Viewer, who: str, period: ColumnElement[bool]
) -> Iterator[Step]:
    if seen_by.external:
        yield stop(
            "worker",
            "Someone external sees no list of workers, only what was registered at the sites"
            " granted.",
            "Look for the registrations of the site, or ask the company's administrator.",
            Mender.ADMINISTRATOR,
        )
        return
    found = _named(conn, visible_workers(seen_by), who)
    if not found:
        yield _restricted(conn, seen_by, who) or _missing(conn, seen_by, who)
        return
    if len(found) > 1:
        yield stop(
            "worker",
            "{count} workers are called {who}: numbers {numbers}.",
            "Ask again with the number.",
            Mender.YOU,
            count=len(found),
            who=who,
            numbers=", ".join(row.number for row in found[:_NAMED]),
        )
        return
    yield from _about(conn, seen_by, found[0], period)


def _about(
    conn: Connection, seen_by: Viewer | App, worker: Row[Any], period: ColumnElement[bool]
) -> Iterator[Step]:
    name = f"{worker.given_name} {worker.family_name} ({worker.number})"
    if worker.active:
        yield ok("worker", "{worker} is on the list of active workers.", worker=name)
    else:
        yield stop(
            "worker",
            "{worker} is on the list of inactive workers.",
            "Make the worker active again, if that is wrong.",
            Mender.ADMINISTRATOR,
            worker=name,
        )
    yield from _badges(conn, worker.id)
    yield from worked.steps(conn, seen_by, worker.id, period)


def _named(conn: Connection, visible: ColumnElement[bool], who: str) -> Sequence[Row[Any]]:
    """The workers of this number; or else those of this name, in either order."""
    query = select(workers).where(visible).order_by(workers.c.id)
    by_number = conn.execute(query.where(workers.c.number == who)).all()
    if by_number:
        return by_number
    given, family = workers.c.given_name, workers.c.family_name
    names = (given + " " + family, family + " " + given, family)
    wanted = who.lower()
    return conn.execute(query.where(or_(*(func.lower(name) == wanted for name in names)))).all()


def _restricted(conn: Connection, seen_by: Viewer, who: str) -> Step | None:
    """LET GO: that the worker is restricted, to those who take out what is for an inspector."""
    if not seen_by.inspects:
        return None
    ours = (workers.c.company_id == seen_by.company_id) & workers.c.restricted_ms.is_not(None)
    found = _named(conn, ours, who)
    if not found:
        numbered = select(restrictions.c.worker_id).where(
            restrictions.c.company_id == seen_by.company_id, restrictions.c.number == who
        )
        found = conn.execute(select(workers).where(ours, workers.c.id.in_(numbered))).all()
    until_ms = max(
        (asking.kept_until(conn, seen_by.company_id, row.id) or 0 for row in found), default=0
    )
    if not until_ms:
        return None
    return restricted(
        "worker",
        mark(
            "{who} is restricted at the person's request until {until}: kept because the law makes"
            " it be kept, and shown to nobody."
        ),
        until_ms,
        who=who,
    )


def _missing(conn: Connection, seen_by: Viewer, who: str) -> Step:
    for name, other in elsewhere(conn, seen_by):
        if _named(conn, visible_workers(other), who):
            return stop(
                "worker",
                "The company has no worker {who}, neither active nor inactive, but {other} has.",
                "Switch to {other}.",
                Mender.YOU,
                who=who,
                other=name,
            )
    return stop(
        "worker",
        "The company has no worker {who}, neither active nor inactive.",
        "Create the worker, or check the spelling and the active company.",
        Mender.ADMINISTRATOR,
        who=who,
    )


def _badges(conn: Connection, worker_id: int) -> Iterator[Step]:
    rows = conn.execute(
        select(badges).where(badges.c.worker_id == worker_id).order_by(badges.c.id)
    ).all()
    if not rows:
        yield stop(
            "badge",
            "No badge is linked to the worker: what is registered with one shows without a name.",
            "Link the worker's badge.",
            Mender.ADMINISTRATOR,
        )
        return
    now = now_ms()
    ended = [row for row in rows if row.valid_until_ms is not None and row.valid_until_ms <= now]
    numbers = ", ".join(text.masked(row.number) for row in rows[:_NAMED])
    if len(ended) == len(rows):
        yield note(
            "badge",
            "The worker's badges ({badges}) have expired, the last one at {when}.",
            "Get the worker a new badge; what is registered with the old one still counts.",
            Mender.ADMINISTRATOR,
            badges=numbers,
            when=rfc3339(max(row.valid_until_ms for row in ended)),
        )
        return
    yield ok("badge", "Badges linked to the worker: {badges}.", badges=numbers)
