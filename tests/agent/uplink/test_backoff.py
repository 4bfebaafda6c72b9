"""Full jitter, reset by a stable session only."""

import random

from agent.uplink.backoff import STABLE_S, Backoff


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


def test_delays_spread_over_the_whole_range() -> None:
    seed = 20261123
    print(f"seed {seed}")
    draw = random.Random(seed)
    delays = [Backoff(8.0, 8.0, draw).next(0.0) for _ in range(4000)]
    counts = [sum(n <= delay < n + 1 for delay in delays) for n in range(8)]
    assert min(counts) > 350
    assert max(counts) < 650
