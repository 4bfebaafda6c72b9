"""Records are sealed, chained and signed, and the recorder moves only with a commit."""

import sqlite3
from collections.abc import Sequence

import pytest

from agent.clock import Step
from agent.clock_records import LAST_GOOD
from agent.queue.errors import CannotStoreError
from agent.queue.journal import Journal
from agent.queue.rows import Row
from agent.recorder import GROUP_READS
from protocol import blobs, chain, seals
from protocol.bodies import Body, Kind, Sync
from tests.agent.terminal import Terminal, read


def bodies(terminal: Terminal) -> list[Body]:
    newest = terminal.journal.epochs()[-1]
    return [Body.decode(row.body) for row in terminal.journal.rows(newest.ordinal, 1, 10_000)]


def rows(terminal: Terminal) -> list[Row]:
    newest = terminal.journal.epochs()[-1]
    return list(terminal.journal.rows(newest.ordinal, 1, 10_000))


def verify_chain(terminal: Terminal) -> None:
    """Recompute every link, and check every signature, as a stranger would."""
    epoch = terminal.journal.epochs()[-1].epoch
    me = terminal.key.public.thumbprint
    link = chain.epoch_link(me, epoch)
    found = rows(terminal)
    for seq, row in enumerate(found, start=1):
        assert row.seq == seq
        link = chain.next_link(link, row.body)
        assert row.link == link
        if row.signature is not None:
            head = chain.Head(me, epoch, seq, link)
            message = chain.assemble_head(head, terminal.key.public, row.signature)
            assert chain.verify_head(message, terminal.key.public) == head
    assert found[-1].signature is not None


def test_a_first_start_says_so(terminal: Terminal) -> None:
    (start,) = bodies(terminal)
    assert (start.kind, start.seq) == (Kind.START, 1)
    assert start.data == {0: "first start", 1: 1}
    verify_chain(terminal)


def test_a_group_is_one_chain_under_one_signature(terminal: Terminal) -> None:
    numbers = terminal.recorder.record([read(f"{n:010}") for n in range(GROUP_READS)])
    assert numbers == list(range(3, 3 + GROUP_READS))
    assert [row.seq for row in rows(terminal) if row.signature] == [1, 2 + GROUP_READS]
    verify_chain(terminal)


def test_both_recipients_open_what_the_journal_does_not_show(terminal: Terminal) -> None:
    terminal.recorder.record([read("0012345678")])
    _, seal, tap = bodies(terminal)
    blob = rows(terminal)[2].blob
    assert blob is not None
    assert tap.blob_ref is not None
    for key in (terminal.platform, terminal.recovery):
        content = seals.open_seal(
            seal.data, [key], terminal=seal.terminal, epoch=seal.epoch, seq=seal.seq
        )
        place = blobs.Place(tap.terminal, tap.epoch, tap.seq, tap.blob_ref.seal_id)
        assert blobs.open_blob(blob, content, place).number == "0012345678"
    terminal.journal.checkpoint(idle=False)
    stored = (terminal.state / "journal.sqlite-wal").read_bytes()
    assert b"0012345678" not in stored


def test_a_seal_ends_after_its_taps_and_after_its_hour(terminal: Terminal) -> None:
    terminal.recorder = terminal.new_recorder(seal_taps=2, seal_ms=1000)
    for n in range(3):
        terminal.recorder.record([read(str(n))])
    terminal.clock.uptime_ms += 1000
    terminal.recorder.record([read("late")])
    kinds = [body.kind for body in bodies(terminal)]
    tap, seal = Kind.TAP, Kind.SEAL
    assert kinds == [Kind.START, seal, tap, tap, seal, tap, seal, tap]


def test_a_restart_continues_the_chain_under_a_new_seal(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    terminal.restart()
    terminal.recorder.record([read("2")])
    kinds = [body.kind for body in bodies(terminal)]
    assert kinds == [Kind.START, Kind.SEAL, Kind.TAP, Kind.SEAL, Kind.TAP]
    verify_chain(terminal)


def test_a_clock_that_was_set_is_recorded_before_the_tap(terminal: Terminal) -> None:
    terminal.clock.jump = Step(before_ms=5, after_ms=1_790_000_000_000)
    terminal.recorder.record([read("1")])
    clock = bodies(terminal)[1]
    assert (clock.kind, clock.data) == (Kind.CLOCK, {0: 5, 1: 1_790_000_000_000})
    assert not terminal.recorder.note_clock()


def clocks(terminal: Terminal) -> list[Sync]:
    return [body.time.sync for body in bodies(terminal) if body.kind == Kind.CLOCK]


def test_synchronisation_found_is_recorded_once_without_any_step(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    terminal.clock.sync = Sync.SYNCHRONISED
    wall_ms = terminal.clock.wall_ms
    assert terminal.recorder.note_clock()
    assert bodies(terminal)[-1].data == {0: wall_ms, 1: wall_ms}
    assert not terminal.recorder.note_clock()
    terminal.recorder.record([read("2")])
    assert clocks(terminal) == [Sync.SYNCHRONISED]
    verify_chain(terminal)


def test_a_step_told_before_synchronisation_was_known_is_told_again(terminal: Terminal) -> None:
    terminal.clock.jump = Step(5, terminal.clock.wall_ms)
    assert terminal.recorder.note_clock()
    terminal.clock.sync = Sync.SYNCHRONISED
    terminal.clock.jump = Step(6, terminal.clock.wall_ms)
    assert terminal.recorder.note_clock()
    assert clocks(terminal) == [Sync.SET, Sync.SYNCHRONISED]


def test_synchronisation_that_comes_and_goes_asks_for_no_record_by_itself(
    terminal: Terminal,
) -> None:
    for sync in [Sync.SYNCHRONISED, Sync.SET] * 20:
        terminal.clock.sync = sync
        terminal.recorder.note_clock()
    assert len(clocks(terminal)) == 1
    terminal.recorder.record([read("1")])
    terminal.clock.sync = Sync.SYNCHRONISED
    terminal.recorder.record([read("2")])
    kinds = [body.kind for body in bodies(terminal)][2:]
    assert kinds == [Kind.SEAL, Kind.TAP, Kind.CLOCK, Kind.TAP]


def test_a_restart_while_synchronised_proves_what_was_told_before(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    terminal.clock.sync = Sync.SYNCHRONISED
    terminal.restart()
    assert terminal.recorder.note_clock()
    terminal.restart()
    assert not terminal.recorder.note_clock()


def test_a_clock_that_is_stepped_each_second_fills_no_disk(terminal: Terminal) -> None:
    for second in range(600):
        terminal.clock.jump = Step(second, second + 1000)
        terminal.clock.uptime_ms += 1000
        terminal.recorder.note_clock()
    held = len(clocks(terminal))
    assert 8 < held <= 8 + 10
    terminal.clock.jump = Step(5, 6)
    terminal.recorder.record([read("1")])  # what is held back comes before a tap
    assert len(clocks(terminal)) == held + 1


def test_the_time_is_kept_at_a_clean_stop_and_put_right_backwards(terminal: Terminal) -> None:
    terminal.clock.sync = Sync.SYNCHRONISED
    right_ms = terminal.clock.wall_ms
    terminal.clock.wall_ms += 14 * 365 * 86_400_000
    terminal.recorder.keep_time()
    assert terminal.journal.number(LAST_GOOD) > right_ms
    terminal.clock.wall_ms = right_ms
    terminal.recorder.note_clock()
    assert terminal.journal.number(LAST_GOOD) == right_ms
    terminal.clock.wall_ms += 1000
    terminal.recorder.keep_time()
    terminal.clock.sync = Sync.SET
    terminal.clock.wall_ms += 1000
    terminal.recorder.keep_time()
    assert terminal.journal.number(LAST_GOOD) == right_ms + 1000


def test_a_new_epoch_names_where_the_old_one_stood(terminal: Terminal) -> None:
    terminal.recorder.record([read("1")])
    before = terminal.journal.epochs()[-1]
    terminal.recorder.new_epoch("why not")
    (start,) = bodies(terminal)
    assert start.data == {0: "why not", 1: 2, 2: before.epoch, 3: 3, 4: before.head_link}
    verify_chain(terminal)


def test_a_failed_commit_moves_nothing_and_drops_the_content_key(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = terminal.recorder
    recorder.record([read("1")])
    before = (recorder.seq, recorder.link)

    def fail(self: Journal, ordinal: int, found: object) -> None:
        raise CannotStoreError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "append", fail)
        with pytest.raises(CannotStoreError):
            recorder.record([read("2")])
    assert (recorder.seq, recorder.link) == before
    assert recorder.live_seal is None
    recorder.record([read("3")])
    assert [body.kind for body in bodies(terminal)][3:] == [Kind.SEAL, Kind.TAP]
    verify_chain(terminal)


def test_the_journal_refuses_a_second_owner(terminal: Terminal) -> None:
    other = sqlite3.connect(terminal.state / "journal.sqlite", timeout=0)
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("SELECT * FROM records").fetchall()
    other.close()


def test_a_clock_step_outlives_a_commit_that_fails(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(ordinal: int, rows: Sequence[Row]) -> None:
        raise CannotStoreError("the disk is full")

    terminal.clock.jump = Step(1_000, 1_790_000_000_000)
    with monkeypatch.context() as patch:
        patch.setattr(terminal.journal, "append", fail)
        with pytest.raises(CannotStoreError):
            terminal.recorder.note_clock()
    assert terminal.recorder.note_clock()
    assert bodies(terminal)[-1].kind == Kind.CLOCK
    assert bodies(terminal)[-1].data == {0: 1_000, 1: 1_790_000_000_000}
    assert not terminal.recorder.note_clock()


def test_the_last_time_known_to_be_right_is_kept_now_and_then(terminal: Terminal) -> None:
    def kept() -> int:
        return terminal.journal.number(LAST_GOOD)

    terminal.recorder.note_clock()
    assert kept() == 0  # set, but nobody vouches for it
    terminal.clock.sync = Sync.SYNCHRONISED
    first = terminal.clock.wall_ms
    terminal.recorder.note_clock()
    terminal.clock.wall_ms += 599_999
    terminal.recorder.note_clock()
    assert kept() == first
    terminal.clock.wall_ms += 1
    terminal.restart()
    terminal.recorder.note_clock()
    assert kept() == first + 600_000


def test_a_receipts_hash_that_decayed_is_not_spoken_of(terminal: Terminal) -> None:
    terminal.journal.set_fact("receipt-hash", b"x")
    terminal.restart()
    terminal.recorder.record([read("1")])
    for row in terminal.journal.rows(1, 1, 10):
        assert Body.decode(row.body).receipt_hash is None
