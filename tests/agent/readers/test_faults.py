"""A thousand faults on a terminal of several readers: each comes back, and nothing is left over."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import pytest

from agent.readers import SerialConfig, base
from agent.reads import BadgeRead, ReaderState
from hwsim.readers.asked import PROTOCOLS, AskedReader
from hwsim.readers.osdp import OsdpPeripheral
from hwsim.serial_reader import SerialReader
from tests.agent.readers import test_osdp
from tests.agent.readers.running import Running, descriptors
from tests.agent.readers.test_wiegand import frame

pytestmark = pytest.mark.integration

FAULTS = 1000


def plain(simulated: SerialReader, chance: random.Random) -> None:
    """Anything, cut anywhere, and then the plug."""
    if chance.random() < 0.5:
        simulated.cut("0600908EF3", after=chance.randrange(1, 14))
    else:
        simulated.send(chance.randbytes(chance.randrange(1, 40)))
    simulated.unplug()
    simulated.replug()


def back(running: Running) -> None:
    """Pass by what the fault caused until the reader is ready; absent and ready take turns."""
    told: list[str] = []
    while not told or told[-1] != "ready":
        event = running.any()
        if isinstance(event, ReaderState):
            told.append(event.state)
    assert len(set(told)) == len(told)


def test_a_thousand_faults_leak_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    monkeypatch.setattr(base, "FIRST_BACKOFF_S", 0.002)
    monkeypatch.setattr(base, "LONGEST_BACKOFF_S", 0.002)

    def config(device: Path, protocol: str, direction: str) -> SerialConfig:
        return SerialConfig(
            name=device.name,
            device=str(device),
            protocol=protocol,  # type: ignore[arg-type]
            direction=direction,  # type: ignore[arg-type]
        )

    with (
        SerialReader(tmp_path / "in") as one,
        SerialReader(tmp_path / "out") as other,
        AskedReader(tmp_path / "asked", "twn4") as asked,
        Running(config(one.device, "rdm6300", "in")) as first,
        Running(config(other.device, "rdm6300", "out")) as second,
        Running(config(asked.device, "twn4", "auto")) as third,
    ):

        def replug() -> None:
            asked.unplug()
            asked.replug()

        assert (first.state(), second.state(), third.state()) == ("ready",) * 3
        before = descriptors(), threading.active_count()
        sites: list[tuple[Running, Callable[[], None]]] = [
            (first, lambda: plain(one, chance)),
            (second, lambda: plain(other, chance)),
            (third, replug),
        ]
        for _ in range(FAULTS):
            running, fault = chance.choices(sites, weights=(45, 45, 10))[0]
            fault()
            back(running)
        assert (descriptors(), threading.active_count()) == before
        # Each reader still reads, and says its own direction.
        one.present("0600908EF3")
        other.present("0600908EF3")
        asked.hold("em4100", "0600908EF3")
        directions = []
        for running in (first, second, third):
            while not isinstance(event := running.any(), BadgeRead):
                pass
            assert event.badge == "0600908EF3"
            directions.append(event.direction)
        assert directions == ["in", "out", "auto"]


def test_a_device_that_udev_renames_is_followed(tmp_path: Path) -> None:
    link = tmp_path / "ttyBADGE"
    with SerialReader(tmp_path / "tty0") as old, SerialReader(tmp_path / "tty1") as new:
        link.symlink_to(old.device)
        config = SerialConfig(name="gate", device=str(link), protocol="rdm6300")
        with Running(config) as running:
            assert running.state() == "ready"
            rename(link, old, new)
            running.until("ready")
            assert new.opened()
            new.present("0600908EF3")
            assert running.next(BadgeRead).badge == "0600908EF3"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_so_is_one_of_a_reader_that_is_asked(tmp_path: Path, protocol: str) -> None:
    link = tmp_path / "ttyBADGE"
    with (
        AskedReader(tmp_path / "tty0", protocol) as old,
        AskedReader(tmp_path / "tty1", protocol) as new,
    ):
        link.symlink_to(old.device)
        config = SerialConfig(name="gate", device=str(link), protocol=protocol)  # type: ignore[arg-type]
        with Running(config) as running:
            assert running.state() == "ready"
            rename(link, old, new)
            running.until("ready")
            new.hold("iso14443a", "04A1B2C3D4E5F8")
            assert running.next(BadgeRead).badge == "04A1B2C3D4E5F8"


def test_so_is_one_of_an_osdp_reader(tmp_path: Path) -> None:
    link = tmp_path / "ttyRS485"
    with (
        OsdpPeripheral(tmp_path / "tty0", test_osdp.KEY, address=5) as old,
        OsdpPeripheral(tmp_path / "tty1", test_osdp.KEY, address=5) as new,
    ):
        link.symlink_to(old.device)
        with test_osdp.running(link) as running:
            assert running.state() == "ready"
            rename(link, old, new)
            running.until("ready")
            new.present(frame("26", 123, 4567))
            assert running.next(BadgeRead).badge == "12304567"


class Simulated(Protocol):
    """What can be pulled out of a path."""

    device: Path

    def unplug(self) -> None: ...


def rename(link: Path, old: Simulated, new: Simulated) -> None:
    """What udev does: the link leads to another device, and the first one goes."""
    link.unlink()
    link.symlink_to(new.device)
    old.unplug()


@pytest.mark.parametrize("protocol", ["rdm6300", "twn4", "sscp", "deister"])
def test_a_waiting_reader_costs_next_to_nothing(tmp_path: Path, protocol: str) -> None:
    """Against busy polling: a loop without a wait takes all of a core."""
    device = tmp_path / "tty"
    simulated = SerialReader(device) if protocol == "rdm6300" else AskedReader(device, protocol)
    with (
        simulated,
        Running(
            SerialConfig(name="gate", device=str(device), protocol=protocol)  # type: ignore[arg-type]
        ) as running,
    ):
        assert running.state() == "ready"
        thread = time.pthread_getcpuclockid(running.thread_ident())
        begun = time.clock_gettime(thread)
        time.sleep(0.5)
        spent = time.clock_gettime(thread) - begun
        print(f"{protocol}: {spent * 2000:.1f} ms of processor time a second")
        assert spent < 0.125
