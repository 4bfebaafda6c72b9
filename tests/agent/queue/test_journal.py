"""The journal file: durable settings, receipts, retention."""

import gc
import sqlite3
from pathlib import Path

import pytest

from agent.queue.errors import CannotOpenError, CannotStoreError, DamagedError
from agent.queue.journal import Journal
from agent.queue.opening import open_journal
from agent.queue.rows import Row
from agent.reads import BadgeRead
from protocol import chain
from tests.agent.terminal import Terminal, read

HOUR = 3_600_000


def fill(terminal: Terminal, taps: int) -> None:
    for n in range(taps):
        terminal.recorder.record([read(str(n))])


def acknowledge(terminal: Terminal, seq: int, now_ms: int) -> None:
    epoch = terminal.journal.epochs()[-1]
    link = terminal.journal.link(epoch, seq)
    assert link is not None
    terminal.journal.acknowledge(epoch.ordinal, seq, link, b"receipt", b"h" * 32, now_ms)


def test_every_setting_durability_rests_on_is_read_back(terminal: Terminal) -> None:
    db = terminal.journal.file.db
    found = {
        name: db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "locking_mode")
    }
    assert found == {"journal_mode": "wal", "synchronous": 2, "locking_mode": "exclusive"}


def test_a_file_that_is_no_database_cannot_be_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database at all" * 300)
    with pytest.raises(CannotOpenError, match=r"journal\.sqlite"):
        Journal(path)


def test_what_was_committed_survives_a_new_process(terminal: Terminal) -> None:
    fill(terminal, 3)
    before = terminal.journal.epochs()
    terminal.restart()
    assert terminal.journal.epochs() == before


def test_a_failing_commit_leaves_nothing_behind(terminal: Terminal) -> None:
    fill(terminal, 1)
    epoch = terminal.journal.epochs()[-1]
    taken = Row(epoch.head, b"other", None, b"l" * 32, None)
    fresh = Row(epoch.head + 1, b"body", None, b"l" * 32, b"s" * 64)
    with pytest.raises(CannotStoreError, match="UNIQUE"):
        terminal.journal.append(epoch.ordinal, [fresh, taken])
    assert terminal.journal.epochs()[-1] == epoch


def test_receipts_are_thinned_to_one_an_hour_and_the_newest(terminal: Terminal) -> None:
    fill(terminal, 8)
    times = [(2, 0), (3, 1), (4, 2), (5, HOUR + 1), (6, HOUR + 2), (7, HOUR + 3)]
    for seq, now in times:
        acknowledge(terminal, seq, now)
    assert [seq for _, seq, _ in terminal.journal.receipts()] == [2, 4, 5, 7]
    assert terminal.journal.fact("receipt-hash") == b"h" * 32


def test_only_acknowledged_records_past_retention_go(terminal: Terminal) -> None:
    fill(terminal, 8)
    acknowledge(terminal, 4, 1000)
    acknowledge(terminal, 6, 2 * HOUR)
    journal = terminal.journal
    live = None
    assert journal.prune(500, live) == 0
    assert journal.prune(HOUR, live) == 4
    epoch = journal.epochs()[-1]
    assert (epoch.first, epoch.acked, epoch.head) == (5, 6, 10)
    first = next(journal.rows(epoch.ordinal, 1, 1))
    assert chain.next_link(epoch.anchor, first.body) == first.link
    assert journal.unacknowledged() == 4


def test_a_live_seal_is_never_pruned(terminal: Terminal) -> None:
    fill(terminal, 3)
    acknowledge(terminal, 5, 0)
    assert terminal.recorder.live_seal == 2
    assert terminal.journal.prune(HOUR, terminal.recorder.live_seal) == 0
    terminal.restart()
    terminal.recorder.record([BadgeRead("gate", "9", "uid", read("9").assurance)])
    assert terminal.journal.prune(HOUR, terminal.recorder.live_seal) == 5


def test_an_old_epoch_goes_once_it_is_acknowledged_whole(terminal: Terminal) -> None:
    fill(terminal, 1)
    acknowledge(terminal, 3, 0)
    terminal.recorder.new_epoch("test")
    assert terminal.journal.prune(HOUR, None) == 3
    assert [epoch.ordinal for epoch in terminal.journal.epochs()] == [2]


def test_a_checkpoint_waits_for_an_idle_moment(terminal: Terminal) -> None:
    fill(terminal, 1)
    newest = next(terminal.journal.rows(1, terminal.recorder.seq, 1)).body
    terminal.journal.file._pages = 999
    terminal.journal.checkpoint(idle=False)
    assert newest not in terminal.journal.path.read_bytes()
    terminal.journal.checkpoint(idle=True)
    assert newest in terminal.journal.path.read_bytes()


def test_the_log_keeps_its_length_but_for_what_a_failed_commit_left(terminal: Terminal) -> None:
    log = terminal.state / "journal.sqlite-wal"
    for tidy in (False, True):
        fill(terminal, 3)
        full = sqlite3.OperationalError("database or disk is full")
        if tidy:
            terminal.journal.file.failed(full)
        terminal.journal.file._pages = 1000
        terminal.journal.checkpoint(idle=False)
        assert (log.stat().st_size == 0) is tidy


def test_an_unmigrated_database_is_brought_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    sqlite3.connect(path).close()
    journal = Journal(path)
    assert journal.epochs() == []
    journal.close()


def damage(path: Path) -> None:
    pages = path.stat().st_size // 4096
    with path.open("r+b") as file:
        for page in range(2, pages):
            file.seek(page * 4096)
            file.write(b"\xff" * 100)


def test_only_a_damaged_journal_may_be_put_aside(terminal: Terminal) -> None:
    fill(terminal, 100)
    terminal.journal.close()
    path = terminal.journal.path
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(CannotOpenError, match="locked") as caught:
        Journal(path)
    assert not isinstance(caught.value, DamagedError)
    other.close()
    damage(path)
    with pytest.raises(DamagedError, match="CORRUPT"):
        Journal(path)


def test_a_second_agent_leaves_the_journal_of_the_first(terminal: Terminal) -> None:
    with pytest.raises(CannotOpenError, match="locked"):
        open_journal(terminal.journal.path, b"", terminal.key.public)
    fill(terminal, 1)
    assert terminal.journal.unacknowledged() == 3


def test_what_follows_a_damaged_journal_outlives_it(terminal: Terminal) -> None:
    fill(terminal, 100)
    terminal.journal.close()
    damage(terminal.journal.path)
    terminal.reopen()
    assert terminal.opened.lost is not None
    assert [epoch.ordinal for epoch in terminal.journal.epochs()] == [2]
    fill(terminal, 1)
    gc.collect()
    copy = terminal.state / "cut.sqlite"
    for suffix in ("", "-wal"):  # what a power cut leaves
        part = Path(f"{terminal.journal.path}{suffix}")
        Path(f"{copy}{suffix}").write_bytes(part.read_bytes())
    after = Journal(copy)
    assert after.unacknowledged() == 3
    after.close()


def test_a_number_that_decayed_is_none(terminal: Terminal) -> None:
    terminal.journal.set_fact("number", b"17")
    assert terminal.journal.number("number") == 17
    terminal.journal.set_fact("number", b"1\xb7")
    assert terminal.journal.number("number") == 0
