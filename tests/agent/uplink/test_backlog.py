"""What is sent next, and what a receipt changes in the journal."""

import pytest

from agent.uplink.backlog import Backlog
from agent.uplink.verdicts import Back, CloseEpoch, Forward, Ignore
from protocol import chain
from protocol.batches import MAX_BATCH, Batch
from protocol.receipts import Leaf, Verdict
from tests.agent.terminal import Terminal, read

NONCE = b"n" * 16


@pytest.fixture
def backlog(terminal: Terminal) -> Backlog:
    for n in range(10):
        terminal.recorder.record([read(f"{n}{m}") for m in range(3)])
    return Backlog(terminal.journal, terminal.recorder)


def batch(backlog: Backlog, limit: int = MAX_BATCH) -> Batch:
    found = backlog.next_batch(NONCE, limit)
    assert found is not None
    return Batch.decode(found.encode())


def leaf(terminal: Terminal, seq: int, verdict: Verdict = Verdict.STORED, **more: int) -> Leaf:
    epoch = terminal.journal.epochs()[-1]
    link = terminal.journal.link(epoch, seq) or b"?" * 32
    generation = more.get("generation", 0)
    me = terminal.recorder.terminal
    resume = more.get("resume")
    return Leaf(me, epoch.epoch, seq, link, 7, generation, NONCE, verdict, resume)


def receive(backlog: Backlog, receipt: Leaf) -> object:
    return backlog.receive(receipt, b"h" * 32, b"message", NONCE)


def receive_stale(backlog: Backlog, receipt: Leaf) -> type:
    """What a receipt means that does not answer the present question."""
    return type(backlog.receive(receipt, b"h" * 32, b"message", b"x" * 16))


def test_a_batch_proves_itself(terminal: Terminal, backlog: Backlog) -> None:
    found = batch(backlog)
    head = chain.verify_head(found.head, terminal.key.public)
    link = found.link
    for body, _ in found.records:
        link = chain.next_link(link, body)
    assert (found.first, head.seq, head.link) == (1, 32, link)
    assert found.link == chain.epoch_link(terminal.recorder.terminal, found.epoch)


@pytest.mark.parametrize("limit", [1000, 3000, 5000, 9000])
def test_a_batch_keeps_to_the_limit_and_ends_at_a_head(
    terminal: Terminal, backlog: Backlog, limit: int
) -> None:
    sent = 0
    while (found := backlog.next_batch(NONCE, limit)) is not None:
        # A single group may be larger than an absurd limit; more than one group never is.
        assert len(found.encode()) <= limit or len(found.records) <= 4
        assert found.first == sent + 1
        sent += len(found.records)
        assert chain.verify_head(found.head, terminal.key.public).seq == sent
        assert receive(backlog, leaf(terminal, sent)) == Forward(sent)
    assert sent == 32
    assert terminal.journal.unacknowledged() == 0


def test_unreceipted_records_are_sent_again(terminal: Terminal, backlog: Backlog) -> None:
    assert batch(backlog, 3000) == batch(backlog, 3000)
    assert terminal.journal.unacknowledged() == 32


def test_records_sent_again_are_counted(terminal: Terminal, backlog: Backlog) -> None:
    first = len(batch(backlog, 3000).records)
    assert backlog.resends == 0
    assert len(batch(backlog).records) == 32
    assert backlog.resends == first
    batch(backlog)
    assert backlog.resends == first + 32
    receive(backlog, leaf(terminal, 32))
    terminal.recorder.record([read("new")])
    batch(backlog)
    assert backlog.resends == first + 32


def test_a_receipt_is_kept_and_named_by_later_records(terminal: Terminal, backlog: Backlog) -> None:
    receive(backlog, leaf(terminal, 32))
    assert terminal.recorder.receipt_hash == b"h" * 32
    assert [seq for _, seq, _ in terminal.journal.receipts()] == [32]
    terminal.restart()
    assert terminal.recorder.receipt_hash == b"h" * 32


def test_a_restored_platform_is_refilled_and_acked_never_falls(
    terminal: Terminal, backlog: Backlog
) -> None:
    receive(backlog, leaf(terminal, 32))
    resume = leaf(terminal, 5, Verdict.RESUME, generation=1, resume=6)
    assert receive(backlog, resume) == Back(5)
    assert terminal.journal.epochs()[-1].acked == 32
    assert batch(backlog).first == 6
    assert receive(backlog, leaf(terminal, 32, generation=1)) == Forward(32)
    assert backlog.generation() == 1
    assert isinstance(receive(backlog, resume), Ignore)


def test_a_refill_cut_short_goes_on(terminal: Terminal, backlog: Backlog) -> None:
    receive(backlog, leaf(terminal, 32))
    receive(backlog, leaf(terminal, 5, Verdict.RESUME, generation=1, resume=6))
    restarted = Backlog(terminal.journal, terminal.recorder)
    resume = leaf(terminal, 8, Verdict.RESUME, generation=1, resume=9)
    assert receive(restarted, resume) == Back(8)
    assert batch(restarted).first == 9


def test_a_replayed_receipt_cuts_no_refill_short(terminal: Terminal, backlog: Backlog) -> None:
    receive(backlog, leaf(terminal, 32))
    receive(backlog, leaf(terminal, 5, Verdict.RESUME, generation=1, resume=6))
    backlog.receive(leaf(terminal, 32), b"h" * 32, b"message", b"x" * 16)
    assert batch(backlog).first == 6


def test_a_restored_platform_is_offered_every_epoch(terminal: Terminal, backlog: Backlog) -> None:
    first = terminal.recorder.epoch
    receive(backlog, leaf(terminal, 32))
    terminal.recorder.new_epoch("test")
    assert receive(backlog, leaf(terminal, 0, generation=1)) == Forward(0)
    assert (batch(backlog).epoch, batch(backlog).first) == (first, 1)
    assert backlog.generation() == 0


def test_a_receipt_held_up_over_a_restore_acknowledges_nothing(
    terminal: Terminal, backlog: Backlog
) -> None:
    receive(backlog, leaf(terminal, 4))
    held_up = leaf(terminal, 32)
    assert receive(backlog, leaf(terminal, 4, generation=1)) == Forward(4)
    assert receive_stale(backlog, held_up) is Ignore
    assert receive_stale(Backlog(terminal.journal, terminal.recorder), held_up) is Ignore
    assert terminal.journal.epochs()[-1].acked == 4


def test_a_receipt_held_up_does_not_count_during_a_refill(
    terminal: Terminal, backlog: Backlog
) -> None:
    receive(backlog, leaf(terminal, 32))
    terminal.recorder.new_epoch("test")
    terminal.recorder.record([read("1")])
    held_up = leaf(terminal, 3)
    receive(backlog, leaf(terminal, 0, generation=1))
    assert backlog.generation() == 0
    assert receive_stale(backlog, held_up) is Ignore


def test_a_second_restore_begins_the_refill_anew(terminal: Terminal, backlog: Backlog) -> None:
    first = terminal.recorder.epoch
    refilled = leaf(terminal, 32, generation=1)
    receive(backlog, leaf(terminal, 32))
    terminal.recorder.new_epoch("test")
    receive(backlog, leaf(terminal, 1))
    receive(backlog, leaf(terminal, 0, Verdict.RESUME, generation=1, resume=1))
    receive(backlog, refilled)
    assert batch(backlog).epoch == terminal.recorder.epoch
    receive(backlog, leaf(terminal, 0, Verdict.RESUME, generation=2, resume=1))
    assert (batch(backlog).epoch, batch(backlog).first) == (first, 1)
    assert backlog.generation() == 0


def test_a_refill_that_has_to_begin_above_what_was_pruned_goes_on_after_a_crash(
    terminal: Terminal, backlog: Backlog
) -> None:
    receive(backlog, leaf(terminal, 5))
    assert terminal.journal.prune(2**62, None) == 5
    resume = leaf(terminal, 0, Verdict.RESUME, generation=1, resume=1)
    assert receive(backlog, resume) == Back(5)
    restarted = Backlog(terminal.journal, terminal.recorder)
    assert receive(restarted, resume) == Back(5)
    assert batch(restarted).first == 6
    assert receive(restarted, leaf(terminal, 32, generation=1)) == Forward(32)
    assert restarted.generation() == 1


def test_behind_begins_a_new_epoch_once(terminal: Terminal, backlog: Backlog) -> None:
    behind = leaf(terminal, 32, Verdict.BEHIND)
    assert isinstance(receive(backlog, behind), CloseEpoch)
    assert [epoch.ordinal for epoch in terminal.journal.epochs()] == [1, 2]
    assert isinstance(receive(backlog, behind), Ignore)


def test_what_a_closed_epoch_owes_is_not_sent_under_it(
    terminal: Terminal, backlog: Backlog
) -> None:
    terminal.recorder.new_epoch("test")
    assert batch(backlog).epoch == terminal.recorder.epoch


def test_a_batch_found_bad_is_looked_at_again(terminal: Terminal, backlog: Backlog) -> None:
    refused = leaf(terminal, 0, Verdict.BAD_SIGNATURE)
    batch(backlog)
    receive(backlog, refused)
    assert not terminal.journal.broken
    terminal.journal.file.db.execute("UPDATE records SET body = x'00' WHERE position & 255 = 7")
    batch(backlog)
    receive(backlog, refused)
    assert "damaged record" in str(terminal.journal.broken)


def test_a_record_that_is_gone_puts_the_journal_in_doubt(
    terminal: Terminal, backlog: Backlog
) -> None:
    terminal.journal.file.db.execute("DELETE FROM records WHERE position & 255 = 1")
    with pytest.raises(LookupError, match="record 1 of epoch 1"):
        batch(backlog)
    assert terminal.journal.broken is not None
