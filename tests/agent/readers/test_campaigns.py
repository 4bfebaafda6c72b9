"""Faults of all kinds in turn on a PN532 and on an OSDP reader: each comes back, nothing is left.

POINTEUSE_FAULTS says how many on each; a thousand are a long campaign of the same.
"""

import os
import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.readers import base
from agent.reads import BadgeRead, ReaderState, Unreadable
from hwsim.pn532 import Pn532Reader, frames
from hwsim.readers.osdp import OsdpPeripheral
from tests.agent.readers import test_osdp, test_pn532
from tests.agent.readers.running import Running, descriptors
from tests.agent.readers.test_wiegand import frame
from tests.support.waiting import wait_for

FAULTS = int(os.environ.get("POINTEUSE_FAULTS", "20"))
OSDP_FAULTS = int(os.environ.get("POINTEUSE_FAULTS", "3"))
"""libosdp takes six seconds to notice a peripheral that went, and to trust it again."""
pytestmark = [pytest.mark.integration, pytest.mark.timeout(120 + 12 * max(FAULTS, OSDP_FAULTS))]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "FIRST_BACKOFF_S", 0.005)
    monkeypatch.setattr(base, "LONGEST_BACKOFF_S", 0.005)


def read(running: Running, badge: str) -> None:
    """Pass by what a fault caused, until a badge is read; it is the right one."""
    while not isinstance(event := running.any(), BadgeRead):
        assert isinstance(event, ReaderState | Unreadable), event
    assert event.badge == badge


def _searched(chip: Pn532Reader) -> None:
    """Wait for searches after a fault."""
    least = chip.counts.get(test_pn532._LIST, 0) + 2
    wait_for(lambda: chip.counts.get(test_pn532._LIST, 0) > least, "searches after a fault")


def test_a_pn532_lives_through_faults_of_all_kinds(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    link = tmp_path / "pn532"
    with Pn532Reader(tmp_path / "tty0") as chip:
        link.symlink_to(chip.device)

        def replug() -> None:
            chip.unplug()
            chip.replug()

        def rename() -> None:
            chip.unplug()
            chip.replug(tmp_path / f"tty{chance.randrange(1000)}")
            link.unlink()
            link.symlink_to(chip.device)

        def spoil() -> None:
            made = [
                b"", chance.randbytes(60), frames.ACK + frames.SYNTAX_ERROR,
                frames.ACK + frames.response(0x4A, chance.randbytes(chance.randrange(8))),
            ]  # fmt: skip
            chip.spoil_next(lambda _: chance.choice(made))

        def midway() -> None:
            replug()
            sent = chance.choice([b"\0\0\xff", test_pn532.HALF_A_LONG_FRAME, chance.randbytes(30)])
            chip.leave_with(sent, baud=chance.choice([None, 921_600]))

        def in_midst() -> None:
            chip.insert(test_pn532.badge(), pull_at=chance.randrange(1, 5))
            chip.wait_asked()
            replug()

        faults: list[Callable[[], None]] = [
            replug, rename, spoil, midway, in_midst, lambda: chip.send(chance.randbytes(40)),
        ]  # fmt: skip
        with test_pn532.reader(chip, link) as running:
            assert running.state() == "ready"
            before = descriptors(), threading.active_count()
            for _ in range(FAULTS):
                chance.choice(faults)()
                chip.remove()
                _searched(chip)
                chip.insert(test_pn532.badge())
                read(running, test_pn532.NUMBER)
                chip.remove()
            wait_for(lambda: (descriptors(), threading.active_count()) == before, "all given back")


def test_an_osdp_reader_lives_through_faults_of_all_kinds(tmp_path: Path) -> None:
    with OsdpPeripheral(tmp_path / "tty", test_osdp.KEY, address=5) as peripheral:

        def replug() -> None:
            peripheral.unplug()
            peripheral.replug()

        def kill() -> None:
            """In the midst of whatever it was saying."""
            peripheral.kill()
            peripheral.replug()

        def stall() -> None:
            """It is silent until libosdp takes it for offline."""
            peripheral.signal(signal.SIGSTOP)
            running.until("absent")
            peripheral.signal(signal.SIGCONT)

        faults: list[Callable[[], None]] = [replug, kill, stall]
        with test_osdp.running(peripheral.device) as running:
            assert running.state() == "ready"
            before = descriptors(), threading.active_count()
            for number in range(OSDP_FAULTS):
                faults[number % len(faults)]()
                running.until("ready")
                peripheral.present(frame("26", 123, number % 65_536))
                read(running, f"123{number % 65_536:05}")
            wait_for(lambda: (descriptors(), threading.active_count()) == before, "all given back")
