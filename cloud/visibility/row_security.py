"""The rules a second time, by the database itself: PostgreSQL's row-level security.

Reading for somebody happens as a role that may read only, and to which the rows of registrations,
workers, corrections, exports and the trail show themselves by the rules of
`cloud.visibility.rules`, written in SQL by migrations. A query that forgot to ask for them shows
nothing more. On SQLite there is one line of defence, and this is not it.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sqlalchemy import Connection, func, select
from sqlalchemy.exc import DBAPIError

from cloud.visibility.rules import Operator, Viewer

ROLE = "pointeuse_reader"


def enter(conn: Connection, seen_by: Viewer | Operator) -> None:
    """Read as somebody from here to the end of the transaction. An operator sees everything."""
    if conn.dialect.name != "postgresql" or isinstance(seen_by, Operator):
        return
    account = "" if seen_by.account_id is None else str(seen_by.account_id)
    conn.execute(
        select(
            func.set_config("pointeuse.company", str(seen_by.company_id), True),
            func.set_config("pointeuse.account", account, True),
            func.set_config("role", ROLE, True),
        )
    )


@contextmanager
def lifted(conn: Connection) -> Iterator[None]:
    """Read as the platform itself, for what counts the hidden without showing it: `explain`."""
    role = None
    if conn.dialect.name == "postgresql":
        role = conn.execute(select(func.current_setting("role"))).scalar_one()
    if role != ROLE:
        yield
        return
    conn.execute(select(func.set_config("role", "none", True)))
    try:
        yield
    finally:
        # In a transaction that failed nothing more can be read anyway.
        with suppress(DBAPIError):
            conn.execute(select(func.set_config("role", ROLE, True)))
