"""Which terminals may hold, or have lost, registrations that an export does not have.

What is kept of it are texts in English with what stands in them: each reader is told in their own
language, and a file says the same to everybody.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import Connection, func, select

from cloud.custody.branches import is_attributed
from cloud.custody.tables import epochs, gaps, waiting
from cloud.languages import formats
from cloud.languages.current import gettext, mark
from cloud.terminals.queries import readable
from cloud.terminals.tables import terminals
from cloud.times import rfc3339
from cloud.visibility.rules import Viewer, visible_terminals

Why = tuple[str, dict[str, Any]]
"""A text, and what stands in it."""


def told(kept: str, say: Callable[[str], str] = gettext) -> list[dict[str, str]]:
    """What `incomplete` found and an export kept, in words: `device`, and `why`.

    With `say` being `str` it is told to programs: in English, and moments as they were kept.
    """
    found = []
    shown = str if say is str else formats.shown
    for each in json.loads(kept):
        why = each["why"]
        # Of exports made before there were languages it is a sentence.
        if not isinstance(why, str):
            why = "; ".join(
                say(text) % {name: shown(value) for name, value in values.items()}
                for text, values in why
            )
        found.append({"device": each["device"], "why": why})
    return found


def incomplete(conn: Connection, who: Viewer, until_ms: int) -> list[dict[str, Any]]:
    """Terminals that are visible and not complete up to a moment: `device`, and `why`."""
    rows = conn.execute(
        select(
            terminals.c.id, terminals.c.device, terminals.c.last_seen_ms, terminals.c.last_status
        )
        .where(visible_terminals(who), terminals.c.status == "active")
        .order_by(terminals.c.device)
    ).mappings()
    found = []
    for row in [readable(dict(each)) for each in rows]:
        why = [*_unsent(row, until_ms), *_kept(conn, row["id"])]
        if why:
            found.append({"device": row["device"], "why": why})
    return found


def _unsent(row: dict[str, object], until_ms: int) -> list[Why]:
    seen = row["last_seen_ms"]
    if not isinstance(seen, int):
        return [(mark("nothing was ever heard of it"), {})]
    told = row["last_status"]
    telemetry = told.get("telemetry") if isinstance(told, dict) else None
    queue = telemetry.get("queue") if isinstance(telemetry, dict) else None
    why: list[Why] = []
    if seen < until_ms:
        why.append((mark("silent since %(when)s"), {"when": rfc3339(seen)}))
    if isinstance(queue, int) and queue > 0:
        why.append((mark("records on the terminal not sent yet: %(count)s"), {"count": queue}))
    return why


def _kept(conn: Connection, terminal: int) -> list[Why]:
    """What custody misses, or holds without its being a registration yet."""
    mine = epochs.c.terminal_id == terminal
    missing, unread, behind = conn.execute(
        select(
            select(func.sum(gaps.c.last_seq - gaps.c.first_seq + 1))
            .join(epochs, epochs.c.id == gaps.c.epoch_id)
            .where(mine)
            .scalar_subquery(),
            select(func.count())
            .select_from(waiting)
            .join(epochs, epochs.c.id == waiting.c.epoch_id)
            .where(mine)
            .scalar_subquery(),
            select(func.sum(epochs.c.head_seq - epochs.c.interpreted_seq))
            .where(mine, is_attributed())
            .scalar_subquery(),
        )
    ).one()
    counted = (
        (missing, mark("records missing from its chain: %(count)s")),
        (unread, mark("records in custody not understood: %(count)s")),
        (behind, mark("records in custody being read: %(count)s")),
    )
    return [(words, {"count": int(count)}) for count, words in counted if count]
