"""The database's schema, and how an older one becomes the present one (Alembic)."""

from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, text

from cloud.errors import DatabaseError

if TYPE_CHECKING:
    from alembic.config import Config


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring a database to `revision`, in one transaction; nothing happens when it is there."""
    from alembic import command

    with engine.begin() as conn:
        if conn.dialect.name == "postgresql":
            # Two that migrate at once wait for each other; SQLite's transactions do so anyway.
            conn.execute(text("SELECT pg_advisory_xact_lock(hashtext('pointeuse migrations'))"))
        command.upgrade(_config(conn), revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take a database back to `revision`; `base` leaves it empty."""
    from alembic import command

    with engine.begin() as conn:
        command.downgrade(_config(conn), revision)


def current(conn: Connection) -> str | None:
    """The revision a database is at; None when it is empty."""
    from alembic.migration import MigrationContext

    return MigrationContext.configure(conn).get_current_revision()


def head() -> str:
    """The newest revision."""
    from alembic.script import ScriptDirectory

    revision = ScriptDirectory.from_config(_config(None)).get_current_head()
    if revision is None:
        raise DatabaseError("there are no migrations: the installation is incomplete")
    return revision


def require_current(conn: Connection) -> None:
    """Raise DatabaseError unless the schema is the one this code was written for."""
    found, wanted = current(conn), head()
    if found != wanted:
        raise DatabaseError(
            f"the database's schema is at revision {found or 'none'}, not {wanted}:"
            " run `pointeuse cloud migrate`"
        )


def _config(conn: Connection | None) -> "Config":
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "cloud:migrations")
    config.attributes["connection"] = conn
    return config
