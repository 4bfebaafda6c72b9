"""Rows in bulk arrive as they were given, on both databases."""

from sqlalchemy import Engine, select

from cloud.bulk import insert_rows
from cloud.custody.tables import records

ROWS = [
    (1, 1, b"body", b"blob", b"l" * 32, 2**53),
    (1, 2, b"\x00\xff" * 50, None, b"m" * 32, 0),
]
COLUMNS = ("epoch_id", "seq", "body", "blob", "link", "received_ms")


def test_rows_arrive_as_they_were_given(engine: Engine) -> None:
    with engine.begin() as conn:
        insert_rows(conn, records, COLUMNS, [])
        insert_rows(conn, records, COLUMNS, ROWS)
    with engine.begin() as conn:
        found = conn.execute(select(*(records.c[name] for name in COLUMNS)))
        assert [tuple(row) for row in found] == ROWS


def test_rows_go_with_their_transaction(engine: Engine) -> None:
    with engine.connect() as conn, conn.begin() as transaction:
        insert_rows(conn, records, COLUMNS, ROWS)
        transaction.rollback()
    with engine.begin() as conn:
        assert conn.execute(select(records)).all() == []
