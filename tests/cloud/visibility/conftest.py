"""A world in which everything that visibility depends on happens."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Engine

from tests.cloud.visibility.world import World


@pytest.fixture
def conn(engine: Engine) -> Iterator[Connection]:
    with engine.begin() as conn:
        yield conn


@pytest.fixture
def world(conn: Connection) -> World:
    return World(conn)
