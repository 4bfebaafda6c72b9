"""What becomes of records whose journal or epoch cannot go on: none lost, none invented."""

import errno
import random
import subprocess
import time
from collections.abc import Iterator

import pytest

from agent.queue import aside
from agent.queue.scrub import Scrubber
from agent.salvager import Salvager
from protocol import chain
from protocol.bodies import Body, Kind
from tests.agent.terminal import Terminal, read

Record = tuple[bytes, int, bytes]


def records(terminal: Terminal) -> Iterator[tuple[bytes, int, Body, bytes | None]]:
    """Every record the journal holds or carried over, under the place it was first written."""
    for epoch in terminal.journal.epochs():
        link = epoch.anchor
        for row in terminal.journal.rows(epoch.ordinal, 1, 10_000):
            link = chain.next_link(link, row.body)
            assert link == row.link
            body = Body.decode(row.body)
            if body.kind == Kind.SALVAGED:
                inner = Body.decode(body.data[2])
                assert (inner.epoch, inner.seq) == (body.data[0], body.data[1])
                assert body.blob_ref == (inner.blob_ref if row.blob else None)
                body = inner
            yield body.epoch, body.seq, body, row.blob


def taps(terminal: Terminal) -> list[Record]:
    return [
        (epoch, seq, body.encode())
        for epoch, seq, body, blob in records(terminal)
        if body.kind == Kind.TAP and blob is not None
    ]


def gaps(terminal: Terminal) -> list[list[object]]:
    return [
        [body.data[n] for n in range(3)]
        for _, _, body, _ in records(terminal)
        if body.kind == Kind.GAP
    ]


def salvager(terminal: Terminal) -> Salvager:
    return Salvager(terminal.journal, terminal.recorder, terminal.telemetry, tuple)


def carry_all(terminal: Terminal) -> None:
    """Let the salvager work until nothing is left, its program too."""
    working = salvager(terminal)
    for _ in range(100_000):
        working.step()
        if working._child is not None:
            working._child.wait()
        elif not working.busy and not working._numbers:
            break
    else:
        pytest.fail("the salvager never ends")
    working.close()


def test_a_closed_epoch_is_carried_over(terminal: Terminal) -> None:
    for n in range(40):
        terminal.recorder.record([read(f"{n}{m}") for m in range(3)])
    before = taps(terminal)
    assert len(before) == 120
    terminal.recorder.new_epoch("closed")
    owed = terminal.journal.unacknowledged()
    carry_all(terminal)
    old, new = terminal.journal.epochs()
    assert old.wrapped == old.head
    assert terminal.journal.unacknowledged() == new.head >= owed
    terminal.journal.prune(1 << 62, None)
    assert [epoch.ordinal for epoch in terminal.journal.epochs()] == [2]
    assert taps(terminal) == before


def test_nothing_is_carried_over_twice_or_wrapped_twice(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    before = taps(terminal)
    for _ in range(3):
        terminal.recorder.new_epoch("closed")
        carry_all(terminal)
        terminal.restart()
        carry_all(terminal)
        terminal.journal.prune(1 << 62, None)
    assert taps(terminal) == before


def test_a_broken_journal_is_renewed_with_everything_in_it(terminal: Terminal) -> None:
    for n in range(50):
        terminal.recorder.record([read(str(n))])
    before = taps(terminal)
    terminal.journal.set_fact("generation", b"7")
    epoch, seq, link = terminal.recorder.epoch, terminal.recorder.seq, terminal.recorder.link
    assert terminal.journal.distrust("for the test")
    terminal.recorder.renew()
    first = next(terminal.journal.rows(2, 1, 1))
    assert Body.decode(first.body).data == {0: "for the test", 1: 2, 2: epoch, 3: seq, 4: link}
    terminal.recorder.record([read("after")])
    carry_all(terminal)
    assert taps(terminal)[1:] == before
    assert gaps(terminal) == []
    assert terminal.journal.number("generation") == 7
    assert "salvage" not in terminal.telemetry.snapshot({})["alarms"]


def test_what_was_never_shown_green_is_not_carried_over(terminal: Terminal) -> None:
    terminal.recorder.record([read("green")])
    limit = terminal.recorder.seq
    terminal.recorder.record([read("its commit failed")])
    terminal.recorder.seq = limit
    terminal.journal.distrust("for the test")
    terminal.recorder.renew()
    carry_all(terminal)
    assert [seq for _, seq, _ in taps(terminal)] == [limit]


def test_journals_put_aside_go_when_nobody_misses_them(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    terminal.journal.distrust("for the test")
    terminal.recorder.renew()
    working = salvager(terminal)
    working.tidy(time.time() + 60)
    assert aside.numbers(terminal.journal.path) == [1]
    carry_all(terminal)
    working.tidy(time.time() - 3600)
    assert aside.numbers(terminal.journal.path) == [1]
    working.tidy(time.time() + 60)
    assert aside.numbers(terminal.journal.path) == []


def test_a_journal_that_vanished_leaves_a_gap(terminal: Terminal) -> None:
    epoch = terminal.recorder.epoch
    terminal.journal.close()
    terminal.journal.path.unlink()
    terminal.reopen()
    assert terminal.opened.missing == epoch
    assert terminal.opened.lost == "journal.sqlite was missing"
    assert [e.ordinal for e in terminal.journal.epochs()] == [2]


@pytest.mark.parametrize("which", ["journal.sqlite", "journal.sqlite-wal"])
def test_a_file_that_vanished_from_an_open_journal_is_noticed(
    terminal: Terminal, which: str
) -> None:
    terminal.recorder.record([read("1")])
    kill(terminal)
    (terminal.state / which).unlink()
    terminal.reopen()
    assert terminal.opened.lost is not None
    carry_all(terminal)
    kept = 1 if which == "journal.sqlite" else 0
    assert len(taps(terminal)) == kept


def kill(terminal: Terminal) -> None:
    """Leave the files as SIGKILL would."""
    path = terminal.journal.path
    saved = {name: name.read_bytes() for name in path.parent.glob("journal.sqlite*")}
    terminal.journal.close()
    for name in path.parent.glob("journal.sqlite*"):
        name.unlink()
    for name, content in saved.items():
        name.write_bytes(content)


@pytest.mark.parametrize("seed", range(24))
def test_whatever_bytes_are_flipped_no_provable_tap_is_lost(terminal: Terminal, seed: int) -> None:
    """One to three bytes anywhere in file or log. At most the taps whose own bytes are hit go."""
    chance = random.Random(seed)
    for n in range(60):
        terminal.recorder.record([read(str(n))])
        if chance.random() < 0.02:
            terminal.journal.file._checkpoint(chance.choice(["PASSIVE", "TRUNCATE"]))
    before = taps(terminal)
    kill(terminal)
    paths = [p for p in terminal.state.glob("journal.sqlite*") if p.stat().st_size]
    content = {path: bytearray(path.read_bytes()) for path in paths}
    for _ in range(chance.randint(1, 3)):
        path = chance.choice(paths)
        at = chance.randrange(len(content[path]))
        content[path][at] ^= 1 << chance.randrange(8)
        print(f"seed {seed}: {path.name} at {at}")
    for path in paths:
        path.write_bytes(content[path])
    terminal.reopen()
    scrub(terminal)
    carry_all(terminal)
    after = taps(terminal)
    assert len(set(after)) == len(after)
    assert set(after) <= set(before)
    lost = set(before) - set(after)
    # A tap goes only with its own row: its body, its blob, or what stands between.
    assert len(lost) <= 3
    terminal.recorder.record([read("and it goes on")])


def scrub(terminal: Terminal) -> None:
    scrubber = Scrubber(terminal.journal, terminal.recorder.terminal, terminal.key.public)
    while scrubber.step():
        continue
    if terminal.journal.broken is not None:
        terminal.recorder.renew()


def test_after_damage_at_the_end_nobody_knows_how_far_it_went(terminal: Terminal) -> None:
    for n in range(10):
        terminal.recorder.record([read(str(n))])
    before, epoch, head = taps(terminal), terminal.recorder.epoch, terminal.recorder.seq
    kill(terminal)
    for name, length in (("journal.sqlite", 4096), ("journal.sqlite-wal", 32)):
        path = terminal.state / name
        path.write_bytes(b"\xff" * length + path.read_bytes()[length:])
    terminal.reopen()
    carry_all(terminal)
    assert taps(terminal) == before
    assert gaps(terminal) == [[epoch, head + 1, None]]


@pytest.mark.parametrize("body", [b"\xa0", b"", b"\xff" * 40])
def test_a_newest_record_that_cannot_be_read_does_not_stop_the_start(
    terminal: Terminal, body: bytes
) -> None:
    terminal.recorder.record([read("1")])
    query = "UPDATE records SET body = ? WHERE position = (SELECT max(position) FROM records)"
    terminal.journal.file.db.execute(query, (body,))
    terminal.restart()
    working = salvager(terminal)
    assert working._last == set()
    assert terminal.recorder.record([read("2")]) == [5]  # after a clock record


def test_a_program_that_cannot_be_started_is_tried_again_later(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.recorder.record([read("1")])
    terminal.journal.distrust("a test")
    terminal.recorder.renew()
    working = salvager(terminal)
    tried = 0

    def refuse(*_: object, **__: object) -> None:
        nonlocal tried
        tried += 1
        raise OSError(errno.ENOMEM, "Cannot allocate memory")

    with monkeypatch.context() as patch:
        patch.setattr(subprocess, "Popen", refuse)
        while working.busy:
            working.step()
        assert not working.step()
        assert not working.step()
    assert tried == 1
    alarm = terminal.telemetry.snapshot({})["alarms"]["salvage"]
    assert "Cannot allocate memory" in alarm
    working.close()
    carry_all(terminal)
    assert len(taps(terminal)) == 1


def test_a_journal_that_cannot_be_deleted_is_deleted_another_time(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.recorder.record([read("1")])
    terminal.journal.distrust("a test")
    terminal.recorder.renew()
    carry_all(terminal)
    path = terminal.journal.path
    working = salvager(terminal)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as patch:
        patch.setattr(aside, "discard", refuse)
        working.tidy(time.time() + 1)
    assert aside.numbers(path) == [1]
    working.tidy(time.time() + 1)
    assert aside.numbers(path) == []
