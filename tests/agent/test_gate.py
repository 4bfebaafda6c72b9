"""A tap through the gate: recorded, then green; never the other way round."""

import threading
from collections.abc import Iterator, Sequence

import pytest

from agent.badges.conditions import Conditions
from agent.gate import Gate, StoppedError
from agent.queue.errors import CannotStoreError
from agent.queue.rows import Row
from agent.reads import BadgeRead, Feedback, ReaderState, Unreadable
from protocol.badges import Assurance, Flag
from protocol.roster import Roster
from protocol.seals import MLKEM768_X25519, SealingKey
from tests.agent.terminal import NOTHING, Screen, Terminal, read


class Running:
    """A gate in its thread."""

    def __init__(self, terminal: Terminal, debounce_s: float = 3.0) -> None:
        self.screen = Screen()
        self.terminal = terminal
        self.gate = Gate(
            terminal.journal,
            terminal.recorder,
            terminal.telemetry,
            self.screen,
            debounce_s=debounce_s,
        )
        self.thread = threading.Thread(target=self.gate.run)

    def settle(self) -> list[Feedback]:
        """Wait until everything emitted so far was served; what was shown."""
        self.gate.ask(lambda: None)
        return [feedback for _, feedback in self.screen.shown]


@pytest.fixture
def running(terminal: Terminal) -> Iterator[Running]:
    running = Running(terminal, debounce_s=60.0)
    running.thread.start()
    yield running
    running.gate.stop()
    running.thread.join()


def test_green_comes_after_the_commit(terminal: Terminal) -> None:
    running = Running(terminal)
    order: list[str] = []
    append = terminal.journal.append

    def noting(ordinal: int, rows: Sequence[Row]) -> None:
        append(ordinal, rows)
        order.append("committed")

    terminal.journal.append = noting  # type: ignore[method-assign]
    show = running.screen.show

    def showing(reader: str, feedback: Feedback, flags: Flag = NOTHING) -> None:
        order.append(feedback.value)
        show(reader, feedback, flags)

    running.screen.show = showing  # type: ignore[method-assign]
    running.gate.emit(read("1"))
    running.gate.stop()
    running.gate.run()
    assert order == ["committed", "recorded-offline"]


def test_taps_that_wait_together_share_one_commit(terminal: Terminal) -> None:
    running = Running(terminal)
    for n in range(20):
        running.gate.emit(read(str(n)))
    running.gate.stop()
    running.gate.run()
    epoch = terminal.journal.epochs()[-1]
    signed = [row.seq for row in terminal.journal.rows(epoch.ordinal, 1, 100) if row.signature]
    assert signed == [1, 22]
    assert [f for _, f in running.screen.shown] == [Feedback.RECORDED_OFFLINE] * 20


def test_a_card_left_lying_counts_once(running: Running) -> None:
    for _ in range(5):
        running.gate.emit(read("1"))
    running.gate.emit(read("2"))
    shown = running.settle()
    assert shown.count(Feedback.RECORDED_OFFLINE) == 2
    assert shown.count(Feedback.DUPLICATE) == 4
    assert running.gate.ask(lambda: running.terminal.journal.epochs()[-1].head) == 4


def test_online_green_says_so(running: Running) -> None:
    running.terminal.telemetry.uplink_is("online")
    running.gate.emit(read("1"))
    assert running.settle() == [Feedback.RECORDED]


def test_an_unreadable_badge_is_counted_and_not_recorded(running: Running) -> None:
    running.gate.emit(Unreadable("gate", "checksum"))
    running.gate.emit(ReaderState("gate", "ready", "fine"))
    assert running.settle() == [Feedback.TRY_AGAIN]
    found = running.terminal.telemetry.snapshot({})
    assert found["unreadable"] == {"gate": {"checksum": 1}}
    assert found["readers"] == {"gate": {"state": "ready", "detail": "fine"}}
    assert running.gate.ask(lambda: running.terminal.journal.epochs()[-1].head) == 1


def test_never_a_green_without_a_commit_and_a_second_try_counts(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise CannotStoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(running.terminal.journal, "append", fail)
        running.gate.emit(read("1"))
        assert running.settle() == [Feedback.OUT_OF_ORDER]
    assert "cannot-store" in running.terminal.telemetry.snapshot({})["alarms"]
    running.gate.emit(read("1"))
    assert running.settle() == [Feedback.OUT_OF_ORDER, Feedback.RECORDED_OFFLINE]
    assert running.terminal.telemetry.snapshot({})["alarms"] == {}


def test_a_repetition_is_green_only_once_the_first_is_recorded(terminal: Terminal) -> None:
    def fail(*arguments: object) -> None:
        raise CannotStoreError("the disk is full")

    terminal.journal.append = fail  # type: ignore[method-assign,assignment]
    running = Running(terminal)
    running.gate.emit(read("1", "in"))
    running.gate.emit(read("1", "out"))
    running.gate.stop()
    running.gate.run()
    assert running.screen.shown == [("in", Feedback.OUT_OF_ORDER), ("out", Feedback.TRY_AGAIN)]


def test_a_seal_too_long_for_a_record_shows_red_and_the_gate_goes_on(running: Running) -> None:
    recorder = running.terminal.recorder
    good, recorder.seal_to = (
        recorder.seal_to,
        [SealingKey.generate(MLKEM768_X25519).public for _ in range(4)],
    )
    running.gate.emit(read("1"))
    assert running.settle() == [Feedback.OUT_OF_ORDER]
    recorder.seal_to = good
    running.gate.emit(read("1"))
    assert running.settle() == [Feedback.OUT_OF_ORDER, Feedback.RECORDED_OFFLINE]


def test_a_badge_the_record_cannot_hold_is_refused_and_stops_nobody(running: Running) -> None:
    running.gate.emit(BadgeRead("gate", "9" * 49, "printed", read("1").assurance))
    running.gate.emit(read("1"))
    shown = running.settle()
    assert sorted(f.value for f in shown) == ["recorded-offline", "try-again"]


def test_a_question_gets_its_answer_or_its_error(running: Running) -> None:
    assert running.gate.ask(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        running.gate.ask(lambda: 1 // 0)


def test_a_gate_that_fails_leaves_nobody_waiting(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*, idle: bool) -> None:
        raise RuntimeError(f"idle is {idle}")

    monkeypatch.setattr(terminal.journal, "checkpoint", fail)
    running = Running(terminal)
    with pytest.raises(RuntimeError):
        running.gate.run()
    with pytest.raises(StoppedError):
        running.gate.ask(lambda: None)


def test_a_stopped_gate_answers_nobody(terminal: Terminal) -> None:
    running = Running(terminal)
    running.gate.stop()
    running.gate.run()
    with pytest.raises(StoppedError):
        running.gate.ask(lambda: None)


def test_a_blocked_badge_is_recorded_flagged_and_told_each_time(
    running: Running, terminal: Terminal
) -> None:
    kept: list[BadgeRead] = []
    record = terminal.recorder.record

    def keeping(reads: Sequence[BadgeRead]) -> list[int]:
        kept.extend(reads)
        return record(reads)

    terminal.recorder.record = keeping  # type: ignore[method-assign]
    roster = Roster.of([("em4100", "0000000001")])
    running.gate.ask(lambda: setattr(running.gate, "conditions", Conditions(None, roster)))
    for number in ("0000000001", "0000000002", "0000000001"):
        running.gate.emit(read(number))
        running.settle()
    but = Feedback.RECORDED_BUT
    assert running.settle() == [but, Feedback.RECORDED_OFFLINE, but]
    assert running.screen.told == [Flag.BLOCKED, Flag.BLOCKED]
    assert [each.flags for each in kept] == [Flag.BLOCKED, 0]


def test_what_the_terminal_finds_is_added_to_what_the_card_says() -> None:
    expired = BadgeRead("gate", "1", "site", Assurance.UID, flags=Flag.EXPIRED | 1 << 12)
    conditions = Conditions(Assurance.READ, Roster.of([("site", "1")]))
    found = Flag.EXPIRED | Flag.BLOCKED | Flag.LOW_ASSURANCE | 1 << 12
    assert conditions.apply(expired).flags == found
    assert Conditions().apply(expired) is expired


def test_what_the_card_says_of_itself_is_told_beside_what_the_terminal_asks(
    running: Running,
) -> None:
    running.gate.ask(lambda: setattr(running.gate, "conditions", Conditions(Assurance.READ)))
    weak = read("0000000001")
    sure = BadgeRead("gate", "1", "site", Assurance.READ, flags=Flag.EXPIRED | 1 << 12)
    unknown = BadgeRead("gate", "2", "site", Assurance.READ, flags=1 << 12)
    for each in (weak, sure, unknown):
        running.gate.emit(each)
    shown = running.settle()
    assert shown == [Feedback.RECORDED_BUT, Feedback.RECORDED_BUT, Feedback.RECORDED_OFFLINE]
    assert running.screen.told == [Flag.LOW_ASSURANCE, Flag.EXPIRED]
