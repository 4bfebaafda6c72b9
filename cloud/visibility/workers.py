"""Why a worker, or what a worker registered, is not visible."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row, select

from cloud import text
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.retention import asking
from cloud.times import now_ms, rfc3339
from cloud.visibility import around, others, worked
from cloud.visibility.explain import Explanation, active_company, elsewhere
from cloud.visibility.meant import fitting, named
from cloud.visibility.period import Period
from cloud.visibility.row_security import lifted
from cloud.visibility.rules import App, Viewer, visible_workers
from cloud.visibility.steps import NAMED, Mender, Step, note, ok, restricted, some, stop
from cloud.workers.tables import badges, restrictions, workers


def explain(
    conn: Connection,
    seen_by: Viewer,
    who: str,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> Explanation:
    """Why the worker of this number, name or part of one is not visible, or not wholly, then."""
    period = Period(since_ms, until_ms)
    name = text.name(who, _("the worker"))
    with lifted(conn):
        return Explanation((active_company(conn, seen_by), *_steps(conn, seen_by, name, period)))


def explain_own(
    conn: Connection, app: App, *, since_ms: int | None = None, until_ms: int | None = None
) -> Explanation:
    """Why something of a worker's own in a period is not visible to the worker's app, or unsure."""
    worker = conn.execute(select(workers).where(visible_workers(app))).one()
    period = Period(since_ms, until_ms)
    return Explanation((active_company(conn, app), *_about(conn, app, worker, period)))


def _steps(conn: Connection, seen_by: Viewer, who: str, period: Period) -> Iterator[Step]:
    if seen_by.external:
        yield stop(
            "worker",
            "Someone external sees no list of workers, only what was registered at the sites"
            " granted.",
            "Look for the registrations of the site, or ask the company's administrator.",
            Mender.ADMINISTRATOR,
        )
        return
    found = named(conn, visible_workers(seen_by), who)
    kept = None if found else _restricted(conn, seen_by, who)
    if kept is not None:
        yield kept
        return
    away: list[Step] = []
    if not found:
        away += others.steps(conn, seen_by, who, period)
        away += _switch(conn, seen_by, who)
    if not found and not away:
        found = fitting(conn, visible_workers(seen_by), who)
    if found:
        yield from _listed(conn, seen_by, found, who, period)
        return
    yield from away or [_unknown(who)]
    yield from around.unsent(conn, seen_by, period)
    yield from around.nameless(conn, seen_by, period)


def _listed(
    conn: Connection, seen_by: Viewer, found: Sequence[Row[Any]], who: str, period: Period
) -> Iterator[Step]:
    if len(found) > 1:
        yield stop(
            "worker",
            "{count} workers fit {who}: {workers}.",
            "Ask again with the number.",
            Mender.YOU,
            count=found[0].fit,
            who=who,
            workers=some([_called(row) for row in found], found[0].fit),
        )
        return
    yield from _about(conn, seen_by, found[0], period)


def _about(
    conn: Connection, seen_by: Viewer | App, worker: Row[Any], period: Period
) -> Iterator[Step]:
    name = _called(worker)
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


def _called(worker: Row[Any]) -> str:
    return f"{worker.given_name} {worker.family_name} ({worker.number})"


def _restricted(conn: Connection, seen_by: Viewer, who: str) -> Step | None:
    """LET GO: that the worker is restricted, to those who take out what is for an inspector."""
    if not seen_by.inspects:
        return None
    ours = (workers.c.company_id == seen_by.company_id) & workers.c.restricted_ms.is_not(None)
    found = named(conn, ours, who)
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


def _switch(conn: Connection, seen_by: Viewer, who: str) -> Iterator[Step]:
    """In which other company of the account somebody of this number or name is."""
    for name, other in elsewhere(conn, seen_by):
        if named(conn, visible_workers(other), who):
            yield stop(
                "worker",
                "The company has no worker {who}, neither active nor inactive, but {other} has.",
                "Switch to {other}.",
                Mender.YOU,
                who=who,
                other=name,
            )
            return


def _unknown(who: str) -> Step:
    return stop(
        "worker",
        "The company has no worker {who}, neither active nor inactive.",
        "Create the worker, or check the spelling and the active company. Ask for somebody of"
        " another employer by given and family name.",
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
    numbers = ", ".join(text.masked(row.number) for row in rows[:NAMED])
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
