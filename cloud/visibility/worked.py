"""What of a worker's registrations in a period is not visible, or not sure."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Row

from cloud.languages.current import mark
from cloud.registrations.tables import registrations
from cloud.visibility import alike, around
from cloud.visibility.period import Period
from cloud.visibility.rules import App, Viewer, visible_registrations
from cloud.visibility.steps import Mender, Step, note, ok, stop


def steps(
    conn: Connection, seen_by: Viewer | App, worker_id: int, period: Period
) -> Iterator[Step]:
    """What is said of a worker's registrations in a period, and of what else may be missed.

    What an app does not see is not counted either: for that somebody has to look at the company.
    """
    # What the company let go of is none of its own any more.
    ours = registrations.c.employer_let_go.is_(False)
    which = (registrations.c.worker_id == worker_id) & ours & period.condition()
    if isinstance(seen_by, App):
        which &= visible_registrations(seen_by)
    rows = alike.counted(conn, seen_by, which, ("worker_id", "corrected", "reason"))
    yield from _told(conn, seen_by, rows)
    if isinstance(seen_by, App):
        return
    yield from around.unsent(conn, seen_by, period)
    if not rows or period.bounded:
        yield from around.nameless(conn, seen_by, period)


def _told(conn: Connection, seen_by: Viewer | App, rows: Sequence[Row[Any]]) -> Iterator[Step]:
    total, seen = alike.times(rows), [row for row in rows if row.seen]
    if total == alike.NEWEST:
        yield note("registrations", "The newest {newest} are looked at.", newest=alike.NEWEST)
    if total == 0:
        yield _nothing(seen_by)
    elif len(seen) == len(rows):
        yield ok("registrations", "All {total} registrations are visible to you.", total=total)
    else:
        yield from alike.hidden(conn, seen_by, rows)
        if seen:
            yield ok(
                "registrations",
                "{seen} of {total} are visible to you.",
                seen=alike.times(seen),
                total=total,
            )
    yield from _remarkable(seen)


def _nothing(seen_by: Viewer | App) -> Step:
    fix = mark("Find out which terminal was used, and ask again with its device number.")
    by = Mender.YOU
    if isinstance(seen_by, App):
        fix = mark("Tell an administrator of your company which terminal you used, and when.")
        by = Mender.ADMINISTRATOR
    return stop("registrations", "Nothing is registered for the worker in this period.", fix, by)


def _remarkable(seen: Sequence[Row[Any]]) -> Iterator[Step]:
    def because(reason: str) -> int:
        return alike.times(row for row in seen if reason in (row.reason or ""))

    for kind, count, sentence in (
        (
            "clock",
            alike.times(row for row in seen if row.corrected),
            mark("The time of {count} was corrected: the terminal's clock was wrong or not set."),
        ),
        (
            "remarks",
            because("clock-unsure"),
            mark("The time of {count} is not sure: the terminal's clock was not set."),
        ),
        (
            "remarks",
            because("disputed"),
            mark("{count} are disputed: the terminal was revoked before they came."),
        ),
        (
            "remarks",
            because("badge-expired"),
            mark("{count} were made with a badge outside its dates."),
        ),
    ):
        if count:
            yield note(kind, sentence, count=count)
