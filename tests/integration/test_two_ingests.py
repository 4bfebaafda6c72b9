"""Two processes of ingest share the terminals: nothing lost, nothing doubled, whoever is killed."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.processes import run
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack
from tests.integration.test_path import WholePath
from tests.support.postgresql import Cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture
def path(tmp_path: Path) -> Iterator[WholePath]:
    cluster = Cluster()
    try:
        with (
            Stack(tmp_path / "stack", database=cluster.url(cluster.database()), ingests=2) as stack,
            SerialReader(tmp_path / "reader", "rdm6300") as reader,
        ):
            yield WholePath(stack, reader)
    finally:
        cluster.stop()


def test_either_may_die_at_any_time(path: WholePath) -> None:
    second = path.stack.start_ingest(2)
    for _ in range(3):
        path.tap(10)
        path.ingest.kill()
        path.tap(10)
        path.ingest.start()
        second.kill()
        path.tap(10)
        second.start()
    path.tap(10)
    path.check()
    logs = [path.stack.directory / name for name in ("ingest.log", "ingest-2.log")]
    assert all("Traceback" not in log.read_text() for log in logs)


def test_on_sqlite_there_is_one(tmp_path: Path) -> None:
    with Stack(tmp_path / "stack", ingests=2) as stack:
        stack.prepare()
        with pytest.raises(Exception, match="a second ingest needs PostgreSQL"):
            run("cloud", "ingest", "--config", stack.settings, "--worker", "2")
