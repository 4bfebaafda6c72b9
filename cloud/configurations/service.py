"""Setting things on terminals. The caller commits.

Each change is a whole new configuration under the next number; a change that changes nothing makes
none. Blocked badges are stored as the terminal gets them, as keyed hashes: a roster answers whether
a badge is on it, and lists none.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func, insert, select, update

from cloud.configurations.tables import configurations
from cloud.errors import InvalidError
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from protocol.configured import Configured
from protocol.errors import MalformedError
from protocol.roster import Roster

Badge = tuple[str, str]
"""Profile and number, normalised."""


@dataclass(frozen=True, slots=True)
class State:
    """What is set on a terminal, and what it said last that it has in force."""

    number: int
    configured: Configured
    in_force: int


def state(conn: Connection, terminal_id: int) -> State:
    """The newest configuration of a terminal; number 0 and nothing when there is none."""
    row = conn.execute(
        select(configurations.c.number, configurations.c.body)
        .where(configurations.c.terminal_id == terminal_id)
        .order_by(configurations.c.number.desc())
        .limit(1)
    ).one_or_none()
    in_force = conn.execute(
        select(func.coalesce(terminals.c.config_number, 0)).where(terminals.c.id == terminal_id)
    ).scalar_one()
    if row is None:
        return State(0, Configured(), in_force)
    return State(row.number, Configured.decode(row.body), in_force)


def change(conn: Connection, terminal_id: int, how: Callable[[Configured], Configured]) -> State:
    """Set `how(what is set now)` under the next number, unless that is no change.

    Raises InvalidError for what no terminal would take.
    """
    # Two who change one terminal's go one after the other: neither undoes what the other did.
    conn.execute(select(terminals.c.id).where(terminals.c.id == terminal_id).with_for_update())
    before = state(conn, terminal_id)
    try:
        after = Configured.decode(how(before.configured).encode())
    except MalformedError as error:
        raise InvalidError(str(error)) from error
    if after == before.configured and before.number:
        return before
    # A platform restored from an old backup must not offer a number that the terminal has passed.
    number = max(before.number, before.in_force) + 1
    conn.execute(
        insert(configurations).values(
            terminal_id=terminal_id, number=number, body=after.encode(), created_ms=now_ms()
        )
    )
    return State(number, after, before.in_force)


def with_badges(
    configured: Configured, block: Iterable[Badge] = (), unblock: Iterable[Badge] = ()
) -> Configured:
    """The same, with these badges on its roster, and those not. Raises InvalidError."""
    add, remove = list(block), list(unblock)
    if not add and not remove:
        return configured
    try:
        roster = (configured.blocked or Roster.of([])).changed(add, remove)
    except MalformedError as error:
        raise InvalidError(str(error)) from error
    return replace(configured, blocked=roster)


def forget_badges(conn: Connection, badges: Collection[Badge]) -> int:
    """Take badges off every roster there is or was, as nothing of them is kept; rosters changed.

    A terminal whose newest one had some gets a new one; those from before are changed where they
    are, for all that records name of them is their number.
    """
    changed = 0
    query = select(configurations.c.terminal_id, configurations.c.number)
    for terminal, number in conn.execute(query).all():
        this = (configurations.c.terminal_id == terminal) & (configurations.c.number == number)
        body = conn.execute(select(configurations.c.body).where(this)).scalar_one()
        blocked = Configured.decode(body).blocked
        if blocked is None or not any(badge in blocked for badge in badges):
            continue
        if number == state(conn, terminal).number:
            change(conn, terminal, lambda configured: with_badges(configured, (), badges))
        left = with_badges(Configured.decode(body), (), badges)
        conn.execute(update(configurations).where(this).values(body=left.encode()))
        changed += 1
    return changed
