"""The wedge reader in its thread; the keyboard itself is evdev's, and stands in as a pipe."""

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import evdev
import pytest

from agent.readers import WedgeConfig, base, wedge
from agent.reads import BadgeRead, ReaderState, Unreadable
from protocol.badges import Assurance
from tests.agent.readers.running import Running, descriptors


@dataclass
class Event:
    type: int
    code: int
    value: int


class Keyboard:
    """What evdev gives of a device: a descriptor that is ready, and events. One octet is a key."""

    def __init__(self, path: str) -> None:
        self.fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        self.name = "Scanner"
        self.grabbed = False

    def grab(self) -> None:
        self.grabbed = True

    def read(self) -> list[Event]:
        assert self.grabbed
        data = os.read(self.fd, 100)
        if not data:
            raise OSError(errno.ENODEV, "No such device")
        return [Event(1, code, value) for code in data for value in (1, 0)]

    def close(self) -> None:
        os.close(self.fd)


class Plugged:
    """The keyboard's cable: a FIFO to press keys into."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._pipe = -1
        self.replug()

    def replug(self) -> None:
        os.mkfifo(self.path)
        self._pipe = os.open(self.path, os.O_RDWR)

    def press(self, *codes: int) -> None:
        os.write(self._pipe, bytes(codes))

    def unplug(self) -> None:
        if self._pipe >= 0:
            self.path.unlink()
            os.close(self._pipe)
            self._pipe = -1


@pytest.fixture
def plugged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugged]:
    monkeypatch.setattr(evdev, "InputDevice", Keyboard)
    monkeypatch.setattr(base, "FIRST_BACKOFF_S", 0.005)
    monkeypatch.setattr(base, "LONGEST_BACKOFF_S", 0.005)
    cable = Plugged(tmp_path / "keyboard")
    yield cable
    cable.unplug()


def test_a_line_typed_is_a_badge(plugged: Plugged) -> None:
    config = WedgeConfig(name="gate", device=str(plugged.path), direction="out")
    with Running(config) as running:
        assert running.next(ReaderState).detail.endswith("taken (Scanner)")
        plugged.press(2, 3, 4, 28)
        assert running.next(BadgeRead) == BadgeRead(
            "gate", "123", "printed", Assurance.PRINTED, "out"
        )


def test_a_line_cut_is_unreadable(plugged: Plugged) -> None:
    with Running(WedgeConfig(name="gate", device=str(plugged.path))) as running:
        assert running.state() == "ready"
        plugged.press(2, 3)
        assert running.next(Unreadable) == Unreadable("gate", "frame")


def test_unplugged_and_replugged_again_and_again_it_comes_back(plugged: Plugged) -> None:
    with Running(WedgeConfig(name="gate", device=str(plugged.path))) as running:
        assert running.state() == "ready"
        before = descriptors()
        for digit in range(2, 11):
            plugged.press(2)
            plugged.unplug()
            assert running.state() == "absent"
            plugged.replug()
            assert running.state() == "ready"
            plugged.press(digit, 28)
            assert running.next(BadgeRead).badge == str(digit - 1)
        assert descriptors() == before


@pytest.mark.parametrize(
    ("number", "state", "said"),
    [
        (errno.ENODEV, "absent", "plug the reader in"),
        (errno.EACCES, "failed", "group input"),
        (errno.EBUSY, "failed", "grabbed by another program"),
        (errno.ENOTTY, "failed", "no input device"),
        (errno.EIO, "failed", "Input/output error"),
    ],
)
def test_every_fault_names_the_device_and_the_fix(
    tmp_path: Path, number: int, state: str, said: str
) -> None:
    device = tmp_path / "event0"
    device.touch()
    found, detail = wedge.fault(str(device), OSError(number, ""))
    assert found == state
    assert str(device) in detail
    assert said in detail


def test_the_real_evdev_says_that_a_file_is_no_keyboard(tmp_path: Path) -> None:
    device = tmp_path / "event0"
    device.touch()
    with Running(WedgeConfig(name="gate", device=str(device))) as running:
        failed = running.next(ReaderState)
    assert failed.state == "failed"
    assert "no input device" in failed.detail
