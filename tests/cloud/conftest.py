"""Every test that asks for a database runs twice: on SQLite and on PostgreSQL.

A test starts with empty tables at the present schema, made by the migrations, once.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, false, func, select

from cloud import db, migrations
from cloud.schema import metadata
from tests.cloud.console.company import Company
from tests.cloud.console.tapping import Gates
from tests.cloud.emptying import empty_tables
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
def postgresql_url(cluster: Cluster) -> str:
    url = cluster.url(cluster.database())
    _migrate(url)
    return url


@pytest.fixture(scope="session")
def postgresql_cleaner(postgresql_url: str) -> Iterator[Engine]:
    engine = db.writer_engine(postgresql_url)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.integration)])
def backend(request: pytest.FixtureRequest) -> str:
    """Which database this run of the test is about."""
    name: str = request.param
    return name


@pytest.fixture
def empty_database_url(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[str]:
    """A database of the test's own, without any table: it may do to the schema what it likes."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite'}"
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    database = cluster.database()
    yield cluster.url(database)
    cluster.drop(database)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database at the present schema, which the test leaves as it is."""
    if backend == "sqlite":
        path = tmp_path / "platform.sqlite"
        shutil.copy(request.getfixturevalue("sqlite_template"), path)
        return f"sqlite:///{path}"
    cleaner: Engine = request.getfixturevalue("postgresql_cleaner")
    # Emptying a few tables takes 2 ms; a database of its own would take 70.
    with cleaner.begin() as conn:
        empty_tables(conn)
        for table in metadata.sorted_tables:
            if "id" in table.c:
                sequence = func.pg_get_serial_sequence(table.name, "id")
                conn.execute(select(func.setval(sequence, 1, false())))
    url: str = request.getfixturevalue("postgresql_url")
    return url


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


@pytest.fixture
def company(engine: Engine) -> Company:
    """A company with somebody in every role, and another one."""
    return Company(engine)


@pytest.fixture
def gates(company: Company) -> Gates:
    """A terminal at every site of both."""
    return Gates(company)
