"""Full jitter, reset by a stable session only."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.uplink.backoff import STABLE_S, Backoff

SHORT = st.floats(0, STABLE_S, exclude_max=True)


class Highest(random.Random):
    """Draws the top of each range."""

    def uniform(self, a: float, b: float) -> float:
        return b


def test_the_ceiling_doubles_up_to_the_limit() -> None:
    backoff = Backoff(1.0, 10.0, Highest())
    assert [backoff.next(0.0) for _ in range(6)] == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]


def test_only_a_stable_session_resets_it() -> None:
    backoff = Backoff(1.0, 10.0, Highest())
    for _ in range(5):
        backoff.next(0.0)
    assert backoff.next(STABLE_S - 1) == 10.0
    assert backoff.next(STABLE_S) == 1.0


@given(st.lists(SHORT, min_size=2))
def test_no_number_of_short_sessions_lowers_the_ceiling(sessions: list[float]) -> None:
    backoff = Backoff(1.0, 300.0, Highest())
    ceilings = [backoff.next(session) for session in sessions]
    assert ceilings == sorted(ceilings)
    assert ceilings == [min(300.0, 2.0**n) for n in range(len(sessions))]


@given(st.lists(st.one_of(SHORT, st.just(STABLE_S)), min_size=1))
def test_the_ceiling_counts_the_sessions_since_the_last_stable_one(sessions: list[float]) -> None:
    backoff = Backoff(1.0, 300.0, Highest())
    since = 0
    for session in sessions:
        since = 0 if session >= STABLE_S else since
        assert backoff.next(session) == min(300.0, 2.0**since)
        since += 1


def test_it_goes_on_for_years() -> None:
    backoff = Backoff(1.0, 300.0, Highest())
    assert {backoff.next(0.0) for _ in range(100_000)} == {2.0**n for n in range(9)} | {300.0}


@pytest.mark.parametrize("failures", [0, 3, 12])
def test_delays_are_uniform_from_nothing_to_the_ceiling(failures: int) -> None:
    """Kolmogorov and Smirnov: this far from uniform is one chance in a million."""
    source = random.Random(20261123 + failures)
    shares = []
    for _ in range(4000):
        backoff = Backoff(1.0, 300.0, source)
        for _ in range(failures):
            backoff.next(0.0)
        shares.append(backoff.next(0.0) / min(300.0, 2.0**failures))
    shares.sort()
    assert shares[0] >= 0
    assert shares[-1] <= 1
    distance = max(abs(share - n / 4000) for n, share in enumerate(shares))
    assert distance < 2.7 / 4000**0.5


def test_two_terminals_do_not_draw_the_same() -> None:
    first, second = Backoff(1.0, 300.0), Backoff(1.0, 300.0)
    assert [first.next(0.0) for _ in range(4)] != [second.next(0.0) for _ in range(4)]
