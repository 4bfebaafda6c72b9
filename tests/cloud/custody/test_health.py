"""What is told of a terminal's chain, as far as it is visible."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from cloud.custody import gaps, health
from cloud.custody.gaps import Hole
from cloud.custody.tables import records
from cloud.terminals import service
from protocol.keys import SigningKey
from tests.cloud.custody.chains import hold

EARLY = records.c.received_ms < 100
LATE = records.c.received_ms >= 100


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as conn:
        yield conn


@pytest.fixture
def terminal(conn: Connection) -> int:
    return service.register(conn, SigningKey.generate().public)


def test_a_chain_is_told_from_its_first_visible_record_to_its_last(
    conn: Connection, terminal: int
) -> None:
    hold(conn, terminal, {1: 10, 2: 20, 3: 100, 4: 110, 5: 120}, read=4)
    hold(conn, terminal, {1: 10, 2: 20}, epoch=bytes(16), read=2)
    names = ("ordinal", "first_seq", "last_seq", "signed_seq", "read_seq", "received_ms")
    for visible, chains in (
        (EARLY, [(7, 1, 2, 2, 2, 10), (7, 1, 2, 2, 2, 10)]),
        (LATE, [(7, 3, 5, 5, 4, 100)]),
        (records.c.received_ms > 110, [(7, 5, 5, 5, None, 120)]),
        (records.c.received_ms > 120, []),
    ):
        found = health.epochs_of(conn, terminal, visible=visible)
        assert [tuple(row[name] for name in names) for row in found] == chains
        assert [int.from_bytes(row["link"][:8], "big") for row in found] == [
            row["last_seq"] for row in found
        ]
    assert len(health.epochs_of(conn, terminal)) == 2


def test_a_gap_is_as_visible_as_the_record_that_showed_it(conn: Connection, terminal: int) -> None:
    epoch = hold(conn, terminal, {1: 10, 4: 100})
    gaps.note(conn, terminal, epoch, Hole(2, 3, bytes(32)))
    assert [row["first_seq"] for row in health.gaps_of(conn, terminal, visible=LATE)] == [2]
    assert health.gaps_of(conn, terminal, visible=EARLY) == []
    assert len(health.gaps_of(conn, terminal)) == 1
