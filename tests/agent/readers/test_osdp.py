"""OSDP over a real pty, libosdp at both ends: cards, lamps, keys, and what goes wrong."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.feedback import ReaderSink
from agent.readers import OsdpConfig, osdp_panel
from agent.readers.osdp import OsdpReader, text_badge
from agent.reads import BadgeRead, Feedback, ReaderState, Unreadable
from hwsim.readers.noise import NoisyLine
from hwsim.readers.osdp import OsdpPeripheral
from protocol.badges import Assurance, Flag
from protocol.errors import KeyFileError
from tests.agent.readers.running import Running, descriptors
from tests.agent.readers.test_wiegand import frame

pytestmark = pytest.mark.integration

KEY = bytes(range(16))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What lasts this long is told of."""
    monkeypatch.setattr(osdp_panel, "_PATIENCE_S", 0.4)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    return tmp_path / "ttyRS485"


@pytest.fixture
def peripheral(device: Path) -> Iterator[OsdpPeripheral]:
    with OsdpPeripheral(device, KEY, address=5) as simulated:
        yield simulated


def running(device: Path, key: bytes = KEY) -> Running:
    config = OsdpConfig(name="gate", device=str(device), key="gate", address=5, direction="in")
    return Running(config, OsdpReader(config, lambda _: key))


def test_a_card_is_read_in_the_secure_channel(peripheral: OsdpPeripheral) -> None:
    with running(peripheral.device) as gate:
        ready = gate.next(ReaderState)
        assert ready.state == "ready"
        assert "secure channel up" in ready.detail
        assert "vendor C0FFEE" in ready.detail
        assert peripheral.heard("secure") is True
        peripheral.present(frame("26", 123, 4567))
        assert gate.next(BadgeRead) == BadgeRead(
            "gate", "12304567", "wiegand26", Assurance.UID, "in"
        )
        peripheral.present(f"{0x04A1B2C3D4E5F8:056b}")
        assert gate.next(BadgeRead).badge == "04A1B2C3D4E5F8"
        wrong = frame("26", 1, 1)
        peripheral.present(wrong[:-1] + str(1 - int(wrong[-1])))
        assert gate.next(Unreadable).reason == "parity"
        peripheral.present("1" * 33)
        assert gate.next(Unreadable).reason == "length"


def test_feedback_reaches_lamp_display_and_buzzer(peripheral: OsdpPeripheral) -> None:
    with running(peripheral.device) as gate:
        assert gate.state() == "ready"
        gate.reader.feedback(Feedback.TRY_AGAIN)
        lamp, display, buzzer = (peripheral.heard("command") for _ in range(3))
    assert (lamp["on_color"], lamp["temporary"]) == (1, True)
    assert display["data"] == "?"
    assert buzzer["rep_count"] == 3


def test_a_display_says_why(peripheral: OsdpPeripheral) -> None:
    with running(peripheral.device) as gate:
        assert gate.state() == "ready"
        sink = ReaderSink([gate.reader], "fr")
        sink.show("gate", Feedback.RECORDED_BUT, Flag.EXPIRED)
        _, display, _ = (peripheral.heard("command") for _ in range(3))
    assert (display["data"], display["temp_time"]) == ("EXPIRE", 4)


def test_tamper_and_power_are_part_of_the_state(peripheral: OsdpPeripheral) -> None:
    with running(peripheral.device) as gate:
        assert gate.state() == "ready"
        peripheral.status(tamper=True)
        assert gate.next(ReaderState).detail.endswith("its tamper switch is open")
        peripheral.status(power=True)
        assert gate.next(ReaderState).detail.endswith("its power is failing")
        peripheral.status()
        assert gate.next(ReaderState).detail.endswith("secure channel up")


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("key", [None, bytes(16)], ids=["plain", "another key"])
def test_out_of_the_secure_channel_it_is_refused(device: Path, key: bytes | None) -> None:
    with OsdpPeripheral(device, key, address=5) as peripheral, running(device) as gate:
        refused = gate.next(ReaderState)
        assert refused.state == "failed"
        assert "not in the secure channel" in refused.detail
        peripheral.present(frame("26", 123, 4567))
        peripheral.unplug()
        assert gate.state() == "absent"
        peripheral.key = KEY
        peripheral.replug()
        gate.until("ready")


def test_unplugged_and_replugged_it_comes_back(peripheral: OsdpPeripheral) -> None:
    with running(peripheral.device) as gate:
        assert gate.state() == "ready"
        peripheral.unplug()
        assert gate.state() == "absent"
        peripheral.replug()
        gate.until("ready")
        peripheral.present(frame("26", 123, 4567))
        assert gate.next(BadgeRead).badge == "12304567"


@pytest.mark.usefixtures("soon")
def test_nothing_at_the_address_is_said(peripheral: OsdpPeripheral) -> None:
    config = OsdpConfig(name="gate", device=str(peripheral.device), key="gate", address=6)
    with Running(config, OsdpReader(config, lambda _: KEY)) as gate:
        absent = gate.next(ReaderState)
    assert absent.state == "absent"
    assert "nothing answers" in absent.detail


@pytest.fixture
def noisy(peripheral: OsdpPeripheral, tmp_path: Path, seed: int) -> Iterator[NoisyLine]:
    with NoisyLine(tmp_path / "noisy", peripheral.device, random.Random(seed)) as line:
        yield line


@pytest.mark.parametrize("to_terminal", [False, True])
def test_a_frame_that_is_spoilt_costs_no_more_than_the_channel(
    noisy: NoisyLine, peripheral: OsdpPeripheral, to_terminal: bool
) -> None:
    with running(noisy.device) as gate:
        assert gate.state() == "ready"
        noisy.spoil(lambda _, data: data[:-1] + b"\0", 1, to_terminal=to_terminal)
        # Up again so soon that nobody is told of anything but the loss.
        assert gate.next(ReaderState).detail.endswith("secure channel up, lost so far: 1")
        peripheral.present(frame("26", 123, 4567))
        assert gate.next(BadgeRead).badge == "12304567"


def test_an_answer_that_is_said_again_is_not_taken_twice(
    noisy: NoisyLine, peripheral: OsdpPeripheral
) -> None:
    heard: list[bytes] = []

    def keep(_: random.Random, data: bytes) -> bytes:
        heard.append(data)
        return data

    def replay(_: random.Random, data: bytes) -> bytes:
        return max(heard, key=len)

    with running(noisy.device) as gate:
        assert gate.state() == "ready"
        noisy.spoil(keep, 10_000, to_terminal=True)
        peripheral.present(frame("26", 123, 4567))
        assert gate.next(BadgeRead).badge == "12304567"
        noisy.spare()
        noisy.spoil(replay, 2, to_terminal=True)
        assert gate.next(ReaderState).detail.endswith("lost so far: 1")
        peripheral.present(frame("26", 123, 4568))
        assert gate.next(BadgeRead).badge == "12304568"


@pytest.mark.usefixtures("soon")
def test_a_line_on_which_nothing_makes_sense_is_said_to_be_noisy(
    noisy: NoisyLine, peripheral: OsdpPeripheral
) -> None:
    noisy.spoil(lambda chance, data: chance.randbytes(len(data)), 10_000, to_terminal=True)
    with running(noisy.device) as gate:
        failed = gate.next(ReaderState)
        assert failed.state == "failed"
        assert "check `baud`" in failed.detail
        noisy.spare()
        gate.until("ready")


def test_what_libosdp_never_lets_go_of_is_empty(
    peripheral: OsdpPeripheral, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, object]] = []
    real = osdp_panel.Panel._event

    def seen(panel: osdp_panel.Panel, number: int, event: dict[str, object]) -> int:
        told.append(event)
        return real(panel, number, event)

    monkeypatch.setattr(osdp_panel.Panel, "_event", seen)
    with running(peripheral.device) as gate:
        assert gate.state() == "ready"
        peripheral.present(frame("26", 123, 4567))
        gate.next(BadgeRead)
    assert told
    assert not any(told)


def test_a_missing_key_is_said_and_found_when_it_is_there(
    peripheral: OsdpPeripheral,
) -> None:
    keys: list[bytes] = []

    def key(name: str) -> bytes:
        if not keys:
            raise KeyFileError(f"there is no key {name!r}")
        return keys[0]

    config = OsdpConfig(name="gate", device=str(peripheral.device), key="gate", address=5)
    with Running(config, OsdpReader(config, key)) as gate:
        assert gate.next(ReaderState) == ReaderState("gate", "failed", "there is no key 'gate'")
        keys.append(KEY)
        assert gate.state() == "ready"


def test_beginning_anew_leaks_nothing(device: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osdp_panel, "_LONGEST_PAUSE_S", 0.001)
    begun = threading.Semaphore(0)
    real = osdp_panel.Panel._begin_anew

    def counted(panel: osdp_panel.Panel) -> None:
        real(panel)
        begun.release()

    monkeypatch.setattr(osdp_panel.Panel, "_begin_anew", counted)
    with OsdpPeripheral(device, bytes(16), address=5), running(device) as gate:
        assert gate.next(ReaderState).state == "failed"
        before = descriptors(), threading.active_count()
        for _ in range(20):
            assert begun.acquire(timeout=30)
        assert (descriptors(), threading.active_count()) == before


def test_numbers_sent_as_characters() -> None:
    badge = text_badge(b"00123456\0\0")
    assert (badge.number, badge.profile, badge.assurance) == ("00123456", "osdp", Assurance.UID)
