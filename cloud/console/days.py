"""`/days`: who was where on a day, in pairs of taps; and the days of one worker."""

from datetime import date, timedelta
from typing import Annotated, Any

from fastapi import FastAPI, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from sqlalchemy import Connection

from cloud import times
from cloud.api.parameters import MAX_ID, Database, Identifier
from cloud.companies.queries import listed_places
from cloud.console.forms import Problems
from cloud.console.members import Member, MemberOf, number
from cloud.console.registrations import DIRECTIONS
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.registrations import attendance, correcting, periods
from cloud.registrations.attendance import Attendance
from cloud.registrations.days import Day, Pair, Tap
from cloud.visibility import rules

ROWS = 100

Short = Annotated[str, Query(max_length=40)]
Text = Annotated[str, Form(max_length=1000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/days", include_in_schema=False)(day)
    app.get("/days/{worker}", include_in_schema=False)(period)
    app.post("/days/{worker}/taps", include_in_schema=False)(add)


def day(
    request: Request,
    conn: Database,
    who: MemberOf,
    date_: Annotated[str, Query(alias="date", max_length=40)] = "",
    site: Short = "",
    after: Annotated[int | None, Query(ge=1, le=MAX_ID)] = None,
) -> Response:
    """The workers of a day, at a site if one is chosen. The look is noted."""
    problems = Problems()
    asked = problems.take("date", _date, date_) or _today()
    at = number(site) if site else None
    rows: list[Any] = []
    found: dict[int, Attendance] = {}
    if not problems:
        rows = list(
            attendance.present(conn, who.seen_by, asked, site=at, after=after, limit=ROWS + 1)
        )
        ids = [row["id"] for row in rows[:ROWS]]
        found = attendance.of_workers(conn, who.seen_by, ids, asked, asked)
        with request.app.state.writer.begin() as writing:
            who.note(writing, "day", "list", detail={"day": asked.isoformat(), "site": at})
    names = attendance.site_names(conn, found.values())
    return who.page(
        "days.html",
        problems.status,
        date=date_ or asked.isoformat(),
        day_before=(asked - timedelta(days=1)).isoformat(),
        day_after=(asked + timedelta(days=1)).isoformat(),
        site=site,
        places=_places(conn, who),
        rows=[
            {"worker": row, **_shown_day(each, names)}
            for row in rows[:ROWS]
            for each in (each.at(at) for each in found[row["id"]].days)
            if each.pairs
        ],
        after=after,
        next=rows[ROWS - 1]["id"] if len(rows) > ROWS else None,
        problems=problems,
    )


def period(
    request: Request,
    conn: Database,
    who: MemberOf,
    worker: Identifier,
    since: Short = "",
    until: Short = "",
) -> Response:
    """The days of one worker. Raises NotFoundError. The look is noted."""
    with request.app.state.writer.begin() as writing:
        attendance.known(conn, who.seen_by, worker)
        who.note(writing, "day", "read", target_id=worker)
    return _period(conn, who, worker, since, until, Problems(), {})


def add(
    request: Request,
    reading: Database,
    who: MemberOf,
    worker: Identifier,
    day: Text = "",
    time: Text = "",
    site: Text = "",
    direction: Text = "",
    reason: Text = "",
    second: Text = "",
) -> Response:
    """Enter a tap that is missing. Raises NotFoundError."""
    attendance.known(reading, who.seen_by, worker)
    problems = Problems()
    at_ms = problems.take("time", lambda typed: _moment(day, typed), time)
    if at_ms is not None:
        with problems.of("reason"), request.app.state.writer.begin() as conn:
            correcting.add(
                conn,
                who.seen_by,
                who.actor,
                worker=worker,
                site=number(site),
                at_ms=at_ms,
                direction=direction,
                reason=reason,
                second=bool(second),
            )
    if not problems:
        return RedirectResponse(f"/days/{worker}?since={day}&until={day}", 303)
    typed = {
        "day": day, "time": time, "site": site, "direction": direction, "reason": reason,
        "second": second,
    }  # fmt: skip
    return _period(reading, who, worker, "", "", problems, typed)


def _period(
    conn: Connection,
    who: Member,
    worker: int,
    since: str,
    until: str,
    problems: Problems,
    typed: dict[str, str],
) -> Response:
    last = problems.take("until", _date, until) or _today()
    first = problems.take("since", _date, since) or last - timedelta(days=13)
    with problems.of("until"):
        periods.check_period(first, last)
    if "until" in problems:
        first = last - timedelta(days=13)
    found = attendance.of_workers(conn, who.seen_by, [worker], first, last)[worker]
    names = attendance.site_names(conn, [found])
    return who.page(
        "days_of_worker.html",
        problems.status,
        worker=attendance.known(conn, who.seen_by, worker),
        since=since or first.isoformat(),
        until=until or last.isoformat(),
        days=[_shown_day(each, names) for each in found.days],
        total=_span(sum(each.work_ms for each in found.days)),
        void=[_shown_tap(tap) for tap in found.void],
        proposed=[{**row, "at": times.rfc3339(row["tapped_ms"])} for row in found.proposed],
        places=_places(conn, who),
        directions={name: DIRECTIONS[name] for name in correcting.DIRECTIONS},
        all_directions=DIRECTIONS,
        typed={
            "day": last.isoformat(), "time": "", "site": "", "direction": "out", "reason": "",
            "second": "",
        } | typed,
        problems=problems,
    )  # fmt: skip


def _shown_day(found: Day, names: dict[int | None, str]) -> dict[str, Any]:
    return {
        "day": found.day.isoformat(),
        "pairs": [_shown_pair(pair, names) for pair in found.pairs],
        "work": _span(found.work_ms),
        "rest": _span(found.break_ms),
        "incomplete": found.incomplete,
    }


def _shown_pair(pair: Pair, names: dict[int | None, str]) -> dict[str, Any]:
    marks = []
    if pair.end is None:
        marks.append(_("end missing") if pair.rest else _("out missing"))
    if pair.start is None:
        marks.append(_("beginning missing") if pair.rest else _("in missing"))
    for given, words in (
        (pair.overlaps, _("two sites at once")),
        (any(tap.late for tap in pair.taps), _("arrived late")),
        (any(tap.corrected for tap in pair.taps), _("clock corrected")),
        (any(tap.unsure for tap in pair.taps), _("time unsure")),
        (any(tap.correction for tap in pair.taps), _("corrected by hand")),
    ):
        if given:
            marks.append(words)
    return {
        "start": None if pair.start is None else _shown_tap(pair.start),
        "end": None if pair.end is None else _shown_tap(pair.end),
        "rest": pair.rest,
        "lasts": _span(pair.lasts_ms) if pair.whole else "",
        "site": names.get(pair.site) or "",
        "marks": marks,
    }


def _shown_tap(tap: Tap) -> dict[str, Any]:
    moment = times.local(tap.at_ms)
    return {
        "iso": moment.isoformat(timespec="milliseconds"),
        "day": f"{moment:%Y-%m-%d}",
        "clock": f"{moment:%H:%M}",
        "offset": f"{moment:%z}"[:3] + ":" + f"{moment:%z}"[3:],
        "number": tap.number,
        "was": tap.was,
        "direction": tap.direction,
    }


def _span(ms: int) -> str:
    """Hours and minutes, whole minutes only."""
    return f"{ms // 3_600_000}:{ms // 60_000 % 60:02}"


def _places(conn: Connection, who: Member) -> list[dict[str, Any]]:
    return listed_places(
        conn,
        divisions_visible=rules.visible_divisions(who.seen_by),
        sites_visible=rules.visible_sites(who.seen_by),
    )


def _today() -> date:
    return times.local(times.now_ms()).date()


def _date(typed: str) -> date | None:
    """A day, or None when none was typed. Raises InvalidError."""
    if not typed.strip():
        return None
    return periods.read_day(typed)


def _moment(day: str, time: str) -> int:
    """A clock time of a day in Brussels, or one with its offset. Raises InvalidError."""
    if _date(day) is None or not time.strip():
        raise InvalidError(_("Give the day and the time."))
    written = f"{day.strip()}T{time.strip()}"
    try:
        found = times.parse(written)
    except InvalidError:
        raise InvalidError(
            _("%(time)s is no time; write it as 07:30.") % {"time": time[:20]}
        ) from None
    if not times.local(found).isoformat().startswith(written[:16]):
        raise InvalidError(_("There is no such time on that day: the clocks were put forward."))
    return found
