"""How a terminal is doing, step by step: what `explain` says of what it told of itself.

Of what it told while it stood where the viewer reaches nothing, nothing is said.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from cloud.languages.current import mark
from cloud.terminals import statistics, telemetry
from cloud.terminals.queries import readable, told_columns
from cloud.terminals.tables import terminals
from cloud.times import now_ms, rfc3339
from cloud.visibility.rules import Viewer, visible_registrations
from cloud.visibility.steps import Mender, Step, note, ok, stop
from cloud.visibility.told import last_told, visible_telemetry

SILENT_MS = 3_600_000
"""A terminal says how it is every minute; silent for this long, something is wrong."""
CLOCK_MS = 60_000
"""A clock further off than this shows in the times that people read."""
AGEING_MS = 30 * 86_400_000
"""A certificate that ends within this time wants renewing."""
DAY_MS = 86_400_000
_UNREADABLE = 10
"""One badge in so many that cannot be read is chance: a card moved too fast."""


def steps(conn: Connection, seen_by: Viewer, terminal: int, stands_ms: int) -> Iterator[Step]:
    """Activity, clock, readers, certificate, queue and statistics of a terminal that is visible.

    `stands_ms` is from when on it stands where it does.
    """
    now = now_ms()
    row = readable(
        dict(
            conn.execute(
                select(*told_columns(last_told(seen_by))).where(terminals.c.id == terminal)
            )
            .mappings()
            .one()
        )
    )
    day = telemetry.history(conn, terminal, now - DAY_MS, visible=visible_telemetry(seen_by))
    newest = dict(day[-1]) if day else {}
    said = telemetry.report(_object(row["last_status"].get("telemetry")), 0)
    known = {name: newest.get(name) if value is None else value for name, value in said.items()}
    yield _activity(row["last_seen_ms"], now)
    yield from _clock(known["clock_sync"], newest.get("clock_ms"))
    yield from _readers(known["readers"])
    yield from _certificate(known["certificate_ms"], now)
    yield from _queue(known["queue"])
    taps = statistics.taps_by_hour(
        conn, terminal, now - DAY_MS, now + DAY_MS, visible=visible_registrations(seen_by)
    )
    unreadable = telemetry.unreadable_since(day, max(now - DAY_MS, stands_ms))
    yield _statistics(sum(taps.values()), unreadable)


def _activity(seen_ms: int | None, now: int) -> Step:
    if seen_ms is None:
        return stop(
            "activity",
            "It was never heard of while it stood where you see it.",
            "Have somebody check its power and network, and run `pointeuse agent doctor` on it.",
            Mender.ADMINISTRATOR,
        )
    when = f"{rfc3339(seen_ms)} (UTC {_utc(seen_ms)})"
    if now - seen_ms > SILENT_MS:
        return stop(
            "activity",
            "It is silent since {when}: what was registered since is still on it.",
            "Have somebody check its power and network; nothing is lost meanwhile.",
            Mender.ADMINISTRATOR,
            when=when,
        )
    return ok("activity", "It was heard of last at {when}.", when=when)


def _clock(sync: str | None, off_ms: int | None) -> Iterator[Step]:
    """`off_ms`: the terminal's minus ours, when it last told."""
    if off_ms is not None and abs(off_ms) > CLOCK_MS:
        fast = mark("Its clock is {minutes} min fast: what it registers shows too late.")
        slow = mark("Its clock is {minutes} min slow: what it registers shows too early.")
        yield note(
            "clock",
            fast if off_ms > 0 else slow,
            "Give it a network that lets NTP pass.",
            Mender.ADMINISTRATOR,
            minutes=abs(off_ms) // 60_000,
        )
    elif sync == "unset":
        yield note(
            "clock",
            "Its clock is not set: times are corrected once it is.",
            "Give it a network that lets NTP pass.",
            Mender.ADMINISTRATOR,
        )
    elif sync is not None:
        yield ok("clock", "Its clock is {sync}.", sync=sync)


def _readers(told: str | None) -> Iterator[Step]:
    """`told`: JSON, the states of its readers by name, None for one that is no state."""
    states = {name: state for name, state in json.loads(told or "{}").items() if state}
    for name, state in states.items():
        if state == "ready":
            continue
        if state == "absent":
            found = mark("Its reader {reader} is absent: no badge is read there.")
        else:
            found = mark("Its reader {reader} failed: no badge is read there.")
        yield stop(
            "reader",
            found,
            "Have somebody check its cables, and run `pointeuse agent doctor` on the terminal.",
            Mender.ADMINISTRATOR,
            reader=name,
        )
    if states and set(states.values()) == {"ready"}:
        yield ok("reader", "Its readers are ready.")


def _certificate(until_ms: int | None, now: int) -> Iterator[Step]:
    if until_ms is None:
        return
    when = rfc3339(until_ms)
    if until_ms <= now:
        yield stop(
            "certificate",
            "Its certificate ended at {when}: without one it delivers nothing, and keeps what it"
            " registers.",
            "Have whoever runs the platform renew it.",
            Mender.OPERATOR,
            when=when,
        )
    elif until_ms - now < AGEING_MS:
        yield note(
            "certificate",
            "Its certificate ends at {when}.",
            "Have whoever runs the platform renew it.",
            Mender.OPERATOR,
            when=when,
        )
    else:
        yield ok("certificate", "Its certificate holds until {when}.", when=when)


def _queue(queue: int | None) -> Iterator[Step]:
    if queue:
        yield note(
            "queue",
            "{queue} records were still on it when it last told.",
            "They come by themselves once the network lets them.",
            Mender.NOBODY,
            queue=queue,
        )


def _statistics(taps: int, unreadable: int) -> Step:
    """Of the last 24 hours."""
    if unreadable * _UNREADABLE > taps:
        return note(
            "statistics",
            "In the last 24 hours {taps} registrations that you see were made on it, and"
            " {unreadable} badges could not be read.",
            "Have somebody clean or replace the reader; or the badges are of a kind that it does"
            " not read.",
            Mender.ADMINISTRATOR,
            taps=taps,
            unreadable=unreadable,
        )
    if not taps:
        return note(
            "statistics",
            "In the last 24 hours no registration that you see was made on it.",
            "If somebody worked there, hold a badge to it: green means that it is registered.",
            Mender.YOU,
        )
    return ok(
        "statistics",
        "In the last 24 hours {taps} registrations that you see were made on it.",
        taps=taps,
    )


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _utc(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%H:%M")
