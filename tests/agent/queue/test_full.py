"""A journal on a volume that is full: nothing is taken for damage, and nothing is lost."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from agent.queue.errors import CannotStoreError, JournalError, NoRoomError, is_full
from agent.queue.file import wal_of
from agent.queue.journal import Journal
from agent.queue.opening import open_journal
from tests.agent.terminal import Terminal, read
from tests.support.volumes import small_volume


def fill(state: Path) -> None:
    with (state / "filler").open("ab", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))


def make_room(state: Path) -> None:
    (state / "filler").unlink()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    with small_volume(tmp_path / "state", 1024**2) as state:
        yield state


def cut_log(terminal: Terminal) -> None:
    terminal.journal.file.tidy()
    terminal.journal.checkpoint(idle=True)


def test_one_closed_without_room_for_a_word_is_no_damaged_one(state: Path) -> None:
    terminal = Terminal(state)
    terminal.recorder.record([read("1")])
    epoch, head = terminal.recorder.epoch, terminal.recorder.seq
    cut_log(terminal)
    fill(state)
    terminal.journal.close()
    make_room(state)
    terminal.reopen()
    assert terminal.opened.lost is None
    assert (terminal.recorder.epoch, terminal.recorder.seq) == (epoch, head)
    terminal.journal.close()


def test_none_can_be_begun_and_that_is_told_apart(state: Path) -> None:
    fill(state)
    with pytest.raises(NoRoomError, match="the disk is full") as told:
        Journal(state / "journal.sqlite")
    assert is_full(told.value)


def test_opening_waits_for_room_and_then_goes_on(state: Path) -> None:
    terminal = Terminal(state)
    terminal.recorder.record([read("1")])
    epoch, public = terminal.recorder.epoch, terminal.key.public
    terminal.journal.close()
    fill(state)
    waited: list[Exception] = []

    def wait(error: Exception) -> None:
        waited.append(error)
        if len(waited) == 3:
            make_room(state)

    opened = open_journal(state / "journal.sqlite", public.thumbprint, public, wait)
    assert len(waited) == 3
    assert all(is_full(error) for error in waited)
    assert opened.lost is None
    assert [each.epoch for each in opened.journal.epochs()] == [epoch]
    opened.journal.close()


def test_one_that_is_not_used_after_all_is_left_as_it_was(state: Path) -> None:
    terminal = Terminal(state)
    terminal.recorder.record([read("1")])
    epoch, public = terminal.recorder.epoch, terminal.key.public
    terminal.journal.close()
    fill(state)
    with pytest.raises(JournalError):
        open_journal(state / "journal.sqlite", public.thumbprint, public)
    make_room(state)
    terminal.reopen()
    assert terminal.opened.lost is None
    assert terminal.recorder.epoch == epoch
    terminal.journal.close()


def test_a_checkpoint_that_is_put_off_says_so_once(
    state: Path, caplog: pytest.LogCaptureFixture
) -> None:
    terminal = Terminal(state)
    terminal.recorder.record([read("1")])
    cut_log(terminal)

    def stores() -> bool:
        with suppress(CannotStoreError):
            return bool(terminal.recorder.record([read("2")]))
        return False

    def put_off() -> int:
        for _ in range(3):
            cut_log(terminal)
        return sum("put off" in record.message for record in caplog.records)

    # Some room for the log, and none for the pages that are to go into the file.
    with (state / "log").open("wb") as file:
        file.write(bytes(256 * 1024))
    fill(state)
    (state / "log").unlink()
    while stores():
        continue
    assert put_off() == 1
    make_room(state)
    assert put_off() == 1
    terminal.recorder.record([read("again")])
    terminal.journal.close()


def test_records_that_were_not_put_back_are_kept_for_a_salvage(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        terminal.recorder.record([read(str(number))])
    path, log, public = terminal.journal.path, wal_of(terminal.journal.path), terminal.key.public
    file, torn = path.read_bytes(), bytearray(log.read_bytes())
    terminal.journal.close()
    torn[len(torn) // 2] ^= 1
    path.write_bytes(file)
    log.write_bytes(torn)

    def refuse(*_: object) -> None:
        raise NoRoomError("the disk is full")

    def wait(error: Exception) -> None:
        raise StopError from error

    monkeypatch.setattr(Journal, "append", refuse)
    with pytest.raises(StopError):
        open_journal(path, public.thumbprint, public, wait)
    aside = path.with_name("journal.sqlite.damaged-1-wal")
    assert torn[-4096:] == aside.read_bytes()[-4096:]


class StopError(Exception):
    """Somebody does not want to wait any more."""
