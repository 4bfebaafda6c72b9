"""Between taps: a journal that broke is renewed, and nobody waits for that in vain."""

import sqlite3
from pathlib import Path

import pytest

from agent.gate import Gate
from agent.queue import aside
from agent.queue import journal as journals
from agent.queue.errors import BrokenError, CannotOpenError
from agent.reads import Feedback
from agent.upkeep import Upkeep
from protocol.bodies import Body, Kind
from tests.agent.terminal import Screen, Terminal, read


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the monotonic clock says, in a list of one."""
    at = [1000.0]
    monkeypatch.setattr("agent.upkeep.time.monotonic", lambda: at[0])
    return at


def gate(terminal: Terminal, screen: Screen, retention_ms: int | None = None) -> Gate:
    return Gate(
        terminal.journal,
        terminal.recorder,
        terminal.telemetry,
        screen,
        retention_ms=retention_ms,
    )


def tap(working: Gate, number: str) -> None:
    working.emit(read(number))
    working._serve(working._take())


def alarms(terminal: Terminal) -> dict[str, str]:
    found: dict[str, str] = terminal.telemetry.snapshot({})["alarms"]
    return found


def taps(terminal: Terminal) -> int:
    kinds = []
    for epoch in terminal.journal.epochs():
        for row in terminal.journal.rows(epoch.ordinal, 1, 1000):
            body = Body.decode(row.body)
            if body.kind == Kind.SALVAGED:
                body = Body.decode(body.data[2])
            kinds.append(body.kind)
    return kinds.count(Kind.TAP)


def test_a_tap_on_a_journal_that_breaks_is_green_in_the_next(terminal: Terminal) -> None:
    screen = Screen()
    working = gate(terminal, screen)
    tap(working, "1")
    terminal.journal.distrust("the disk failed")
    tap(working, "2")
    assert [shown for _, shown in screen.shown] == [Feedback.RECORDED_OFFLINE] * 2
    assert [epoch.ordinal for epoch in terminal.journal.epochs()] == [2]
    assert taps(terminal) == 1
    assert aside.numbers(terminal.journal.path) == [1]
    assert alarms(terminal)["journal-renewed"] == "the disk failed"
    working.upkeep.close()


def test_a_commit_that_fails_for_good_breaks_the_journal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As SQLite says it: `disk I/O error`, by the one commit and never again."""
    screen = Screen()
    working = gate(terminal, screen)
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorcode = 1034
    assert isinstance(terminal.journal.file.failed(failure), BrokenError)
    with pytest.raises(BrokenError):
        terminal.journal.set_fact("any", b"1")
    tap(working, "1")
    assert [shown for _, shown in screen.shown] == [Feedback.RECORDED_OFFLINE]
    working.upkeep.close()


def test_a_full_disk_leaves_the_journal_as_it_is(terminal: Terminal) -> None:
    failure = sqlite3.OperationalError("database or disk is full")
    failure.sqlite_errorcode = sqlite3.SQLITE_FULL
    assert not isinstance(terminal.journal.file.failed(failure), BrokenError)
    assert terminal.journal.broken is None


def test_while_no_journal_can_be_begun_it_is_red(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = Screen()
    working = gate(terminal, screen)
    tap(working, "before")

    def refuse(path: Path) -> None:
        raise CannotOpenError(f"{path} is on a disk that fails")

    with monkeypatch.context() as patch:
        patch.setattr(journals, "JournalFile", refuse)
        terminal.journal.distrust("the disk failed")
        tap(working, "1")
        clock[0] += 10
        tap(working, "2")
        assert "on a disk that fails" in alarms(terminal)["cannot-store"]
    tap(working, "3")
    clock[0] += 10
    working._tick(idle=True)
    tap(working, "4")
    green, red = Feedback.RECORDED_OFFLINE, Feedback.OUT_OF_ORDER
    assert [shown for _, shown in screen.shown] == [green, red, red, red, green]
    assert aside.numbers(terminal.journal.path) == [1]
    assert "cannot-store" not in alarms(terminal)
    while working.upkeep.salvager._numbers:
        working._tick(idle=True)
        if working.upkeep.salvager._child is not None:
            working.upkeep.salvager._child.wait()
    assert taps(terminal) == 2
    working.upkeep.close()


def test_an_epoch_that_cannot_be_begun_leaves_no_pile_of_files(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, clock: list[float]
) -> None:
    screen = Screen()
    working = gate(terminal, screen)
    epoch, seq = terminal.recorder.epoch, terminal.recorder.seq

    def fail(*_: object) -> None:
        raise terminal.journal.file.failed(sqlite3.OperationalError("disk I/O error"))

    with monkeypatch.context() as patch:
        patch.setattr(terminal.journal, "open_epoch", fail)
        terminal.journal.distrust("the disk failed")
        for _ in range(5):
            tap(working, "1")
            clock[0] += 10
    tap(working, "2")
    assert screen.shown[-1][1] is Feedback.RECORDED_OFFLINE
    assert aside.numbers(terminal.journal.path) == [1]
    limit = aside.read_limit(terminal.journal.fact(aside.limit_fact(1)))
    assert limit == (epoch, seq)
    first = next(terminal.journal.rows(2, 1, 1))
    assert Body.decode(first.body).data[2] == epoch
    working.upkeep.close()


def test_renewals_that_do_not_help_come_ever_more_slowly(
    terminal: Terminal, clock: list[float]
) -> None:
    upkeep = Upkeep(
        terminal.journal,
        terminal.recorder,
        terminal.telemetry,
        retention_ms=None,
        receipt_keys=tuple,
    )
    renewed = []
    for second in range(100):
        terminal.journal.distrust("again")
        if upkeep.renew():
            renewed.append(second)
        clock[0] += 1
    assert renewed == [0, 1, 2, 5, 12, 27, 58]
    upkeep.close()


def test_a_file_that_is_not_what_we_made_is_renewed(terminal: Terminal) -> None:
    working = gate(terminal, Screen(), retention_ms=0)
    terminal.journal.file.db.execute("ALTER TABLE receipts RENAME TO elsewhere")
    working._tick(idle=True)
    assert "no such table: receipts" in alarms(terminal)["journal-renewed"]
    assert terminal.journal.receipts() == []
    working.upkeep.close()
