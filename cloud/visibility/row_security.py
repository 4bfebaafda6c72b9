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

from cloud.visibility.rules import App, Operator, Viewer

ROLE = "pointeuse_reader"


def enter(conn: Connection, seen_by: Viewer | Operator | App) -> None:
    """Read as somebody from here to the end of the transaction. An operator sees everything.

    Of an app no company is told: what is given to whoever looks at one is not given to it.
    """
    if conn.dialect.name != "postgresql" or isinstance(seen_by, Operator):
        return
    settings: dict[str, int | None] = {"company": None, "account": None, "app": None}
    if isinstance(seen_by, App):
        settings["app"] = seen_by.app_id
    else:
        settings |= {"company": seen_by.company_id, "account": seen_by.account_id}
    told = [
        func.set_config(f"pointeuse.{name}", "" if value is None else str(value), True)
        for name, value in settings.items()
    ]
    conn.execute(select(*told, func.set_config("role", ROLE, True)))


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
