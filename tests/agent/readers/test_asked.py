"""Readers that are asked, on a real pty against their simulators: badges, lamps, faults."""

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from agent.readers import SerialConfig, base
from agent.reads import BadgeRead, Feedback, ReaderState, Unreadable
from hwsim.readers.asked import PROTOCOLS, AskedReader
from protocol.badges import Assurance
from tests.agent.readers.running import Running, descriptors
from tests.support.waiting import wait_for

RED, GREEN = 1, 2
LAMPS = {
    Feedback.TRY_AGAIN: RED,
    Feedback.OUT_OF_ORDER: RED,
    Feedback.RECORDED_BUT: RED | GREEN,
}
SSCP_LAMPS = {GREEN: 1, RED: 2, RED | GREEN: 3}
UID = "04A1B2C3D4E5F8"


def config(device: Path, protocol: str, **more: str | int | bool) -> SerialConfig:
    return SerialConfig(
        name="gate",
        device=str(device),
        protocol=protocol,  # type: ignore[arg-type]
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture(params=PROTOCOLS)
def simulated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AskedReader]:
    with AskedReader(tmp_path / "ttyBADGE", request.param) as reader:
        yield reader


def protocol_of(request: pytest.FixtureRequest) -> str:
    return str(request.node.callspec.params["simulated"])


@pytest.fixture
def protocol(request: pytest.FixtureRequest) -> str:
    return protocol_of(request)


def test_a_badge_is_read_once_while_it_lies_there(simulated: AskedReader, protocol: str) -> None:
    with Running(config(simulated.device, protocol, direction="out")) as running:
        assert running.state() == "ready"
        simulated.hold("iso14443a", UID)
        assert running.next(BadgeRead) == BadgeRead("gate", UID, "uid", Assurance.UID, "out")
        simulated.hold("iso14443a", "04000000000001")
        assert running.next(BadgeRead).badge == "04000000000001"
        assert running.nothing_more()


@pytest.mark.parametrize(
    ("protocol", "kind", "number", "profile"),
    [
        ("twn4", "em4100", "0600908EF3", "em4100"),
        ("twn4", "iso15693", "E0040150FEFBF8FD", "iso15693"),
        ("twn4", "hidprox", "2004F8", "hidprox"),
        ("deister", "em4100", "0600908EF3", "em4100"),
        ("deister", "iso15693", "E0040150FEFBF8FD", "iso15693"),
        ("deister", "hidprox", "2004F8", "hidprox"),
    ],
)
def test_other_chips(tmp_path: Path, protocol: str, kind: str, number: str, profile: str) -> None:
    with AskedReader(tmp_path / "tty", protocol) as simulated:
        simulated.hold(kind, number)
        with Running(config(simulated.device, protocol)) as running:
            assert running.state() == "ready"
            read = running.next(BadgeRead)
    assert (read.badge, read.profile, read.assurance) == (number, profile, Assurance.UID)


@pytest.mark.parametrize("feedback", Feedback)
@pytest.mark.parametrize("protocol", ["twn4", "sscp"])
def test_feedback_lights_a_lamp(tmp_path: Path, protocol: str, feedback: Feedback) -> None:
    with (
        AskedReader(tmp_path / "tty", protocol) as simulated,
        Running(config(simulated.device, protocol)) as running,
    ):
        assert running.state() == "ready"
        running.reader.feedback(feedback)
        lamps = LAMPS.get(feedback, GREEN)
        lit = {"twn4": f"0411{lamps:02X}", "sscp": f"{SSCP_LAMPS[lamps]:02x}"}
        wait_for(
            lambda: any(shown.startswith(lit[protocol]) for shown in simulated.shown),
            what="the lamp",
        )
        simulated.hold("iso14443a", UID)
        assert running.next(BadgeRead).badge == UID


def test_the_lamp_of_a_twn4_goes_out_again(tmp_path: Path) -> None:
    with (
        AskedReader(tmp_path / "tty", "twn4") as simulated,
        Running(config(simulated.device, "twn4")) as running,
    ):
        assert running.state() == "ready"
        running.reader.feedback(Feedback.DUPLICATE)
        wait_for(lambda: simulated.shown[-2:] == ["041102", "041203"], what="the lamp to go out")


def flip(answer: bytes) -> bytes:
    middle = len(answer) // 2
    return answer[:middle] + bytes([answer[middle] ^ 0x80]) + answer[middle + 1 :]


def half(answer: bytes) -> bytes:
    return answer[: len(answer) // 2]


@pytest.mark.parametrize("spoil", [flip, half])
def test_a_spoilt_answer_is_unreadable_and_the_next_is_read(
    simulated: AskedReader, protocol: str, spoil: object
) -> None:
    with Running(config(simulated.device, protocol)) as running:
        assert running.state() == "ready"
        simulated.spoil_next(spoil)  # type: ignore[arg-type]
        assert running.next(Unreadable).reason in {"frame", "checksum"}
        simulated.hold("iso14443a", UID)
        assert running.next(BadgeRead).badge == UID


def test_an_answer_that_never_ends_is_given_up(simulated: AskedReader, protocol: str) -> None:
    def half_and_mute(answer: bytes) -> bytes:
        simulated.mute = True
        return half(answer)

    with Running(config(simulated.device, protocol)) as running:
        assert running.state() == "ready"
        simulated.spoil_next(half_and_mute)
        assert running.next(Unreadable) == Unreadable("gate", "frame")


def test_a_reader_is_not_asked_without_a_pause(simulated: AskedReader, protocol: str) -> None:
    """A slow machine asks less often, never more: 13 times a second at most."""
    with Running(config(simulated.device, protocol)) as running:
        assert running.state() == "ready"
        asked, begun = simulated.questions, time.monotonic()
        wait_for(lambda: simulated.questions >= asked + 8, "8 questions")
        assert time.monotonic() - begun > 0.5


@pytest.mark.parametrize(
    ("now", "left"), [(12.01, 0.09), (12.34, 0.06), (12.399, 0.001), (100_000.05, 0.05)]
)
def test_all_that_ask_do_so_at_the_same_moments(
    monkeypatch: pytest.MonkeyPatch, now: float, left: float
) -> None:
    monkeypatch.setattr(base, "time", SimpleNamespace(monotonic=lambda: now))
    assert base.until_tick(0.1) == pytest.approx(left, abs=1e-6)


def test_a_mute_reader_is_said_once_and_comes_back(
    simulated: AskedReader, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("agent.readers.asked._SILENCE_S", 0.3)
    simulated.mute = True
    with Running(config(simulated.device, protocol)) as running:
        silent = running.next(ReaderState)
        assert silent.state == "failed"
        assert "nothing answers" in silent.detail
        simulated.mute = False
        assert running.state() == "ready"
        assert running.nothing_more()


def test_unplugged_and_replugged_it_comes_back(simulated: AskedReader, protocol: str) -> None:
    with Running(config(simulated.device, protocol)) as running:
        assert running.state() == "ready"
        simulated.unplug()
        assert running.state() == "absent"
        simulated.replug()
        assert running.state() == "ready"
        simulated.hold("iso14443a", UID)
        assert running.next(BadgeRead).badge == UID


def test_cut_and_unplugged_again_and_again_it_leaks_nothing(
    simulated: AskedReader, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(base, "FIRST_BACKOFF_S", 0.005)
    monkeypatch.setattr(base, "LONGEST_BACKOFF_S", 0.005)
    with Running(config(simulated.device, protocol)) as running:
        assert running.state() == "ready"
        before = descriptors(), threading.active_count()
        for number in range(5):
            simulated.spoil_next(half)
            simulated.unplug()
            simulated.replug()
            uid = f"040000000000{number:02X}"
            simulated.hold("iso14443a", uid)
            states = []
            while not isinstance(event := running.any(), BadgeRead) or event.badge != uid:
                if isinstance(event, ReaderState):
                    states.append(event.state)
            assert states[-1] == "ready"
            assert all(one != next_ for one, next_ in itertools.pairwise(states))
        assert (descriptors(), threading.active_count()) == before
