"""Where a terminal registered what: what `explain` says of the registrations made on it.

Only those are counted that are the company's, by the site or by the worker; to somebody external
only those at what is granted.
"""

from collections.abc import Iterator

from sqlalchemy import ColumnElement, Connection

from cloud.languages.current import mark
from cloud.registrations.holding import shown_to
from cloud.registrations.tables import registrations
from cloud.visibility import alike
from cloud.visibility.rules import Viewer, visible_registrations
from cloud.visibility.steps import Step, ok


def steps(conn: Connection, seen_by: Viewer, terminal: int) -> Iterator[Step]:
    """How many of the newest are visible, and where the others were made."""
    here = (registrations.c.terminal_id == terminal) & _told_of(seen_by)
    rows = alike.counted(conn, seen_by, here)
    seen = [row for row in rows if row.seen]
    if seen:
        # Sites of others are not named, though our own worker registered there.
        places = alike.places(conn, [row for row in seen if row.company_id == seen_by.company_id])
        named = mark(
            "{seen} of the newest {total} registrations made on it are visible to you: {places}."
        )
        unnamed = mark("{seen} of the newest {total} registrations made on it are visible to you.")
        yield ok(
            "registrations",
            named if places else unnamed,
            seen=alike.times(seen),
            total=alike.times(rows),
            places=places,
        )
    yield from alike.hidden(conn, seen_by, rows)


def _told_of(seen_by: Viewer) -> ColumnElement[bool]:
    """Those that are counted, whether visible or not."""
    return visible_registrations(seen_by) if seen_by.external else shown_to(seen_by.company_id)
