"""Looking through the journal: what is damaged is found within one round, what is sound is not."""

import pytest

from agent.queue.scrub import SLICE, Scrubber
from tests.agent.terminal import Terminal, read


def scrubber(terminal: Terminal) -> Scrubber:
    return Scrubber(terminal.journal, terminal.recorder.terminal, terminal.key.public)


def scrub(terminal: Terminal) -> str | None:
    """One round; what puts the journal in doubt, if anything does."""
    working = scrubber(terminal)
    while working.step():
        continue
    return terminal.journal.broken


def fill(terminal: Terminal, taps: int = 3 * SLICE) -> None:
    for n in range(taps):
        terminal.recorder.record([read(str(n))])


def acknowledge(terminal: Terminal, seq: int) -> None:
    epoch = terminal.journal.epochs()[-1]
    link = terminal.journal.link(epoch, seq)
    assert link is not None
    terminal.journal.acknowledge(epoch.ordinal, seq, link, b"receipt", b"h" * 32, 0)


def test_a_sound_journal_is_not_doubted(terminal: Terminal) -> None:
    fill(terminal)
    acknowledge(terminal, 20)
    terminal.recorder.new_epoch("test")
    assert scrub(terminal) is None


def test_it_goes_on_from_where_pruning_left(terminal: Terminal) -> None:
    fill(terminal)
    working = scrubber(terminal)
    assert working.step()
    acknowledge(terminal, 150)
    assert terminal.journal.prune(1, None) == 150
    while working.step():
        continue
    assert terminal.journal.broken is None
    assert scrub(terminal) is None


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ("DELETE FROM records WHERE position = (1 << 40) + 100", "record 100 of epoch 1 is gone"),
        ("DELETE FROM records WHERE position = (1 << 40) + 1", "record 1 of epoch 1 is gone"),
        (
            "UPDATE records SET body = randomblob(200) WHERE position = (1 << 40) + 9",
            "record 9 of epoch 1 does",
        ),
        (
            "UPDATE records SET link = randomblob(32) WHERE position = (1 << 40) + 70",
            "record 70 of epoch 1 does",
        ),
        ("UPDATE records SET blob = NULL WHERE position = (1 << 40) + 80", "the blob of record 80"),
        (
            "UPDATE records SET blob = randomblob(128) WHERE position = (1 << 40) + 80",
            "the blob of record 80",
        ),
        (
            "UPDATE records SET signature = randomblob(64) WHERE position = (1 << 40) + 5",
            "the head at record 5",
        ),
        ("UPDATE epochs SET anchor = randomblob(32)", "does not begin where it must"),
        ("UPDATE epochs SET acked = 60", "no receipt says that record 60"),
        ("UPDATE epochs SET epoch = randomblob(16)", "does not begin where it must"),
    ],
)
def test_damage_is_found_and_named(terminal: Terminal, damage: str, message: str) -> None:
    fill(terminal)
    assert terminal.journal.file.db.execute(damage).rowcount == 1
    assert message in str(scrub(terminal))


def test_a_tail_without_a_head_is_found(terminal: Terminal) -> None:
    fill(terminal, 2)
    terminal.journal.file.db.execute(
        "UPDATE records SET signature = NULL WHERE position = (1 << 40) + 4"
    )
    assert "no head stands at record 4" in str(scrub(terminal))
