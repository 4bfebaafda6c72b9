"""Losing a platform's database: what the backup lacks comes again from the terminals, once."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.processes import run
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack
from tests.integration.test_path import WholePath
from tests.support.postgresql import Cluster

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@pytest.fixture(params=["sqlite", "postgresql"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[WholePath]:
    cluster = Cluster() if request.param == "postgresql" else None
    url = cluster.url(cluster.database()) if cluster else None
    try:
        with (
            Stack(tmp_path / "stack", database=url) as stack,
            SerialReader(tmp_path / "reader", "rdm6300") as reader,
        ):
            yield WholePath(stack, reader)
    finally:
        if cluster is not None:
            cluster.stop()


def test_everything_since_the_backup_comes_back(path: WholePath, tmp_path: Path) -> None:
    path.tap(5)
    path.check()
    config: list[str | Path] = ["--config", path.stack.settings]
    run("cloud", "backup", *config, "--out", tmp_path / "saved", "--keys", tmp_path / "apart")
    path.tap(5)
    path.check()
    with pytest.raises(Exception, match="stop it first"):
        run("cloud", "restore", *config, "--force", tmp_path / "saved")
    path.ingest.stop()
    path.api.stop()
    path.tap(5)
    run("cloud", "restore", *config, "--force", tmp_path / "saved")
    path.ingest.start()
    path.stack.start_api()
    path.stack.wait_settled(path.made)
    path.tap(5)
    path.check()
    kinds = [alarm["kind"] for alarm in path.stack.get("/v1/alarms")["items"]]
    assert "gap" not in kinds
    assert "restored" in kinds
