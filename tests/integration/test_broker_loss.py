"""A broker that acknowledges messages and loses them: it is killed, and forgets what it held."""

import os
import re
import signal
from collections.abc import Iterator

import pytest

from hwsim.processes import Process, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack
from tests.integration.test_path import WholePath

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_TAKEN, _FOR_NOBODY = "rc0", "rc16"
"""What the broker says of a message as it acknowledges it (MQTT 5, 3.4.2.1)."""


class ForgetfulStack(Stack):
    """Its broker says what it acknowledges, and writes what it holds into a file."""

    def start_broker(self) -> Process:
        """Start Mosquitto with persistence, as an operator may have set it."""
        settings = self.platform / "mosquitto.conf"
        text = settings.read_text()
        assert "persistence false\n" in text
        kept = f"persistence true\npersistence_location {self.directory}/\nautosave_interval 1\n"
        settings.write_text(text.replace("persistence false\n", kept) + "log_type debug\n")
        return super().start_broker()

    def forget(self) -> None:
        """Remove what a killed broker left on the disk, if it came to that."""
        (self.directory / "mosquitto.db").unlink(missing_ok=True)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholePath]:
    """One for all: each test begins with everything delivered, and ends so."""
    home = tmp_path_factory.mktemp("loss")
    with (
        ForgetfulStack(home / "stack") as stack,
        SerialReader(home / "reader", "rdm6300") as reader,
    ):
        yield WholePath(stack, reader)


def acknowledged(path: WholePath, code: str) -> int:
    """How many batches of the terminal the broker acknowledged, and said `code` of."""
    device = path.terminal.device.replace("-", "")
    said = re.compile(
        rf"PUBLISH from {device} \(.*, m(?P<sent>\d+), '.*/(?P<name>\w+)'"
        rf"|PUBACK to {device} \(m(?P<taken>\d+), (?P<code>rc\d+)\)"
    )
    names: dict[str, str] = {}
    count = 0
    for found in said.finditer(path.broker.log.read_text(errors="replace")):
        if found["sent"]:
            names[found["sent"]] = found["name"]
        elif found["code"] == code and names.get(found["taken"]) == "records":
            count += 1
    return count


def lose(path: WholePath, code: str) -> None:
    """Tap until the broker has acknowledged some of it, then kill it: nothing is lost by that."""
    before = acknowledged(path, code)
    path.tap(5)
    wait_for(lambda: acknowledged(path, code) > before, f"no batch is acknowledged with {code}")
    path.broker.kill()
    assert isinstance(path.stack, ForgetfulStack)
    path.stack.forget()
    assert queued(path) >= 5


def queued(path: WholePath) -> int:
    return int((path.terminal.status() or {"queue": 0})["queue"])


def test_what_waits_in_the_broker_alone_is_sent_again(path: WholePath) -> None:
    """Ingest is there and takes nothing: what the terminal sent is in the broker, nowhere else."""
    for _ in range(2):
        path.terminal.wait_delivered()
        os.kill(path.ingest.pid, signal.SIGSTOP)
        lose(path, _TAKEN)
        path.ingest.kill()
        path.broker.start()
        path.ingest.start()
    path.check()


def test_what_the_broker_acknowledges_for_nobody_is_sent_again(path: WholePath) -> None:
    """Ingest is down: the broker acknowledges each message, and has nobody to give it to."""
    path.terminal.wait_delivered()
    path.ingest.kill()
    lose(path, _FOR_NOBODY)
    path.broker.start()
    path.tap(5)
    assert queued(path) >= 10
    path.ingest.start()
    path.check()
