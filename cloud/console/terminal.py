"""`/terminals/DEVICE`: one terminal: how it does, where it stands, what it did, and its chain."""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Form, Request
from fastapi.responses import JSONResponse, RedirectResponse, Response
from sqlalchemy import Connection

from cloud.api.parameters import Database
from cloud.console import telling
from cloud.console.forms import Problems, packed, start_of, unpacked
from cloud.console.moments import moment
from cloud.console.onlookers import Keeper, Onlooker, OnlookerOf
from cloud.console.terminals import STANDINGS, STATUSES, chosen, places_of
from cloud.custody import health, reasons, saying
from cloud.errors import InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.terminals import editing, overview, statistics, telemetry
from cloud.terminals.queries import terminal_id
from cloud.terminals.standing import standing
from cloud.times import now_ms, parse
from cloud.visibility.rules import visible_registrations, visible_sites, visible_terminals
from cloud.visibility.told import (
    last_told,
    visible_alarms,
    visible_records,
    visible_telemetry,
)
from protocol.identity import group

DAY_MS = 86_400_000
HOURLY_DAYS = 7
"""Longer spans are shown by the day alone."""
Days = Literal["1", "7", "30", "90"]
Text = Annotated[str, Form(max_length=1000)]
Was = Annotated[str, Form(max_length=4000)]


def install(app: FastAPI) -> None:
    """Add the routes."""
    app.get("/terminals/{device}", include_in_schema=False)(one)
    app.get("/terminals/{device}/statistics", include_in_schema=False)(data)
    app.post("/terminals/{device}", include_in_schema=False)(rename)
    app.post("/terminals/{device}/list", include_in_schema=False)(put_on_list)
    app.post("/terminals/{device}/site", include_in_schema=False)(move)


def one(conn: Database, who: OnlookerOf, device: str, days: Days = "7") -> Response:
    """The page. Raises NotFoundError."""
    found = _found(conn, who, device)
    return _page(conn, who, found, Problems(packed({"name": found["name"] or ""})), days=int(days))


def data(conn: Database, who: OnlookerOf, device: str, days: Days = "7") -> Response:
    """What the charts of the page draw, with the same visibility. Raises NotFoundError."""
    found = _found(conn, who, device)
    measured = _measured(conn, who, found["id"], int(days))
    rows = measured["history"]
    hourly = int(days) <= HOURLY_DAYS
    taps, unreadable = (
        measured[name] if hourly else _from_days(measured[name]) for name in ("taps", "unreadable")
    )
    return JSONResponse(
        {
            "taps": _columns(taps),
            "unreadable": _columns(unreadable),
            "told": {
                "at": [row["at_ms"] // 1000 for row in rows],
                **{
                    name: [row[name] for row in rows]
                    for name in ("queue", "receipt_ms", "clock_ms")
                },
            },
        }
    )


def rename(
    request: Request, reading: Database, who: Keeper, device: str, name: Text = "", was: Was = ""
) -> Response:
    """Name the terminal anew. Raises NotFoundError."""
    found = _found(reading, who, device)
    problems = Problems(was)
    named = problems.take("name", editing.terminal_name, name)
    if not problems:
        with problems.of("name"), request.app.state.writer.begin() as conn:
            changed = editing.rename(conn, found["id"], named, unpacked(was))
            if changed:
                who.note(conn, "terminal", "change", target_id=found["id"], detail=changed)
    return _answer(reading, who, found, problems, {"name": name})


def put_on_list(
    request: Request, reading: Database, who: Keeper, device: str, status: Text = ""
) -> Response:
    """Make the terminal active or inactive. Raises NotFoundError."""
    found = _found(reading, who, device)
    problems = Problems(packed({"name": found["name"] or ""}))
    with problems.of(), request.app.state.writer.begin() as conn:
        if editing.set_list(conn, found["id"], status):
            action = "open" if status == "active" else "close"
            who.note(conn, "terminal", action, target_id=found["id"])
    return _answer(reading, who, found, problems, {})


def move(
    request: Request,
    reading: Database,
    who: Keeper,
    device: str,
    site: Text = "",
    from_day: Text = "",
) -> Response:
    """Have the terminal stand at a site, or nowhere, from a day on. Raises NotFoundError."""
    found = _found(reading, who, device)
    problems = Problems(packed({"name": found["name"] or ""}))
    nowhere = site == "nowhere"
    place = None if nowhere else problems.take("site", chosen, site)
    typed_ms = problems.take("from_day", start_of, from_day)
    from_ms = now_ms() if typed_ms is None else typed_ms
    if not problems:
        with problems.of("site"), request.app.state.writer.begin() as conn:
            if place is None:
                told = editing.leave(conn, who.company, found["id"], from_ms)
            else:
                told = editing.move(conn, who.company, found["id"], place, from_ms)
            action = "release" if place is None else "assign"
            who.note(conn, "terminal", action, target_id=found["id"], detail=told)
    return _answer(reading, who, found, problems, {"site": site, "from_day": from_day})


def _found(conn: Connection, who: Onlooker, device: str) -> dict[str, Any]:
    missing = _("There is no such terminal.")
    try:
        visible = visible_terminals(who.seen_by)
        number = terminal_id(conn, device, visible=visible)
    except (InvalidError, NotFoundError):
        raise NotFoundError(missing) from None
    found = overview.one(conn, number, visible=visible, told=last_told(who.seen_by))
    if found is None:
        raise NotFoundError(missing)
    return found


def _answer(
    conn: Connection,
    who: Onlooker,
    found: dict[str, Any],
    problems: Problems,
    typed: dict[str, str],
) -> Response:
    if problems:
        return _page(conn, who, found, problems, typed=typed)
    return RedirectResponse(f"/terminals/{found['device']}", 303)


def _page(
    conn: Connection,
    who: Onlooker,
    found: dict[str, Any],
    problems: Problems,
    *,
    days: int = 7,
    typed: dict[str, str] | None = None,
) -> Response:
    now = now_ms()
    measured = _measured(conn, who, found["id"], days)
    stood = overview.places_of(conn, found["id"], places=visible_sites(who.seen_by))
    return who.page(
        "terminal.html",
        problems.status,
        terminal=found,
        number=group(found["device"]),
        standing=standing(found["last_seen_ms"], found["last_status"], now),
        seen=moment(found["last_seen_ms"]),
        told=telling.told(found["last_status"]),
        places=[_period(dict(row), now) for row in stood],
        days=days,
        hours=_hours(measured) if days <= HOURLY_DAYS else [],
        by_day=_by_day(measured),
        worst=telling.worst(measured["history"]),
        reader_changes=telling.reader_changes(measured["history"]),
        chain=_chain(conn, who, found["id"]),
        standings=STANDINGS,
        statuses=STATUSES,
        shown={"name": found["name"] or "", "site": "", "from_day": ""} | (typed or {}),
        problems=problems,
        divisions=places_of(conn, who) if who.administers else [],
    )


def _measured(conn: Connection, who: Onlooker, terminal: int, days: int) -> dict[str, Any]:
    now = now_ms()
    since = now - days * DAY_MS
    since -= since % statistics.HOUR_MS
    history = telemetry.history(conn, terminal, since, visible=visible_telemetry(who.seen_by))
    taps = statistics.taps_by_hour(
        conn, terminal, since, now + DAY_MS, visible=visible_registrations(who.seen_by)
    )
    hours = range(since, now + 1, statistics.HOUR_MS)
    unreadable = telemetry.unreadable_by_hour(history)
    return {
        "history": history,
        "taps": {at_ms: taps.get(at_ms, 0) for at_ms in sorted({*hours, *taps})},
        "unreadable": {at_ms: unreadable.get(at_ms, 0) for at_ms in hours},
    }


def _columns(by_hour: dict[int, int]) -> dict[str, list[int]]:
    return {"at": [at_ms // 1000 for at_ms in by_hour], "count": list(by_hour.values())}


def _from_days(by_hour: dict[int, int]) -> dict[int, int]:
    """The same by the day, each by its first millisecond in Brussels."""
    return {parse(day): count for day, count in statistics.by_day(by_hour).items()}


def _hours(measured: dict[str, Any]) -> list[dict[str, Any]]:
    """The hours in which something was held to it, the newest first."""
    unreadable = measured["unreadable"]
    return [
        {"at": moment(at_ms), "taps": count, "unreadable": unreadable.get(at_ms, 0)}
        for at_ms, count in reversed(measured["taps"].items())
        if count or unreadable.get(at_ms, 0)
    ]


def _by_day(measured: dict[str, Any]) -> list[dict[str, Any]]:
    taps = statistics.by_day(measured["taps"])
    unreadable = statistics.by_day(measured["unreadable"])
    return [
        {"day": day, "taps": count, "unreadable": unreadable.get(day, 0)}
        for day, count in sorted(taps.items(), reverse=True)
    ]


def _period(row: dict[str, Any], now: int) -> dict[str, Any]:
    over = row["to_ms"] is not None and row["to_ms"] <= now
    return {
        **row,
        "from": None if row["from_ms"] == 0 else moment(row["from_ms"]),
        "to": moment(row["to_ms"]),
        "when": "before" if over else "later" if row["from_ms"] > now else "now",
    }


def _chain(conn: Connection, who: Onlooker, terminal: int) -> dict[str, Any]:
    received = visible_records(who.seen_by)
    chains = health.epochs_of(conn, terminal, visible=received)
    missing = health.gaps_of(conn, terminal, visible=received)
    alarms = health.alarms_of(conn, terminal, visible=visible_alarms(who.seen_by))
    unread = health.unread(conn, terminal, visible=received)
    return {
        "epochs": [
            {**row, "name": row["epoch"].hex()[:8], "began": moment(row["received_ms"])}
            for row in chains
        ],
        "gaps": [{**row, "name": row["epoch"].hex()[:8]} for row in missing],
        "alarms": [
            {
                "kind": saying.kind(row["kind"]),
                "detail": saying.told(row["detail"]),
                "at": moment(row["at_ms"]),
                "cleared": moment(row["cleared_ms"]),
            }
            for row in alarms
        ],
        "behind": unread["behind"],
        "waiting": [
            (_(reasons.waiting(reason)), count) for reason, count in unread["waiting"].items()
        ],
    }
