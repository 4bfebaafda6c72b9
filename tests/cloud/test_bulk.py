"""Rows in bulk: what comes back is what went in, and errors are those of any other statement."""

import pytest
from sqlalchemy import Connection, Engine, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from cloud.bulk import insert_rows, update_rows
from cloud.custody.tables import records
from cloud.db import unavailable

COLUMNS = ("epoch_id", "seq", "body", "blob", "link", "received_ms")


def row(seq: int) -> tuple[object, ...]:
    return (1, seq, b"body\0\xff", None, b"l" * 32, 2**62)


def insert(conn: Connection, *rows: tuple[object, ...]) -> None:
    insert_rows(conn, records, COLUMNS, rows)


def test_rows_come_back_as_they_went_in(engine: Engine) -> None:
    with engine.begin() as conn:
        insert(conn, *(row(seq) for seq in range(1, 100)))
        insert(conn)
    with engine.connect() as conn:
        found = conn.execute(select(records).order_by(records.c.seq))
        assert [tuple(each) for each in found] == [row(seq) for seq in range(1, 100)]


def test_rows_change_that_have_these_values(engine: Engine) -> None:
    with engine.begin() as conn:
        insert(conn, *(row(seq) for seq in range(1, 6)))
        changes = [
            (1, 2**62, 8, b"other"),
            (2, 2**62, 9, None),
            (3, 7, 8, b"not this one"),  # it was received at another moment
            (99, 2**62, 8, b"nor this"),
        ]
        update_rows(conn, records, ("seq", "received_ms"), ("received_ms", "blob"), changes)
        update_rows(conn, records, ("seq",), ("blob",), [])
        kept = conn.execute(
            select(records.c.seq, records.c.received_ms, records.c.blob).order_by(records.c.seq)
        )
        assert [tuple(each) for each in kept] == [
            (1, 8, b"other"),
            (2, 9, None),
            *((seq, 2**62, None) for seq in (3, 4, 5)),
        ]


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([row(1), row(1)], IntegrityError),
        ([row(2**70)], DataError),
        ([(*row(1)[:-1], 2**63)], DataError),
        ([(1, 1, None, None, b"", 0)], IntegrityError),
    ],
)
def test_a_value_the_database_refuses_is_an_error_of_sqlalchemy(
    engine: Engine, rows: list[tuple[object, ...]], error: type[DBAPIError]
) -> None:
    with pytest.raises(error), engine.begin() as conn:
        insert(conn, *rows)
    with engine.begin() as conn:
        insert(conn, row(1))


def test_a_database_that_goes_away_is_to_be_asked_again(engine: Engine, backend: str) -> None:
    def insert_without_it() -> None:
        with engine.begin() as conn:
            if backend == "sqlite":
                conn.execute(text("DROP TABLE records"))
            else:
                me = conn.execute(text("SELECT pg_backend_pid()")).scalar_one()
                with engine.begin() as other:
                    other.execute(text(f"SELECT pg_terminate_backend({me})"))
            insert(conn, row(1))

    with pytest.raises(OperationalError) as caught:
        insert_without_it()
    assert unavailable(caught.value)
    with engine.begin() as conn:
        insert(conn, row(1))


def test_a_bad_value_is_no_fault_of_the_database(engine: Engine) -> None:
    with pytest.raises(DataError) as caught, engine.begin() as conn:
        insert(conn, row(2**70))
    assert not unavailable(caught.value)
