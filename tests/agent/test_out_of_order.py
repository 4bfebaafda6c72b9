"""While there is no room for a journal: red, and nothing that came is forgotten."""

import threading
from pathlib import Path

import pytest

from agent import out_of_order
from agent.notify import Notifier
from agent.out_of_order import OutOfOrder, StopError
from agent.reads import Event, Feedback, ReaderState, Unreadable
from agent.telemetry import Telemetry
from tests.agent.terminal import Screen, read


class Waiting:
    """One that waits; each look for room is counted, and the last of them finds some."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch, looks: int = 1) -> None:
        self.screen, self.telemetry = Screen(), Telemetry("DEVICE", state)
        self.stop = threading.Event()
        self.begun = 0
        self.left = looks
        monkeypatch.setattr(out_of_order, "_EACH_S", 0.0)
        monkeypatch.setattr(out_of_order, "_POLL_S", 0.0)
        monkeypatch.setattr(out_of_order, "has_room", self.has_room)
        self.it = OutOfOrder(state, self.screen, self.telemetry, Notifier(), self.stop, self.begin)

    def has_room(self, _state: Path) -> bool:
        self.left -= 1
        return self.left < 0

    def begin(self) -> None:
        self.begun += 1

    def alarm(self) -> str | None:
        alarms: dict[str, str] = self.telemetry.snapshot({})["alarms"]
        return alarms.get("cannot-store")


@pytest.fixture
def waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Waiting:
    return Waiting(tmp_path, monkeypatch, looks=4)


def test_taps_are_refused_until_there_may_be_room(waiting: Waiting) -> None:
    (ballast := waiting.it._state / "ballast").write_bytes(b"x")
    events: list[Event] = [read("1"), Unreadable("gate", "checksum"), ReaderState("r", "ready", "")]
    for event in events:
        waiting.it.emit(event)
    waiting.it.wait(OSError("the disk is full"))
    assert [shown for _, shown in waiting.screen.shown] == [
        Feedback.OUT_OF_ORDER,
        Feedback.TRY_AGAIN,
    ]
    assert waiting.alarm() == "the disk is full"
    assert waiting.telemetry.snapshot({})["counts"]["cannot_store"] == 1
    assert waiting.telemetry.snapshot({})["readers"]["r"]["state"] == "ready"
    assert not ballast.exists()


def test_what_was_not_shown_goes_to_the_gate_with_all_that_follows(waiting: Waiting) -> None:
    waiting.it.wait(OSError("the disk is full"))
    waiting.it.emit(read("1"))
    taken: list[Event] = []
    waiting.it.hand_over(taken.append)
    waiting.it.emit(read("2"))
    assert taken == [read("1"), read("2")]
    assert waiting.alarm() is None
    assert waiting.screen.shown == []


def test_it_begins_once_and_says_why_when_that_changes(
    waiting: Waiting, caplog: pytest.LogCaptureFixture
) -> None:
    for why in ("full", "full", "still full"):
        waiting.it.wait(OSError(why))
    assert waiting.begun == 1
    said = [record.message for record in caplog.records]
    assert said == ["out of order: full", "out of order: still full"]


def test_it_can_be_told_to_stop(waiting: Waiting) -> None:
    waiting.stop.set()
    with pytest.raises(StopError):
        waiting.it.wait(OSError("the disk is full"))
