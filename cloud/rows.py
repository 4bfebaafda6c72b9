"""Statements that SQLite and PostgreSQL share, but that SQLAlchemy spells for each."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, true
from sqlalchemy.dialects import postgresql, sqlite

ALL: ColumnElement[bool] = true()
"""The condition of a query that leaves nothing out."""


def insert_absent(
    conn: Connection, table: Table, rows: Sequence[Mapping[str, Any]], key: Sequence[str]
) -> None:
    """Insert the rows whose `key` columns meet no row yet; the others change nothing."""
    if not rows:
        return
    insert = postgresql.insert if conn.dialect.name == "postgresql" else sqlite.insert
    conn.execute(insert(table).on_conflict_do_nothing(index_elements=key), rows)
