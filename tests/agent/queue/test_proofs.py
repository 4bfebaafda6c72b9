"""What a head still proves of the rows that are left."""

import random

import pytest

from agent.queue import proofs
from agent.queue.carving import Found
from agent.queue.proofs import Proved
from protocol import chain
from tests.agent.terminal import Terminal, read


def found(terminal: Terminal) -> list[Found]:
    epoch = terminal.journal.epochs()[-1]
    return [
        Found(epoch.epoch, row.seq, row.body, row.blob, row.link, row.signature)
        for row in terminal.journal.rows(epoch.ordinal, 1, 10_000)
    ]


def prove(terminal: Terminal, rows: list[Found], first: int = 1) -> list[Proved]:
    last = max((row.seq for row in rows if row.signature), default=0)
    proved = proofs.prove(
        lambda seq: [row for row in rows if row.seq == seq],
        last,
        first,
        terminal=terminal.recorder.terminal,
        epoch=terminal.recorder.epoch,
        signer=terminal.key.public,
    )
    return list(proved)[::-1]


def numbers(proved: list[Proved]) -> list[int]:
    return [each.row.seq for each in proved]


@pytest.fixture
def rows(terminal: Terminal) -> list[Found]:
    """Records 1 to 14: a start; a seal and three taps; then three commits of three taps."""
    for n in range(4):
        terminal.recorder.record([read(f"{n}{m}") for m in range(3)])
    return found(terminal)


def test_a_whole_chain_is_proved_whole(terminal: Terminal, rows: list[Found]) -> None:
    assert prove(terminal, rows) == [Proved(row, whole=True) for row in rows]


def test_without_a_head_nothing_is_proved(terminal: Terminal, rows: list[Found]) -> None:
    assert prove(terminal, [row for row in rows if row.signature is None]) == []


def test_what_comes_before_a_missing_record_has_a_head_of_its_own(
    terminal: Terminal, rows: list[Found]
) -> None:
    left = [row for row in rows if row.seq != 10]
    proved = prove(terminal, left)
    # Of the commit of 9, 10 and 11 the head is left: it proves the link of 11.
    assert numbers(proved) == [*range(1, 9), 11, 12, 13, 14]
    assert [each.row.seq for each in proved if not each.whole] == [11]


def test_a_body_that_was_changed_is_no_record(terminal: Terminal, rows: list[Found]) -> None:
    chance = random.Random(7)
    for seq in (4, 7, 12):
        row = rows[seq - 1]
        octets = bytearray(row.body)
        octets[chance.randrange(60, len(octets))] ^= 4
        changed = Found(row.epoch, seq, bytes(octets), row.blob, row.link, row.signature)
        kept = numbers(prove(terminal, [*rows[: seq - 1], changed, *rows[seq:]]))
        assert seq not in kept
        # The row still tells its link, so what follows it is proved.
        assert set(range(seq + 1, 15)) <= set(kept)


def test_a_true_copy_is_found_among_false_ones(terminal: Terminal, rows: list[Found]) -> None:
    row = rows[6]
    false = [
        Found(row.epoch, 7, row.body[:-1] + b"?", row.blob, row.link, row.signature),
        Found(row.epoch, 7, row.body, b"?" * 128, row.link, row.signature),
        Found(row.epoch, 7, row.body, row.blob, b"?" * 32, row.signature),
    ]
    kept = prove(terminal, [*rows[:6], *false, *rows[6:]])[6]
    assert (kept.row.body, kept.row.blob, kept.whole) == (row.body, row.blob, True)


def test_a_blob_that_is_lost_is_left_out(terminal: Terminal, rows: list[Found]) -> None:
    row = rows[6]
    changed = Found(row.epoch, 7, row.body, b"?" * 128, row.link, row.signature)
    kept = prove(terminal, [*rows[:6], changed, *rows[7:]])[6]
    assert (kept.row.body, kept.row.blob, kept.whole) == (row.body, None, True)


def test_a_commit_that_failed_never_hides_the_one_that_was_shown(
    terminal: Terminal, rows: list[Found]
) -> None:
    """A longer chain left by a commit that failed, and the shorter one that came in its place."""
    terminal.recorder.seq, terminal.recorder.link = rows[10].seq, rows[10].link
    terminal.journal.file.db.execute("DELETE FROM records WHERE position > (1 << 40) + 11")
    terminal.recorder.record([read("shown green")])
    shown = found(terminal)[-1]
    proved = prove(terminal, [*rows, shown])
    assert Proved(shown, whole=True) in proved
    assert numbers(proved) == [*range(1, 12), 12, 12, 13, 14]


def test_a_head_of_another_terminal_is_none(terminal: Terminal, rows: list[Found]) -> None:
    head = chain.Head(b"x" * 32, terminal.recorder.epoch, 14, rows[13].link)
    signature = chain.head_signature(head, terminal.key)
    last = rows[13]
    forged = Found(last.epoch, 14, last.body, last.blob, last.link, signature)
    assert numbers(prove(terminal, [*rows[:13], forged])) == list(range(1, 12))
