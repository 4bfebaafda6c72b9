"""Statements spelt for each database mean the same on both."""

from sqlalchemy import Column, Connection, Engine, select

from cloud.bulk import insert_rows
from cloud.custody.tables import records
from cloud.rows import among, whole_numbers

COLUMNS = ("epoch_id", "seq", "body", "blob", "link", "received_ms")


def fill(conn: Connection, *places: tuple[int, int]) -> None:
    rows = [(epoch, seq, bytes([seq]), None, b"l" * 32, 0) for epoch, seq in places]
    insert_rows(conn, records, COLUMNS, rows)


def found(conn: Connection, of: Column[object], values: list[object]) -> list[int]:
    query = select(records.c.seq).where(among(conn, of, values)).order_by(records.c.seq)
    return list(conn.execute(query).scalars())


def test_among_some_values(engine: Engine) -> None:
    with engine.begin() as conn:
        fill(conn, *((1, seq) for seq in range(1, 10)))
        assert found(conn, records.c.seq, [3, 7, 7, 99]) == [3, 7]
        assert found(conn, records.c.seq, []) == []
        assert found(conn, records.c.body, [b"\x02", b"\0", b'"{},\\']) == [2]
        special = list(b'"{},\\')
        fill(conn, *((2, octet) for octet in special))
        bodies: list[object] = [bytes([octet]) for octet in special]
        assert found(conn, records.c.body, bodies) == sorted(special)


def test_rows_of_whole_numbers_are_joined(engine: Engine) -> None:
    with engine.begin() as conn:
        fill(conn, (1, 1), (1, 2), (1, 3), (2, 1), (2, 2))
        for wanted, expected in (
            ([(1, 2, 3), (2, 1, 1), (3, 1, 9)], [(1, 2), (1, 3), (2, 1)]),
            ([(2, 2, 2**62)], [(2, 2)]),
            ([(2, -(2**62), 1)], [(2, 1)]),
        ):
            given = whole_numbers(conn, ("epoch", "first", "last"), wanted)
            query = select(records.c.epoch_id, records.c.seq).join(
                given,
                (records.c.epoch_id == given.c.epoch)
                & records.c.seq.between(given.c.first, given.c.last),
            )
            assert sorted(tuple(row) for row in conn.execute(query)) == expected
