"""A disk that fills, as the gate sees it: what goes, what is refused, and what comes back."""

import sqlite3
import time
from itertools import pairwise
from pathlib import Path

import pytest

from agent import disk as disks
from agent.disk import BALLAST, Usage
from agent.gate import Gate
from agent.queue import pruning
from agent.queue.errors import CannotStoreError
from agent.reads import Feedback
from tests.agent.terminal import Screen, Terminal, read

MIB = 1024**2
DAY = 86_400_000


class Volume:
    """A volume of 1600 MiB; `others` is what is on it beside the ballast."""

    def __init__(self) -> None:
        self.total = 1600 * MIB
        self.others = 0

    def usage(self, path: Path) -> Usage:
        ballast = path / BALLAST
        used = self.others + (ballast.stat().st_size if ballast.exists() else 0)
        return Usage(used, self.total - used)

    def fill(self, percent: int) -> None:
        """Let all but the ballast fill so much of it, and 8 MiB of ballast the rest."""
        self.others = self.total * percent // 100 - 8 * MIB


@pytest.fixture
def volume(monkeypatch: pytest.MonkeyPatch) -> Volume:
    volume = Volume()
    monkeypatch.setattr(disks, "usage", volume.usage)
    return volume


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def gate(terminal: Terminal, screen: Screen, volume: Volume) -> Gate:
    return Gate(
        terminal.journal, terminal.recorder, terminal.telemetry, screen, retention_ms=90 * DAY
    )


def tap(gate: Gate, number: str) -> None:
    gate.emit(read(number))
    gate._serve(gate._take())


def alarms(terminal: Terminal) -> set[str]:
    return set(terminal.telemetry.snapshot({})["alarms"])


def full(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, ballast: Path) -> None:
    """Let the disk be full for as long as there is a ballast on it."""
    append = terminal.journal.append

    def append_if_room(*arguments: object) -> None:
        if ballast.exists():
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise terminal.journal.file.failed(error) from error
        append(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(terminal.journal, "append", append_if_room)


def acknowledge(terminal: Terminal, age_ms: int) -> None:
    """Have everything so far receipted so long ago."""
    epoch = terminal.journal.epochs()[-1]
    now_ms = time.time_ns() // 1_000_000
    terminal.journal.acknowledge(
        epoch.ordinal, epoch.head, epoch.head_link, b"receipt", b"h" * 32, now_ms - age_ms
    )


def first_seq(terminal: Terminal) -> int:
    return terminal.journal.epochs()[0].first


def test_alarms_follow_the_disk(terminal: Terminal, gate: Gate, volume: Volume) -> None:
    found = []
    for percent in (10, 70, 85, 95, 10):
        volume.fill(percent)
        gate.upkeep.each_second()
        found.append(alarms(terminal))
    assert found == [set(), {"disk-70"}, {"disk-85"}, {"disk-95"}, set()]


def test_a_full_disk_costs_the_ballast_and_the_tap_is_green(
    terminal: Terminal, gate: Gate, screen: Screen, monkeypatch: pytest.MonkeyPatch
) -> None:
    ballast = terminal.state / BALLAST
    assert ballast.stat().st_size == 8 * MIB
    full(terminal, monkeypatch, ballast)
    tap(gate, "1")
    assert [shown for _, shown in screen.shown] == [Feedback.RECORDED_OFFLINE]
    assert not ballast.exists()


def test_the_last_of_the_ballast_is_for_receipts(
    terminal: Terminal, gate: Gate, screen: Screen, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    tap(gate, "1")
    full(terminal, monkeypatch, terminal.state / BALLAST)
    volume.others = volume.total - 8 * MIB
    tap(gate, "2")
    volume.others = volume.total - 2 * MIB + 1
    tap(gate, "3")
    gate.upkeep.each_second()
    assert [shown for _, shown in screen.shown] == [
        Feedback.RECORDED_OFFLINE,
        Feedback.RECORDED_OFFLINE,
        Feedback.OUT_OF_ORDER,
    ]
    assert alarms(terminal) == {"cannot-store", "disk-95"}
    acknowledge(terminal, 0)
    assert terminal.journal.unacknowledged() == 0

    volume.others = 0
    gate.upkeep.each_second()
    assert alarms(terminal) == set()
    assert (terminal.state / BALLAST).exists()
    tap(gate, "3")
    assert screen.shown[-1][1] is Feedback.RECORDED_OFFLINE


def test_a_disk_about_to_be_full_costs_the_ballast_before_a_receipt_fails(
    terminal: Terminal, gate: Gate, volume: Volume
) -> None:
    volume.others = volume.total - 8 * MIB
    gate.upkeep.each_second()
    assert not (terminal.state / BALLAST).exists()


def test_while_it_is_gone_the_log_is_cut_each_second(
    terminal: Terminal, gate: Gate, volume: Volume
) -> None:
    wal = terminal.journal.path.with_name("journal.sqlite-wal")
    tap(gate, "1")
    gate.upkeep.checkpoint(idle=True)
    assert wal.stat().st_size > 0
    volume.others = volume.total - 8 * MIB
    gate.upkeep.each_second()
    gate.upkeep.checkpoint(idle=True)
    assert wal.stat().st_size == 0


@pytest.mark.parametrize(
    ("percent", "gone"),
    [(84, 0), (85, 2), (95, 3), (100, 3)],  # 85: two days are kept
)
def test_acknowledged_records_go_early_one_receipt_at_a_time(
    terminal: Terminal, gate: Gate, volume: Volume, percent: int, gone: int
) -> None:
    for number, days in enumerate((80, 60, 1)):
        terminal.recorder.new_epoch("another day")
        tap(gate, str(number))
        acknowledge(terminal, days * DAY)
    terminal.recorder.new_epoch("today")
    tap(gate, "9")
    volume.fill(percent)
    held = []
    for _ in range(5):
        gate.upkeep.each_second()
        held.append(terminal.journal.epochs())
    # The first epoch was never receipted, and stays in any case.
    assert [epoch.ordinal for epoch in held[-1]] == [
        1,
        *range(gone + 2, 6),
    ]
    steps = [len(before) - len(after) for before, after in pairwise(held)]
    assert max(steps) <= 1
    assert held[-1][-1].head == 3


def test_what_is_not_acknowledged_stays_on_the_fullest_disk(
    terminal: Terminal, gate: Gate, volume: Volume
) -> None:
    for number in range(5):
        tap(gate, str(number))
    volume.fill(100)
    for _ in range(3):
        gate.upkeep.each_second()
    assert terminal.journal.unacknowledged() == 7
    assert first_seq(terminal) == 1


def test_room_within_the_file_is_room(
    terminal: Terminal, gate: Gate, volume: Volume, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.recorder.new_epoch("another day")
    acknowledge(terminal, 3 * DAY)
    terminal.recorder.new_epoch("today")
    volume.fill(85)
    monkeypatch.setattr(pruning, "spare", lambda _: 32 * MIB)
    gate.upkeep.each_second()
    assert len(terminal.journal.epochs()) == 3
    monkeypatch.setattr(pruning, "spare", lambda _: 8 * MIB)
    gate.upkeep.each_second()
    assert len(terminal.journal.epochs()) == 2
    assert alarms(terminal) == {"disk-85"}


def test_what_pruning_frees_is_found_in_the_file(terminal: Terminal) -> None:
    for number in range(40):
        terminal.recorder.record([read(str(number))])
    acknowledge(terminal, 0)
    terminal.recorder.record([read("after the receipt")])
    assert pruning.spare(terminal.journal.file) == 0
    assert terminal.journal.prune(2**60, None) == 42
    assert pruning.spare(terminal.journal.file) >= 4096


def test_a_cut_is_looked_for_only_where_one_may_be_made(terminal: Terminal) -> None:
    journal = terminal.journal
    terminal.recorder.record([read("1")])
    acknowledge(terminal, 5)

    def oldest() -> int | None:
        return pruning.oldest_cut(journal.file, journal.epochs(), terminal.recorder.live_seal)

    assert terminal.recorder.live_seal == 2
    assert oldest() is None
    terminal.recorder.new_epoch("the seal ends with it")
    found = oldest()
    assert found is not None
    assert journal.prune(found, None) == 0
    assert journal.prune(found + 1, None) == 3
    assert oldest() is None


def test_a_journal_without_a_file_is_not_pruned(
    terminal: Terminal, gate: Gate, volume: Volume
) -> None:
    """As while a new one cannot be begun: nothing of that may end the gate."""
    volume.fill(100)
    terminal.journal.distrust("the disk failed")
    terminal.journal.file.let_go()
    gate.upkeep._not_before = time.monotonic() + 60
    assert not gate.upkeep.each_second()
    assert not gate.upkeep.idle()
    assert "disk-95" in alarms(terminal)


def test_other_errors_of_a_commit_cost_nothing(terminal: Terminal, gate: Gate) -> None:
    assert not gate.upkeep.helps(CannotStoreError("something else"))
    assert (terminal.state / BALLAST).exists()


def test_a_start_on_a_full_disk_gives_up_the_ballast(tmp_path: Path, volume: Volume) -> None:
    (tmp_path / BALLAST).write_bytes(bytes(MIB))
    disks.make_room(tmp_path)
    assert (tmp_path / BALLAST).exists()
    volume.others = volume.total - MIB - 4096
    disks.make_room(tmp_path)
    assert not (tmp_path / BALLAST).exists()
    disks.make_room(tmp_path)
