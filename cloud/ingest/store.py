"""Rows in bulk: tens of thousands a second, as each database takes them fastest."""

import sqlite3
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

RecordRow = tuple[int, int, bytes, bytes | None, bytes, int]
"""epoch_id, seq, body, blob, link, received_ms."""
HeadRow = tuple[int, int, bytes]
"""epoch_id, seq, head."""

_RECORDS = ("epoch_id", "seq", "body", "blob", "link", "received_ms")
_HEADS = ("epoch_id", "seq", "head")
_RECORD_TYPES = ("int8", "int8", "bytea", "bytea", "bytea", "int8")
_HEAD_TYPES = ("int8", "int8", "bytea")


def insert_records(conn: Connection, rows: Sequence[RecordRow]) -> None:
    """Add rows to `records`."""
    _insert(conn, "records", _RECORDS, _RECORD_TYPES, rows)


def insert_heads(conn: Connection, rows: Sequence[HeadRow]) -> None:
    """Add rows to `heads`."""
    _insert(conn, "heads", _HEADS, _HEAD_TYPES, rows)


def _insert(
    conn: Connection,
    table: str,
    columns: tuple[str, ...],
    types: tuple[str, ...],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    if not rows:
        return
    raw = conn.connection.driver_connection
    names = ", ".join(columns)
    if isinstance(raw, sqlite3.Connection):
        marks = ", ".join("?" * len(columns))
        raw.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608
        return
    if raw is None:
        raise RuntimeError("the connection is closed")
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY {table} ({names}) FROM STDIN (FORMAT BINARY)") as copy,
    ):
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
