"""Many rows at once, as each database takes them fastest: COPY, or executemany."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql

_POSTGRESQL = postgresql.dialect()  # type: ignore[no-untyped-call]
_SHORT_NAMES = {"BIGINT": "int8", "INTEGER": "int4", "SMALLINT": "int2", "BOOLEAN": "bool"}


def insert_rows(
    conn: Connection, table: Table, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]
) -> None:
    """Add rows, each a tuple of the values of `columns`; nothing is converted on the way."""
    if not rows:
        return
    raw = conn.connection.driver_connection
    names = ", ".join(columns)
    if isinstance(raw, sqlite3.Connection):
        marks = ", ".join("?" * len(columns))
        raw.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({marks})", rows)  # noqa: S608
        return
    if raw is None:
        raise RuntimeError("the connection is closed")
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types([_type(table, column) for column in columns])
        for row in rows:
            copy.write_row(row)


def _type(table: Table, column: str) -> str:
    name = table.c[column].type.compile(_POSTGRESQL)
    return _SHORT_NAMES.get(name, name.lower())
