"""Every test that asks for a database runs twice: on SQLite and on PostgreSQL.

A test gets a copy of a database migrated once, so it starts empty, at the present schema.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from cloud import db, migrations
from tests.support.postgresql import Cluster


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A running PostgreSQL."""
    cluster = Cluster()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "platform.sqlite"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgresql_template(cluster: Cluster) -> str:
    database = cluster.database()
    _migrate(cluster.url(database))
    return database


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Which database this run of the test is about."""
    name: str = request.param
    return name


@pytest.fixture
def empty_database_url(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """A database without any table."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    database = cluster.database()
    yield cluster.url(database)
    cluster.drop(database)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database at the present schema."""
    if backend == "sqlite":
        path = tmp_path / "platform.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        yield f"sqlite:///{path}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    database = cluster.database(request.getfixturevalue("postgresql_template"))
    yield cluster.url(database)
    cluster.drop(database)


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The engine of the process that owns the database: ingest."""
    engine = db.writer_engine(database_url, owner=True)
    yield engine
    engine.dispose()


@pytest.fixture
def reader(database_url: str) -> Iterator[Engine]:
    """An engine that only reads: the API, the console."""
    engine = db.reader_engine(database_url)
    yield engine
    engine.dispose()


def _migrate(url: str) -> None:
    engine = db.writer_engine(url)
    migrations.upgrade(engine)
    engine.dispose()
