"""Why a worker, or what a worker registered, is not visible."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, false, func, or_, select, true

from cloud import text
from cloud.companies.tables import divisions, sites
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.registrations.tables import registrations
from cloud.retention import asking
from cloud.times import now_ms, rfc3339
from cloud.visibility.explain import Explanation, active_company, elsewhere
from cloud.visibility.row_security import lifted
from cloud.visibility.rules import App, Viewer, visible_registrations, visible_workers
from cloud.visibility.steps import Mender, Step, note, ok, stop
from cloud.workers.tables import badges, restrictions, workers

_NAMED = 10
"""So many places are named; of the others only how many there are."""
_NEWEST = 500
"""So many registrations are looked at: of years of them, people ask for the last weeks."""


def explain(
    conn: Connection,
    seen_by: Viewer,
    who: str,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> Explanation:
    """Why the worker with this number or name is not visible, or not wholly, in a period."""
    period = _period(since_ms, until_ms)
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
    period = _period(since_ms, until_ms) & visible_registrations(app)
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
    yield from _registrations(conn, seen_by, worker.id, period)


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
    return stop(
        "worker",
        "{who} is restricted at the person's request until {until}: kept because the law makes it"
        " be kept, and shown to nobody.",
        "For an inspector, an administrator or auditor takes it out on the page of personal data.",
        Mender.ADMINISTRATOR,
        who=who,
        until=rfc3339(until_ms)[:10],
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


@dataclass(frozen=True, slots=True)
class _Counts:
    """Of a worker's registrations in a period: how many there are of each kind."""

    total: int
    seen: int
    here: int
    """Hidden, at sites of the company."""
    away: int
    """Hidden, at sites of others."""
    nowhere: int
    """Hidden, made where no terminal was assigned."""
    corrected: int
    clock_unsure: int
    disputed: int
    badge_expired: int


def _registrations(
    conn: Connection, seen_by: Viewer | App, worker_id: int, period: ColumnElement[bool]
) -> Iterator[Step]:
    alike = _alike(conn, seen_by, worker_id, period)
    counts = _counts(seen_by, alike)
    if counts.total == _NEWEST:
        yield note("registrations", "The newest {newest} are looked at.", newest=_NEWEST)
    if counts.total == 0:
        yield _nothing(seen_by)
        return
    if counts.seen == counts.total:
        yield ok(
            "registrations", "All {total} registrations are visible to you.", total=counts.total
        )
    else:
        yield from _hidden(conn, seen_by, alike, counts)
    yield from _remarkable(counts)


def _nothing(seen_by: Viewer | App) -> Step:
    fix = mark("Find out which terminal was used, and ask again with its device number.")
    by = Mender.YOU
    if isinstance(seen_by, App):
        fix = mark("Tell an administrator of your company which terminal you used, and when.")
        by = Mender.ADMINISTRATOR
    return stop("registrations", "Nothing is registered for the worker in this period.", fix, by)


def _alike(
    conn: Connection, seen_by: Viewer | App, worker_id: int, period: ColumnElement[bool]
) -> Sequence[Row[Any]]:
    """A worker's newest registrations, those that no rule tells apart as one row.

    `times` says how many a row stands for: hundreds are made at few sites.
    """
    placed = ("worker_id", "company_id", "employer_id", "division_id", "site_id")
    apart = (*placed, "corrected", "reason", "site_let_go", "employer_let_go")
    # What the company let go of is none of its own any more.
    ours = registrations.c.employer_let_go.is_(False)
    newest = (
        select(*(registrations.c[name] for name in apart))
        .where(registrations.c.worker_id == worker_id, ours, period)
        .order_by(registrations.c.tapped_ms.desc())
        .limit(_NEWEST)
        .subquery("newest")
    )
    columns = [newest.c[name] for name in apart]
    mine = select(*columns, func.count().label("times")).group_by(*columns).subquery("mine")
    return conn.execute(
        select(
            mine.c.company_id,
            mine.c.corrected,
            func.coalesce(mine.c.reason, "").label("reason"),
            mine.c.times,
            # Where there is no site the condition is NULL.
            func.coalesce(visible_registrations(seen_by, mine), false()).label("seen"),
            mine.c.site_id,
        )
    ).all()


def _counts(seen_by: Viewer | App, alike: Sequence[Row[Any]]) -> _Counts:
    seen = [row for row in alike if row.seen]
    hidden = [row for row in alike if not row.seen]
    ours = seen_by.company_id
    return _Counts(
        total=_times(alike),
        seen=_times(seen),
        here=_times(row for row in hidden if row.company_id == ours),
        away=_times(row for row in hidden if row.company_id not in (ours, None)),
        nowhere=_times(row for row in hidden if row.company_id is None),
        corrected=_times(row for row in seen if row.corrected),
        clock_unsure=_times(row for row in seen if "clock-unsure" in row.reason),
        disputed=_times(row for row in seen if "disputed" in row.reason),
        badge_expired=_times(row for row in seen if "badge-expired" in row.reason),
    )


def _times(rows: Iterable[Row[Any]]) -> int:
    return sum(row.times for row in rows)


def _hidden(
    conn: Connection, seen_by: Viewer | App, alike: Sequence[Row[Any]], counts: _Counts
) -> Iterator[Step]:
    """What of a worker's registrations is not visible: at ours, at others', or nowhere yet."""
    if counts.here:
        times: Counter[int] = Counter()
        for row in alike:
            if not row.seen and row.company_id == seen_by.company_id:
                times[row.site_id] += row.times
        places = _places(conn, dict(times.most_common(_NAMED)))
        yield stop(
            "access",
            "{hidden} of {total} registrations were made where you have no access: {places}.",
            "Ask for access to the division or the site.",
            Mender.ADMINISTRATOR,
            hidden=counts.here,
            total=counts.total,
            places=", ".join(places),
        )
    if counts.away:
        yield stop(
            "access",
            "{away} of {total} registrations were made at sites of other companies:"
            " administrators and auditors see them.",
            "Ask an administrator of your company.",
            Mender.ADMINISTRATOR,
            away=counts.away,
            total=counts.total,
        )
    if counts.nowhere:
        yield stop(
            "access",
            "{nowhere} of {total} registrations were made on terminals assigned to no site then.",
            "Assign the terminal from a date before.",
            Mender.ADMINISTRATOR,
            nowhere=counts.nowhere,
            total=counts.total,
        )
    if counts.seen:
        yield ok(
            "registrations",
            "{seen} of {total} are visible to you.",
            seen=counts.seen,
            total=counts.total,
        )


def _places(conn: Connection, times: Mapping[int, int]) -> list[str]:
    """What these sites are called, with their divisions; those with the most `times` first."""
    named = conn.execute(
        select(sites.c.id, divisions.c.name, sites.c.name)
        .join(divisions, divisions.c.id == sites.c.division_id)
        .where(sites.c.id.in_(times))
    ).all()
    most = sorted((-times[site_id], f"{division} / {site}") for site_id, division, site in named)
    return [place for _, place in most]


def _remarkable(counts: _Counts) -> Iterator[Step]:
    for kind, count, sentence in (
        (
            "clock",
            counts.corrected,
            mark("The time of {count} was corrected: the terminal's clock was wrong or not set."),
        ),
        (
            "remarks",
            counts.clock_unsure,
            mark("The time of {count} is not sure: the terminal's clock was not set."),
        ),
        (
            "remarks",
            counts.disputed,
            mark("{count} are disputed: the terminal was revoked before they came."),
        ),
        (
            "remarks",
            counts.badge_expired,
            mark("{count} were made with a badge outside its dates."),
        ),
    ):
        if count:
            yield note(kind, sentence, count=count)


def _period(since_ms: int | None, until_ms: int | None) -> ColumnElement[bool]:
    condition: ColumnElement[bool] = true()
    if since_ms is not None:
        condition &= registrations.c.tapped_ms >= since_ms
    if until_ms is not None:
        condition &= registrations.c.tapped_ms < until_ms
    return condition
