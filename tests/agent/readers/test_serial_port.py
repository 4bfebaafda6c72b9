"""The serial reader on a real pty: badges, faults, unplug and replug."""

import errno
import termios
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial

from agent.readers import SerialConfig, base
from agent.readers.serial_port import Presentations, fault
from agent.reads import BadgeRead, Event, ReaderState, Unreadable
from hwsim.serial_reader import SerialReader
from protocol.badges import Assurance
from tests.agent.readers.running import Running, descriptors, faults


def config(device: Path, protocol: str = "rdm6300", **more: str) -> SerialConfig:
    return SerialConfig(
        name="gate",
        device=str(device),
        protocol=protocol,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture
def device(tmp_path: Path) -> Path:
    return tmp_path / "ttyBADGE"


@pytest.fixture
def plugged(device: Path) -> Iterator[SerialReader]:
    with SerialReader(device) as simulated:
        yield simulated


def test_a_badge_is_read_once(plugged: SerialReader) -> None:
    with Running(config(plugged.device, direction="in")) as running:
        assert running.state() == "ready"
        plugged.present("0600908EF3")
        assert running.next(BadgeRead) == BadgeRead(
            "gate", "0600908EF3", "em4100", Assurance.UID, "in"
        )
        # A module repeats a tag for as long as it lies there.
        for _ in range(3):
            plugged.present("0600908EF3")
        plugged.present("0600908EF4")
        assert running.next(BadgeRead).badge == "0600908EF4"
        assert running.nothing_more()


@pytest.mark.parametrize("protocol", ["id12", "line"])
def test_the_other_families(device: Path, protocol: str) -> None:
    with SerialReader(device, protocol) as simulated:
        spoken = "line" if protocol == "line" else "rdm6300"
        with Running(config(device, spoken)) as running:
            assert running.state() == "ready"
            simulated.present("1234567890")
            read = running.next(BadgeRead)
    assert read.badge == "1234567890"
    assert read.assurance is (Assurance.PRINTED if protocol == "line" else Assurance.UID)


def test_a_pattern_tells_employer_and_worker(device: Path) -> None:
    pattern = r"(?P<employer>\d{10})-(?P<worker>\d+)-(?P<badge>\d+)"
    with (
        SerialReader(device, "line") as simulated,
        Running(config(device, "line", pattern=pattern)) as running,
    ):
        assert running.state() == "ready"
        simulated.present("0403019261-17-998877")
        read = running.next(BadgeRead)
    assert (read.badge, read.employer, read.worker) == ("998877", "0403019261", "17")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [("wrong_checksum", "checksum"), ("garble", "frame"), ("cut", "frame")],
)
def test_a_spoilt_frame_is_unreadable_and_the_next_badge_is_read(
    plugged: SerialReader, spoil: str, reason: str
) -> None:
    with Running(config(plugged.device)) as running:
        assert running.state() == "ready"
        getattr(plugged, spoil)("0600908EF3")
        assert running.next(Unreadable) == Unreadable("gate", reason)
        plugged.present("0600908EF3")
        assert running.next(BadgeRead).badge == "0600908EF3"


def test_unplugged_and_replugged_it_comes_back_by_itself(plugged: SerialReader) -> None:
    with Running(config(plugged.device)) as running:
        assert running.state() == "ready"
        plugged.cut("0600908EF3")
        plugged.unplug()
        absent = running.next(ReaderState)
        assert absent.state == "absent"
        assert str(plugged.device) in absent.detail
        plugged.replug()
        assert running.state() == "ready"
        plugged.present("0600908EF4")
        assert running.next(BadgeRead).badge == "0600908EF4"


def test_a_reader_plugged_in_later_is_found(device: Path) -> None:
    with Running(config(device)) as running:
        absent = running.next(ReaderState)
        assert absent.state == "absent"
        assert "plug the reader in" in absent.detail
        with SerialReader(device):
            assert running.state() == "ready"
        assert running.state() == "absent"


def test_two_readers_at_once(tmp_path: Path) -> None:
    with (
        SerialReader(tmp_path / "a") as one,
        SerialReader(tmp_path / "b") as other,
        Running(config(one.device, direction="in")) as first,
        Running(config(other.device, direction="out")) as second,
    ):
        assert (first.state(), second.state()) == ("ready", "ready")
        one.cut("0600908EF3")
        other.present("0600908EF4")
        assert second.next(BadgeRead).direction == "out"
        assert first.next(Unreadable).reason == "frame"


def test_a_port_in_use_is_said_and_taken_when_free(plugged: SerialReader) -> None:
    with (
        serial.Serial(str(plugged.device), exclusive=True) as other,
        Running(config(plugged.device)) as running,
    ):
        failed = running.next(ReaderState)
        assert failed.state == "failed"
        assert "in use by another program" in failed.detail
        other.close()
        assert running.state() == "ready"


def test_a_file_is_no_serial_port(device: Path) -> None:
    device.write_text("not a tty")
    with Running(config(device)) as running:
        failed = running.next(ReaderState)
    assert failed.state == "failed"
    assert "no serial port" in failed.detail


def test_a_fault_is_told_once_however_long_it_lasts(
    device: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tries = threading.Semaphore(0)
    monkeypatch.setattr(base, "FIRST_BACKOFF_S", 0.001)
    monkeypatch.setattr(base, "LONGEST_BACKOFF_S", 0.001)
    opener = serial.Serial

    def counted(*arguments: object, **options: object) -> serial.Serial:
        tries.release()
        return opener(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(serial, "Serial", counted)
    with Running(config(device)) as running:
        assert running.state() == "absent"
        for _ in range(20):
            assert tries.acquire(timeout=30)
        assert running.nothing_more()


@pytest.mark.parametrize(
    ("error", "state", "fix"),
    [
        (OSError(errno.ENOENT, ""), "absent", "plug the reader in"),
        (OSError(errno.ENODEV, ""), "absent", "plug the reader in"),
        (OSError(errno.EIO, ""), "absent", "plug the reader in again"),
        (serial.SerialException("read failed"), "absent", "plug the reader in again"),
        (PermissionError(errno.EACCES, ""), "failed", "to group dialout"),
        (OSError(errno.EBUSY, ""), "failed", "fuser"),
        (termios.error(errno.ENOTTY, ""), "failed", "correct `device`"),
        (OSError(errno.ENOSPC, ""), "failed", "No space left"),
    ],
)
def test_every_fault_names_the_device_and_the_fix(
    tmp_path: Path, error: Exception, state: str, fix: str
) -> None:
    device = tmp_path / "tty"
    device.touch(mode=0o600)
    found, detail = fault(str(device), error)
    assert found == state
    assert str(device) in detail
    assert fix in detail
    assert "\n" not in detail


def test_an_error_that_pyserial_wraps_is_found(tmp_path: Path) -> None:
    device = tmp_path / "tty"
    device.touch()
    with pytest.raises(serial.SerialException) as caught:
        serial.Serial(str(device))
    assert fault(str(device), caught.value)[0] == "failed"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_repeats_and_noise_are_one_presentation() -> None:
    told: list[Event] = []
    clock = Clock()
    presentations = Presentations(told.append, clock)
    badge = BadgeRead("gate", "0600908EF3", "em4100", Assurance.UID)
    spoilt = Unreadable("gate", "checksum")
    for _ in range(30):
        presentations.take(badge)
        clock.now += 0.1
    assert told == [badge]
    presentations.take(spoilt)
    assert told == [badge], "a spoilt repeat of a badge lying there"
    clock.now += 1
    presentations.take(badge)
    assert told == [badge, badge], "presented again"
    told.clear()
    clock.now += 1
    for _ in range(30):
        presentations.take(spoilt)
        clock.now += 0.1
    assert 1 < len(told) < 10
    told.clear()
    presentations.take(badge)
    assert told == [badge], "a badge amid noise is never held back"


def test_hostile_input_neither_floods_nor_stops_the_reader(plugged: SerialReader) -> None:
    with Running(config(plugged.device)) as running:
        assert running.state() == "ready"
        for _ in range(50):
            plugged.send(b"\x02\x02zz\x03" * 400)
        plugged.present("0600908EF3")
        told = 0
        while isinstance(event := running.any(), Unreadable):
            told += 1
        assert isinstance(event, BadgeRead)
        assert told < 1000


def test_unplugs_leak_nothing(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "FIRST_BACKOFF_S", 0.005)
    monkeypatch.setattr(base, "LONGEST_BACKOFF_S", 0.005)
    with SerialReader(device) as simulated, Running(config(device)) as running:
        assert running.state() == "ready"
        before = descriptors(), threading.active_count()
        for turn in range(faults(100)):
            number = turn % 256
            simulated.cut("0600908EF3")
            simulated.unplug()
            while running.any() != ReaderState("gate", "absent", ABSENT.format(device)):
                pass
            simulated.replug()
            assert running.state() == "ready"
            simulated.present(f"06009000{number:02X}")
            assert running.next(BadgeRead).badge == f"06009000{number:02X}"
        assert (descriptors(), threading.active_count()) == before


ABSENT = "{} is not there: plug the reader in, or correct `device`"
