from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.cloud.retention.world import World


@pytest.fixture
def world(engine: Engine, reader: Engine, tmp_path: Path) -> World:
    return World(engine, reader, tmp_path / "platform")


@pytest.fixture
def furnished(world: World) -> World:
    world.furnish()
    return world
