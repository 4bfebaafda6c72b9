"""Asking for registrations to be attributed anew, because what is known has changed.

A request is a row that interpretation takes up and deletes; it is made in the transaction of the
change that caused it, so that neither can happen without the other.
"""

from sqlalchemy import Connection, insert

from cloud.registrations.tables import reattribution
from cloud.times import now_ms


def request(
    conn: Connection,
    *,
    terminal_id: int | None = None,
    badge_id: int | None = None,
    from_ms: int | None = None,
    why: str,
) -> None:
    """Ask for the registrations of a terminal, a badge, both at once, or everything.

    `from_ms` leaves out taps before that moment. `why` goes into the history of each
    registration that changes, so it names no badge and no person; it is marked, and translated
    where it is read.
    """
    conn.execute(
        insert(reattribution).values(
            terminal_id=terminal_id, badge_id=badge_id, from_ms=from_ms, why=why, at_ms=now_ms()
        )
    )
