"""A terminal whose storage decays, or is set back, loses no tap on its way to a registration."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hwsim.processes import wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack
from tests.integration.test_path import WholePath

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]


@pytest.fixture
def path(tmp_path: Path) -> Iterator[WholePath]:
    with (
        Stack(tmp_path / "stack") as stack,
        SerialReader(tmp_path / "reader", "rdm6300") as reader,
    ):
        yield WholePath(stack, reader)


def journal(path: WholePath, suffix: str = "") -> Path:
    return path.terminal.state / f"journal.sqlite{suffix}"


def damage(file: Path, at: int, octets: bytes) -> None:
    with file.open("r+b") as open_file:
        open_file.seek(at)
        open_file.write(octets)


def alarms(path: WholePath) -> list[tuple[str, str]]:
    found: list[dict[str, Any]] = path.stack.get("/v1/alarms")["items"]
    return [(alarm["kind"], alarm["detail"]) for alarm in found]


def await_alarm(path: WholePath) -> tuple[str, str]:
    """The one alarm that comes, and is the last thing a salvage has to say."""
    wait_for(lambda: bool(alarms(path)), "no alarm")
    (alarm,) = alarms(path)
    return alarm


def test_taps_of_a_damaged_journal_are_registered_once(path: WholePath) -> None:
    path.tap(5)
    path.terminal.wait_delivered()
    path.ingest.stop()
    path.tap(20)
    path.terminal.agent.kill()
    damage(journal(path), 0, b"\xff" * 4096)
    damage(journal(path, "-wal"), 0, b"\xff" * 32)
    path.ingest.start()
    path.start_agent()
    path.tap(3)
    kind, detail = await_alarm(path)
    path.check()
    assert journal(path, ".damaged-1").exists()
    assert kind == "gap"
    assert "nobody knows how many" in detail


def test_a_terminal_set_back_to_an_older_copy_goes_on(path: WholePath, tmp_path: Path) -> None:
    path.tap(5)
    path.terminal.wait_delivered()
    path.terminal.agent.stop()
    shutil.copytree(path.terminal.state, tmp_path / "copy")
    path.start_agent()
    path.tap(5)
    path.terminal.wait_delivered()
    path.terminal.agent.stop()
    shutil.rmtree(path.terminal.state)
    shutil.copytree(tmp_path / "copy", path.terminal.state)
    path.start_agent()
    path.tap(5)
    path.check()
    ordinals = {registration["epoch"] for registration in path.stack.registrations()}
    assert len(ordinals) == 2


def test_a_journal_that_vanished_is_said_to_be_missing(path: WholePath) -> None:
    path.tap(5)
    path.terminal.wait_delivered()
    path.terminal.agent.stop()
    journal(path).unlink()
    path.start_agent()
    path.tap(5)
    kind, detail = await_alarm(path)
    path.check()
    assert kind == "gap"
    assert "journal.sqlite was missing" in detail
    assert detail.startswith("records from 8 on of epoch 1")
