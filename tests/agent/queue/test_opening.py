"""Opening what a power cut or a failing disk left: put back, put aside, and never both or none."""

import struct
from pathlib import Path

import pytest

from agent.queue import aside
from agent.queue.epoch_log import EpochLog
from agent.queue.file import JournalFile
from agent.queue.journal import Journal
from tests.agent.terminal import Terminal, read

FRAME = 24 + 4096


def wal(terminal: Terminal) -> Path:
    return terminal.state / "journal.sqlite-wal"


def leave(terminal: Terminal) -> dict[Path, bytes]:
    """The files as they are now; then the journal is closed."""
    paths = [terminal.journal.path, wal(terminal)]
    files = {path: path.read_bytes() for path in paths}
    terminal.journal.close()
    return files


def put(files: dict[Path, bytes]) -> None:
    for path, content in files.items():
        path.write_bytes(content)


def commits(log: bytes) -> list[int]:
    """The frames that end a commit: their field 'size of the database' is not zero."""
    count = (len(log) - 32) // FRAME
    return [n for n in range(count) if struct.unpack_from(">I", log, 32 + n * FRAME + 4)[0]]


def test_a_log_that_is_believed_is_left_alone(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    put(leave(terminal))
    terminal.reopen()
    assert terminal.opened.lost is None
    assert terminal.recorder.seq == 3


def test_whole_records_after_a_damaged_frame_are_put_back(
    terminal: Terminal, caplog: pytest.LogCaptureFixture
) -> None:
    for n in range(20):
        terminal.recorder.record([read(str(n))])
    before = list(terminal.journal.rows(1, 1, 1000))
    files = leave(terminal)
    log = bytearray(files[wal(terminal)])
    hit = 32 + commits(bytes(log))[8] * FRAME + 24 + 100  # in the free room of a page
    log[hit] ^= 1
    files[wal(terminal)] = bytes(log)
    put(files)
    terminal.reopen()
    assert terminal.opened.lost is None
    assert list(terminal.journal.rows(1, 1, 1000)) == before
    assert "records put back" in caplog.text


def test_records_whose_way_is_lost_are_carried_over(terminal: Terminal) -> None:
    for n in range(60):
        terminal.recorder.record([read(str(n))])
    files = leave(terminal)
    log = files[wal(terminal)]
    last = commits(log)[-1]
    # All that is left of the log: its beginning, damaged, and its last commit.
    files[wal(terminal)] = log[:32] + bytes(FRAME) + log[32 + last * FRAME :]
    put(files)
    terminal.reopen()
    assert "what led to it is not" in str(terminal.opened.lost)
    assert [epoch.ordinal for epoch in terminal.journal.epochs()] == [2]
    assert wal(terminal).with_name("journal.sqlite.damaged-1-wal").stat().st_size > FRAME


def test_the_end_of_a_commit_that_a_power_cut_tore_is_nothing(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    whole = len(wal(terminal).read_bytes())
    terminal.recorder.record([read("2")])
    files = leave(terminal)
    files[wal(terminal)] = files[wal(terminal)][: whole + 1000]
    put(files)
    terminal.reopen()
    assert terminal.opened.lost is None
    assert terminal.recorder.seq == 3
    terminal.recorder.record([read("3")])


def test_a_journal_put_aside_keeps_its_log(terminal: Terminal) -> None:
    path = terminal.journal.path
    put(leave(terminal))
    log = wal(terminal).read_bytes()
    assert aside.put_aside(path) == 1
    assert aside.aside_of(path, 1).exists()
    assert wal(terminal).with_name("journal.sqlite.damaged-1-wal").read_bytes() == log
    assert not path.exists()
    terminal.reopen()
    assert terminal.opened.lost == "an earlier journal was put aside"
    assert terminal.opened.missing is None


def test_one_put_aside_in_part_is_the_same_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"file")
    (tmp_path / "journal.sqlite.damaged-1-wal").write_bytes(b"its log")
    assert aside.put_aside(path) == 1
    path.write_bytes(b"another")
    assert aside.put_aside(path) == 2
    assert aside.numbers(path) == [1, 2]


def test_a_log_without_its_file_is_put_aside(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    (tmp_path / "journal.sqlite-wal").write_bytes(b"log")
    assert aside.put_aside(path) == 1
    assert aside.aside_of(path, 1).read_bytes() == b""
    path.write_bytes(b"next")
    assert aside.put_aside(path) == 2
    assert (tmp_path / "journal.sqlite.damaged-1-wal").read_bytes() == b"log"


def test_a_creation_cut_short_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    (tmp_path / "journal.sqlite.new").write_bytes(b"half of a database")
    (tmp_path / "journal.sqlite.new-wal").write_bytes(b"half of its log")
    journal = Journal(path)
    assert journal.epochs() == []
    journal.close()
    assert {p.name for p in tmp_path.iterdir()} == {"journal.sqlite"}


def test_a_journal_of_the_first_version_is_brought_up_to_date(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    terminal.journal.file.db.execute("ALTER TABLE epochs DROP COLUMN wrapped")
    terminal.journal.file.db.execute("DELETE FROM _sqlite_migrations WHERE name = 'm002_wrapped'")
    terminal.restart()
    assert terminal.opened.lost is None
    assert [epoch.wrapped for epoch in terminal.journal.epochs()] == [0]
    assert terminal.recorder.seq == 3


def test_a_second_opening_waits_for_nobody(terminal: Terminal) -> None:
    with pytest.raises(Exception, match="locked"):
        JournalFile(terminal.journal.path)


def test_epochs_are_remembered_whatever_a_power_cut_did_to_a_line(tmp_path: Path) -> None:
    path = tmp_path / "epochs.log"
    log = EpochLog(path)
    assert log.entries() == []
    log.add(1, b"a" * 16)
    with path.open("ab") as file:
        file.write(b"\n2 6161")
    log.add(2, b"b" * 16)
    log.add(2, b"b" * 16)
    path.write_bytes(path.read_bytes() + b"\nnot an entry\n\xff 00\n-1 " + b"61" * 16)
    assert EpochLog(path).entries() == [(1, b"a" * 16), (2, b"b" * 16)]


def test_epochs_that_cannot_be_noted_stop_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    EpochLog(tmp_path / "no such folder" / "epochs.log").add(1, b"a" * 16)
    assert "cannot note epoch 1" in caplog.text


def test_an_ordinal_that_decayed_puts_the_journal_aside(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    terminal.journal.file.db.execute("UPDATE epochs SET ordinal = ?", (1 << 30,))
    terminal.restart()
    assert "ordinal is too large" in str(terminal.opened.lost)
    assert [epoch.ordinal for epoch in terminal.journal.epochs()] == [2]
    terminal.recorder.record([read("2")])


def test_an_ordinal_that_is_too_large_is_no_epoch_ever_begun(terminal: Terminal) -> None:
    with (terminal.state / "epochs.log").open("ab") as file:
        file.write(b"\n%d %s\n" % (1 << 30, b"ab" * 16))
    terminal.recorder.new_epoch("a test")
    assert [epoch.ordinal for epoch in terminal.journal.epochs()] == [1, 2]
