"""Faults of all kinds in turn on a PN532 and on an OSDP reader: each comes back, nothing is left.

POINTEUSE_FAULTS says how many on each; a thousand are a long campaign of the same.
"""

import random
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from agent.reads import BadgeRead, Event, ReaderState, Unreadable
from hwsim.pn532 import Pn532Reader, frames
from hwsim.readers.noise import SPOILS, NoisyLine, another
from hwsim.readers.osdp import OsdpPeripheral
from tests.agent.readers import test_osdp, test_pn532
from tests.agent.readers.running import Running, descriptors, faults
from tests.agent.readers.test_wiegand import frame
from tests.support.waiting import wait_for

FAULTS = faults(20)
OSDP_FAULTS = faults(6)
TAPS = 10
pytestmark = [pytest.mark.integration, pytest.mark.timeout(120 + 12 * max(FAULTS, OSDP_FAULTS))]


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    test_pn532.quick(monkeypatch)


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

        kinds: list[Callable[[], None]] = [
            replug, rename, spoil, midway, in_midst, lambda: chip.send(chance.randbytes(40)),
        ]  # fmt: skip
        with test_pn532.reader(chip, link) as running:
            assert running.state() == "ready"
            before = descriptors(), threading.active_count()
            for _ in range(FAULTS):
                chance.choice(kinds)()
                chip.remove()
                _searched(chip)
                chip.insert(test_pn532.badge())
                read(running, test_pn532.NUMBER)
                chip.remove()
            wait_for(lambda: (descriptors(), threading.active_count()) == before, "all given back")


class OsdpGate:
    """A peripheral, a line on which things go wrong, and workers who tap until they see green."""

    def __init__(
        self, peripheral: OsdpPeripheral, line: NoisyLine, running: Running, chance: random.Random
    ) -> None:
        self.taps = 0
        self._peripheral, self._line, self._running = peripheral, line, running
        self._chance = chance
        self._held: set[str] = set()

    def replug(self) -> None:
        self._peripheral.unplug()
        self._peripheral.replug()

    def kill(self) -> None:
        """In the midst of whatever it was saying."""
        self._peripheral.kill()
        self._peripheral.replug()

    def stall(self) -> None:
        """It is silent until that is told of."""
        self._peripheral.signal(signal.SIGSTOP)
        while self._seen(self._running.any()) != "absent":
            pass
        self._peripheral.signal(signal.SIGCONT)

    def noise(self) -> None:
        """Some of the next frames are spoilt, and a badge is held there meanwhile."""
        for _ in range(self._chance.randrange(1, 3)):
            how = self._chance.choice(list(SPOILS.values()))
            to_terminal = self._chance.random() < 0.6
            self._line.spoil(how, self._chance.randrange(1, 4), to_terminal=to_terminal)
        self._tap()

    def speak(self) -> None:
        """Somebody else does, between two questions or in the middle of one."""
        for _ in range(self._chance.randrange(1, 4)):
            noise = self._chance.randbytes(self._chance.randrange(1, 90))
            self._line.say(self._chance.choice([another(self._chance), noise]))

    def echo(self) -> None:
        """The terminal hears itself for a while."""
        self._line.echo = True
        self._tap()
        self._line.echo = False

    def come_back(self) -> None:
        """A worker who sees no light holds the badge there again."""
        wait_for(lambda: self._line.calm, "the noise is over")
        tapped = set()
        for _ in range(TAPS):
            tapped.add(self._tap())
            while (event := self._running.within(3)) is not None:
                if self._seen(event) in tapped:
                    return
        raise AssertionError(f"not back after {TAPS} taps")

    def _tap(self) -> str:
        self.taps += 1
        facility, card = divmod(self.taps, 65_536)
        self._peripheral.present(frame("26", facility, card))
        number = f"{facility:03}{card:05}"
        self._held.add(number)
        return number

    def _seen(self, event: Event) -> str:
        """The badge that was read, which was held there and not read before; or the state."""
        if isinstance(event, ReaderState):
            return event.state
        assert isinstance(event, BadgeRead), event
        self._held.remove(event.badge)
        return event.badge


def test_an_osdp_reader_lives_through_faults_of_all_kinds(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    with (
        OsdpPeripheral(tmp_path / "far", test_osdp.KEY, address=5) as peripheral,
        NoisyLine(tmp_path / "tty", peripheral.device, chance) as line,
        test_osdp.running(line.device) as running,
    ):
        gate = OsdpGate(peripheral, line, running, chance)
        kinds = {
            gate.noise: 60, gate.speak: 15, gate.echo: 5, gate.replug: 8, gate.kill: 8,
            gate.stall: 4,
        }  # fmt: skip
        assert running.state() == "ready"
        before = descriptors(), threading.active_count()
        for _ in range(OSDP_FAULTS):
            chance.choices(list(kinds), list(kinds.values()))[0]()
            gate.come_back()
        print(f"{OSDP_FAULTS} faults, {gate.taps} taps")
        wait_for(lambda: (descriptors(), threading.active_count()) == before, "all given back")
