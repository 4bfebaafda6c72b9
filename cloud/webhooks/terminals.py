"""Telling webhooks of terminals that fell silent, and of those that tell again. The caller commits.

Those are told at whose sites a terminal stands.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from cloud.terminals.queries import owners_at
from cloud.terminals.tables import terminals
from cloud.webhooks import outbox
from cloud.webhooks.events import Event


def silent(conn: Connection, which: Sequence[int], now_ms: int) -> None:
    """Terminals have told nothing for long."""
    _tell(conn, Event.TERMINAL_SILENT, which, now_ms)


def back(conn: Connection, which: Sequence[int], now_ms: int, *, since_ms: int) -> None:
    """Terminals are silent no more: those that told something since then.

    Another may have been put out of use.
    """
    if which:
        tells = select(terminals.c.id).where(
            terminals.c.id.in_(which),
            terminals.c.status == "active",
            terminals.c.last_seen_ms >= since_ms,
        )
        _tell(conn, Event.TERMINAL_BACK, conn.execute(tells).scalars().all(), now_ms)


def _tell(conn: Connection, event: Event, which: Sequence[int], now_ms: int) -> None:
    if not which:
        return
    standing: dict[int, list[int]] = {}
    for terminal, company in owners_at(conn, which, now_ms):
        standing.setdefault(company, []).append(terminal)
    for company, here in standing.items():
        outbox.tell(conn, event, company, here)
