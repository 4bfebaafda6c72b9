"""No id of a registration or a correction is given twice: SQLite gave those of erased ones again.

Snapshots, webhooks and programs remember up to which id they know.
"""

from alembic import op
from sqlalchemy import text

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_KNOWN = {
    "registrations": (
        "SELECT max(last_registration) FROM exports",
        "SELECT max(seen_registration) FROM webhooks",
        "SELECT max(number) FROM withdrawals WHERE what = 'registration'",
    ),
    "registration_corrections": (
        "SELECT max(last_correction) FROM exports",
        "SELECT max(number) FROM withdrawals WHERE what = 'correction'",
    ),
}
"""Who may remember an id that is there no more."""
_PLAIN = "id INTEGER NOT NULL,"
_ONCE = "id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,"


def upgrade() -> None:
    """Count ids on, from the greatest that anybody may remember."""
    for table, known in _KNOWN.items():
        if _made_anew(table, {_PLAIN: _ONCE, _key(table): ""}):
            greatest = ", ".join(f"coalesce(({one}), 0)" for one in known)
            op.execute(f"DELETE FROM sqlite_sequence WHERE name = '{table}'")  # noqa: S608 - ours
            op.execute(
                "INSERT INTO sqlite_sequence (name, seq)"  # noqa: S608 - ours
                f" SELECT '{table}', max(coalesce((SELECT max(id) FROM {table}), 0), {greatest})"
            )


def downgrade() -> None:
    """Give the ids of what was erased again."""
    for table in _KNOWN:
        _made_anew(table, {_ONCE: _PLAIN, "CONSTRAINT": _key(table) + "CONSTRAINT"})


def _key(table: str) -> str:
    return f"CONSTRAINT pk_{table} PRIMARY KEY (id), \n\t"


def _made_anew(table: str, changes: dict[str, str]) -> bool:
    """Write SQLite's table again with its definition changed; False: the database is PostgreSQL."""
    conn = op.get_bind()
    if conn.dialect.name != "sqlite":
        return False
    query = text(
        "SELECT sql FROM sqlite_master WHERE tbl_name = :table AND sql IS NOT NULL"
        " ORDER BY type <> 'table'"
    )
    definition, *others = conn.execute(query, {"table": table}).scalars().all()
    for old, new in changes.items():
        if old not in definition:
            raise RuntimeError(f"{table} is not defined as expected: there is no {old.strip()!r}")
        definition = definition.replace(old, new, 1)
    op.execute(f"CREATE TEMPORARY TABLE kept AS SELECT * FROM {table} ORDER BY id")  # noqa: S608 - ours
    op.execute(f"DROP TABLE {table}")
    conn.exec_driver_sql(definition)
    op.execute(f"INSERT INTO {table} SELECT * FROM kept ORDER BY id")  # noqa: S608 - ours
    for other in others:
        conn.exec_driver_sql(other)
    op.execute("DROP TABLE kept")
    return True
