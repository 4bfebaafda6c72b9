"""The database's schema, and how an older one becomes the present one (Alembic)."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from cloud.errors import DatabaseError

if TYPE_CHECKING:
    from alembic.config import Config

_VERSIONS = Path(__file__).with_name("versions")
_REVISION = re.compile(r'^revision = "(\w+)"$', re.MULTILINE)
_FOLLOWS = re.compile(r'^down_revision = "(\w+)"$', re.MULTILINE)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database to `revision`, in one transaction; nothing happens when it is there."""
    from alembic import command

    with _migrating(engine) as conn:
        if conn.dialect.name == "postgresql":
            # Two that migrate at once wait for each other; SQLite's transactions do so anyway.
            conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('pointeuse migrations'))"))
        command.upgrade(_config(conn), revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take a database back to `revision`; `base` leaves it empty."""
    from alembic import command

    with _migrating(engine) as conn:
        command.downgrade(_config(conn), revision)


def current(conn: Connection) -> str | None:
    """The revision a database is at; None when it is empty."""
    if not inspect(conn).has_table("alembic_version"):
        return None
    revision: str | None = conn.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision


def head() -> str:
    """The newest revision: the one that no other follows.

    Every command asks, and would wait for Alembic for longer than for all else it does.
    """
    files = [file.read_text(encoding="utf-8") for file in _VERSIONS.glob("*.py")]
    made = {match[1] for file in files for match in _REVISION.finditer(file)}
    followed = {match[1] for file in files for match in _FOLLOWS.finditer(file)}
    newest = sorted(made - followed)
    if len(newest) != 1:
        raise DatabaseError("there is no newest migration: the installation is incomplete")
    return newest[0]


def require_current(conn: Connection) -> None:
    """Raise DatabaseError unless the schema is the one this code was written for."""
    found, wanted = current(conn), head()
    if found != wanted:
        raise DatabaseError(
            f"the database's schema is at revision {found or 'none'}, not {wanted}:"
            " run `pointeuse cloud migrate`"
        )


@contextmanager
def _migrating(engine: Engine) -> Iterator[Connection]:
    """A transaction in which SQLite lets a table be made anew that others refer to.

    They are asked whether what they refer to is there before it is committed, as SQLite's
    documentation has it (ALTER TABLE, "Making Other Kinds Of Table Schema Changes").
    """
    with engine.connect() as conn:
        raw = conn.connection.driver_connection
        if not isinstance(raw, sqlite3.Connection):
            with conn.begin():
                yield conn
            return
        raw.execute("PRAGMA foreign_keys = OFF")
        try:
            with conn.begin():
                yield conn
                if broken := conn.exec_driver_sql("PRAGMA foreign_key_check").fetchone():
                    raise DatabaseError(
                        f"a row of {broken[0]} would refer to one of {broken[2]} that is not there:"
                        " the schema was left as it was"
                    )
        finally:
            raw.execute("PRAGMA foreign_keys = ON")


def _config(conn: Connection) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "cloud:migrations")
    config.attributes["connection"] = conn
    return config
