"""The count: a tap that is lost, doubled or made up is told, and nothing else is."""

import pytest

from hwsim.chaos.tally import Fate, Queue, Tally, compare


def tapped(taps: int, answers: list[str], *, died: bool = False) -> Tally:
    tally = Tally(taps)
    queue = Queue(tally)
    queue.tapped(tally.allot(taps))
    for answer in answers:
        queue.answered(answer)
    if died:
        queue.abandoned()
        assert not len(queue)
    return tally


GREEN = ["recorded", "recorded-offline", "recorded"]


def test_all_registered_once_is_good() -> None:
    found = compare(tapped(3, GREEN).fates, [2, 0, 1])
    assert (found.good, found.green, found.maybe, found.examples) == (True, 3, 0, [])


@pytest.mark.parametrize("missing", [0, 1, 2])
def test_a_green_tap_that_is_missing_is_lost(missing: int) -> None:
    found = compare(tapped(3, GREEN).fates, [n for n in range(3) if n != missing])
    assert (found.good, found.lost, found.duplicates, found.invented) == (False, 1, 0, 0)
    assert found.examples == [f"badge {missing} was green and is not registered"]


@pytest.mark.parametrize("answers", [GREEN, ["recorded"]])
def test_a_tap_registered_twice_is_doubled_green_or_not(answers: list[str]) -> None:
    found = compare(tapped(3, answers, died=True).fates, [0, 1, 2, 2])
    assert (found.good, found.lost, found.duplicates, found.invented) == (False, 0, 1, 0)


def test_what_had_no_answer_when_the_terminal_died_may_be_missing_or_not() -> None:
    tally = tapped(3, ["recorded"], died=True)
    assert list(tally.fates) == [Fate.GREEN, Fate.MAYBE, Fate.MAYBE]
    for registered, came in (([0], 0), ([0, 2], 1), ([0, 1, 2], 2)):
        found = compare(tally.fates, registered)
        assert (found.good, found.green, found.maybe) == (True, 1, 2)
        assert found.maybe_registered == came


@pytest.mark.parametrize("badge", [3, 4, -1, 1 << 30])
def test_a_tap_nobody_made_is_told(badge: int) -> None:
    tally = Tally(4)
    queue = Queue(tally)
    queue.tapped(tally.allot(3))
    for answer in GREEN:
        queue.answered(answer)
    found = compare(tally.fates, [0, 1, 2, badge])
    assert (found.good, found.lost, found.duplicates, found.invented) == (False, 0, 0, 1)


def test_an_answer_that_is_not_green_leaves_all_that_wait_in_doubt() -> None:
    tally = tapped(4, ["recorded", "out-of-order", "recorded", "recorded"])
    assert list(tally.fates) == [Fate.GREEN, Fate.MAYBE, Fate.MAYBE, Fate.MAYBE]


def test_no_badge_is_given_out_twice() -> None:
    tally = Tally(10)
    assert [*tally.allot(4), *tally.allot(4), *tally.allot(4)] == list(range(10))
    assert not tally.allot(1)
    assert tally.allotted == 10


def test_badges_are_given_out_no_faster_than_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("hwsim.chaos.tally.time.monotonic", lambda: now)
    tally = Tally(1000, rate=10)
    assert not tally.allot(50)
    now += 2.0
    assert tally.allot(50) == range(20)
    assert not tally.allot(50)
    now += 10.0
    assert tally.allot(50) == range(20, 70)
    now += 1e6
    assert tally.allot(2000) == range(70, 1000)
    assert tally.exhausted
