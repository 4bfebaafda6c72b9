import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError

from cloud.registrations import reattribution
from cloud.registrations.tables import reattribution as requests
from tests.cloud.sample import Sample


def test_requests_keep_their_order_and_what_they_ask(engine: Engine) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        conn.execute(requests.delete())
        reattribution.request(conn, why="everything")
        reattribution.request(conn, terminal_id=sample.terminals[0], from_ms=5, why="terminal")
        reattribution.request(conn, badge_id=sample.badge, why="badge")
        rows = conn.execute(select(requests).order_by(requests.c.id)).all()
    assert [(row.terminal_id, row.badge_id, row.from_ms, row.why) for row in rows] == [
        (None, None, None, "everything"),
        (sample.terminals[0], None, 5, "terminal"),
        (None, sample.badge, None, "badge"),
    ]


def test_it_goes_with_the_change_that_caused_it(engine: Engine) -> None:
    with engine.connect() as conn:
        reattribution.request(conn, why="x")
        conn.rollback()
        assert conn.execute(select(requests)).all() == []


def test_about_things_that_exist(engine: Engine) -> None:
    with pytest.raises(IntegrityError), engine.begin() as conn:
        reattribution.request(conn, badge_id=99, why="x")
