"""What terminals tell of themselves, kept as a short history: one row for five minutes at most.

A terminal tells every minute. Its row holds the worst queue and receipt delay of its five minutes,
the clock error nearest to zero (a message that waited makes a clock look slow), and of the rest
what came last. Whatever is not of the shape expected is left out: nobody vouches for it.
"""

import json
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Executable,
    RowMapping,
    case,
    delete,
    func,
    or_,
    select,
)
from sqlalchemy.dialects import postgresql, sqlite

from cloud.rows import ALL
from cloud.terminals.tables import telemetry

SLOT_MS = 300_000
KEPT_MS = 100 * 86_400_000
"""A hundred days: the page of a terminal shows ninety."""
_MOST = 2**53
_READERS = 16
_NAME = 40
_SYNC = ("unset", "set", "synchronised")
_STATES = ("ready", "absent", "failed")


class History:
    """Writes the history of terminals, and takes away what is old. Used by one thread."""

    def __init__(self) -> None:
        self._slots: dict[int, int] = {}

    def note(self, conn: Connection, terminal_id: int, said: dict[str, Any], at_ms: int) -> None:
        """Keep what a terminal told at `at_ms`, in the caller's transaction."""
        slot = at_ms - at_ms % SLOT_MS
        row = {"terminal_id": terminal_id, "at_ms": slot, **report(said, at_ms)}
        conn.execute(_upsert(conn.dialect.name), row)
        if self._slots.get(terminal_id) != slot:
            self._slots[terminal_id] = slot
            prune(conn, at_ms - KEPT_MS, terminal_id)


def report(said: dict[str, Any], at_ms: int) -> dict[str, Any]:
    """The columns of the history in a telemetry message that came at `at_ms`."""
    clock = _object(said.get("clock"))
    wall_ms = _count(clock.get("wall_ms"))
    return {
        "queue": _count(said.get("queue")),
        "receipt_ms": _count(said.get("receipt_ms")),
        "clock_ms": None if wall_ms is None else wall_ms - at_ms,
        "clock_sync": _word(clock.get("sync"), _SYNC),
        "clock_bound_ms": _count(clock.get("bound_ms")),
        "unreadable": _unreadable(said.get("unreadable")),
        "uptime_s": _count(said.get("uptime_s")),
        "readers": _readers(said.get("readers")),
        "certificate_ms": _count(_object(said.get("certificate")).get("not_after_ms")),
    }


def prune(conn: Connection, before_ms: int, terminal_id: int | None = None) -> int:
    """Take away what is older, of one terminal or of all; how many rows that were."""
    old = delete(telemetry).where(telemetry.c.at_ms < before_ms)
    if terminal_id is not None:
        old = old.where(telemetry.c.terminal_id == terminal_id)
    return int(conn.execute(old).rowcount)


def history(
    conn: Connection, terminal_id: int, since_ms: int, *, visible: ColumnElement[bool] = ALL
) -> list[RowMapping]:
    """The rows of a terminal from `since_ms` on that are `visible`, the oldest first."""
    query = (
        select(telemetry)
        .where(telemetry.c.terminal_id == terminal_id, telemetry.c.at_ms >= since_ms, visible)
        .order_by(telemetry.c.at_ms)
    )
    return list(conn.execute(query).mappings())


def unreadable_by_hour(rows: Iterable[RowMapping]) -> dict[int, int]:
    """How many badges could not be read, by the hour's first millisecond.

    Rows count since the program started: where they fall, it was started anew.
    """
    found: dict[int, int] = {}
    before: int | None = None
    for row in rows:
        count = row["unreadable"]
        if count is None:
            continue
        # Of the first row nobody knows since when it counts.
        more = 0 if before is None else count - before if count >= before else count
        hour = row["at_ms"] - row["at_ms"] % 3_600_000
        found[hour] = found.get(hour, 0) + more
        before = count
    return found


def unreadable_since(rows: Sequence[RowMapping], since_ms: int) -> int:
    """How many badges could not be read in `rows`, the oldest first.

    What the first row counts is counted as well if its program started at `since_ms` or later.
    """
    counted = [row for row in rows if row["unreadable"] is not None]
    if not counted:
        return 0
    found = sum(unreadable_by_hour(counted).values())
    first = counted[0]
    up_s = first["uptime_s"]
    if up_s is not None and first["at_ms"] - up_s * 1000 >= since_ms:
        found += first["unreadable"]
    return found


@cache
def _upsert(dialect: str) -> Executable:
    """Made once: to build it for each message would cost ten times what its execution does."""
    insert = postgresql.insert if dialect == "postgresql" else sqlite.insert
    made = insert(telemetry)
    new, old = made.excluded, telemetry.c
    kept = ("terminal_id", "at_ms")
    set_: dict[str, Any] = {c.name: new[c.name] for c in old if c.name not in kept}
    for name in ("queue", "receipt_ms"):
        set_[name] = _better(new[name], old[name], new[name] > old[name])
    set_["clock_ms"] = _better(
        new.clock_ms, old.clock_ms, func.abs(new.clock_ms) < func.abs(old.clock_ms)
    )
    return made.on_conflict_do_update(index_elements=kept, set_=set_)


def _better(new: Any, old: Any, is_better: ColumnElement[bool]) -> Any:
    return case((or_(old.is_(None), is_better), new), else_=old)


def _count(value: Any) -> int | None:
    """A number that nobody can misuse; JSON knows numbers, Python counts True among them."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
        return None
    return value


def _word(value: Any, words: tuple[str, ...]) -> str | None:
    return value if isinstance(value, str) and value in words else None


def _unreadable(value: Any) -> int | None:
    if not isinstance(value, dict):
        return None
    return min(
        sum(_count(count) or 0 for by in value.values() for count in _object(by).values()),
        _MOST,
    )


def _readers(value: Any) -> str | None:
    if not isinstance(value, dict):
        return None
    states = {
        str(name)[:_NAME].replace("\0", ""): _word(_object(reader).get("state"), _STATES)
        for name, reader in list(value.items())[:_READERS]
    }
    return json.dumps(states, ensure_ascii=False)


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
