"""Which terminals may hold, or have lost, registrations that an export does not have.

What is kept of it are texts in English with what stands in them: each reader is told in their own
language, and a file says the same to everybody.
"""

import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarSelect,
    case,
    false,
    func,
    or_,
    select,
    true,
)

from cloud.companies.tables import sites
from cloud.custody.branches import is_attributed
from cloud.custody.saying import What
from cloud.custody.tables import alarms, epochs, gaps, records, waiting
from cloud.languages import formats
from cloud.languages.current import gettext, mark
from cloud.terminals.queries import readable
from cloud.terminals.tables import assignments, telemetry, terminals
from cloud.times import rfc3339
from cloud.visibility.rules import Viewer, visible_sites, visible_terminals
from cloud.visibility.told import visible_alarms

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


def incomplete(
    conn: Connection, who: Viewer, until_ms: int, since_ms: int | None = None
) -> list[dict[str, Any]]:
    """Terminals that are not complete up to a moment: `device`, and `why`.

    Asked of are all that stand at a site that is reached, whatever their status, or stood at one
    after `since_ms`, when the snapshot before was made; None: ever. Of one that was moved to
    somebody else it is said what concerns its time here, and no count of what it holds now.
    """
    rows = conn.execute(
        select(
            terminals.c.id,
            terminals.c.device,
            terminals.c.last_seen_ms,
            terminals.c.last_status,
            case((visible_terminals(who), true()), else_=false()).label("is_here"),
            _left(who).label("left_ms"),
        )
        .order_by(terminals.c.device)
        .where(or_(visible_terminals(who), _stood(who, since_ms)))
    ).mappings()
    found = []
    for row in [readable(dict(each)) for each in rows]:
        if row["is_here"]:
            why = [*_unsent(row, until_ms), *_kept(conn, row["id"])]
        else:
            left_ms = min(row["left_ms"], until_ms)
            why = [*_unsent_before(conn, row, left_ms), *_kept_of(conn, who, row["id"])]
        if why:
            found.append({"device": row["device"], "why": why})
    return found


def _reached(who: Viewer) -> ColumnElement[bool]:
    return assignments.c.site_id.in_(select(sites.c.id).where(visible_sites(who)))


def _stood(who: Viewer, since_ms: int | None) -> ColumnElement[bool]:
    """Whether it stood at a site that is reached, at any moment after `since_ms`."""
    late = true() if since_ms is None else assignments.c.to_ms > since_ms
    return terminals.c.id.in_(select(assignments.c.terminal_id).where(_reached(who), late))


def _left(who: Viewer) -> ScalarSelect[Any]:
    """When it stood at such a site last."""
    mine = assignments.c.terminal_id == terminals.c.id
    return select(func.max(assignments.c.to_ms)).where(mine, _reached(who)).scalar_subquery()


def _unsent_before(conn: Connection, row: dict[str, Any], left_ms: int) -> list[Why]:
    """What a terminal that is with somebody else now may not have sent of before it left."""
    seen, queue = row["last_seen_ms"], _queue(row)
    if seen is None or seen < left_ms:
        return _unsent(row, left_ms)
    emptied = select(telemetry.c.at_ms).where(
        telemetry.c.terminal_id == row["id"], telemetry.c.at_ms >= left_ms, telemetry.c.queue == 0
    )
    if queue == 0 or conn.execute(emptied.limit(1)).one_or_none() is not None:
        return []
    return [(mark("moved elsewhere, and did not tell yet that it sent everything"), {})]


def _unsent(row: dict[str, object], until_ms: int) -> list[Why]:
    seen = row["last_seen_ms"]
    if not isinstance(seen, int):
        return [(mark("nothing was ever heard of it"), {})]
    queue = _queue(row)
    why: list[Why] = []
    if seen < until_ms:
        why.append((mark("silent since %(when)s"), {"when": rfc3339(seen)}))
    if queue:
        why.append((mark("records on the terminal not sent yet: %(count)s"), {"count": queue}))
    return why


def _queue(row: dict[str, Any]) -> int | None:
    """How many records it told that it holds; None when it told nothing readable."""
    told = row["last_status"]
    said = told.get("telemetry") if isinstance(told, dict) else None
    queue = said.get("queue") if isinstance(said, dict) else None
    return queue if isinstance(queue, int) else None


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


def _kept_of(conn: Connection, who: Viewer, terminal: int) -> list[Why]:
    """Likewise of a terminal that is with somebody else now: of what came while it stood here."""
    here = (
        assignments.c.terminal_id == terminal,
        assignments.c.from_ms <= records.c.received_ms,
        assignments.c.to_ms > records.c.received_ms,
        _reached(who),
    )
    unread = conn.execute(
        select(func.count())
        .select_from(waiting)
        .join(epochs, epochs.c.id == waiting.c.epoch_id)
        .join(records, (records.c.epoch_id == epochs.c.id) & (records.c.seq == waiting.c.seq))
        .where(epochs.c.terminal_id == terminal, select(assignments.c.id).where(*here).exists())
    ).scalar_one()
    missing = select(alarms.c.id).where(
        alarms.c.terminal_id == terminal,
        alarms.c.kind == What.GONE.kind,
        alarms.c.cleared_ms.is_(None),
        visible_alarms(who),
    )
    why: list[Why] = []
    if conn.execute(missing.limit(1)).one_or_none() is not None:
        why.append((mark("records missing from its chain"), {}))
    if unread:
        why.append((mark("records in custody not understood: %(count)s"), {"count": int(unread)}))
    return why
