"""The crowd: the same from the same seed, no two alike, and a peak in the morning."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hwsim.crowd import crowd, enterprise_number, morning
from hwsim.errors import SimulatorError

EMPLOYERS = [enterprise_number(index) for index in range(5)]
READERS = [("north", "in"), ("north", "out"), ("south", "in")]

WORKER = (
    "Amina",
    "Peeters",
    "94290002",
    "046D6631E60002",
    "01755C0002",
    "331600000002",
    "0880000430",
)
FIRST = (100.704, 48, "north", "out")


def test_the_same_seed_gives_the_same_crowd_on_every_machine() -> None:
    # Written down once: a change here changes every scenario that names a seed.
    worker = crowd(42, 3, EMPLOYERS)[2]
    assert (worker.given_name, worker.family_name, worker.number) == WORKER[:3]
    assert (worker.uid, worker.em4100, worker.card_number, worker.employer) == WORKER[3:]
    first = next(morning(42, 100, READERS))
    assert (first.at_s, first.worker, first.terminal, first.reader) == FIRST


@given(st.integers(0, 2**32), st.integers(0, 2**32))
def test_another_seed_gives_another_morning(one: int, other: int) -> None:
    same = list(morning(one, 20, READERS)) == list(morning(other, 20, READERS))
    assert same == (one == other)


@settings(max_examples=10)
@given(st.integers(0, 2**64))
def test_no_two_workers_share_a_number(seed: int) -> None:
    workers = crowd(seed, 2000, EMPLOYERS)
    for field in ("uid", "em4100", "card_number", "number"):
        assert len({getattr(worker, field) for worker in workers}) == 2000
    for worker in workers:
        assert len(bytes.fromhex(worker.uid)) == 7
        assert len(bytes.fromhex(worker.em4100)) == 5
        assert (len(worker.card_number), len(worker.number)) == (12, 8)


@given(st.integers(0, 2**32), st.integers(0, 300))
def test_every_worker_arrives_once_in_order_of_time(seed: int, count: int) -> None:
    arrivals = list(morning(seed, count, READERS, peak_s=3600))
    assert sorted(arrival.worker for arrival in arrivals) == list(range(count))
    times = [arrival.at_s for arrival in arrivals]
    assert times == sorted(times)
    assert all(0 <= at_s <= 7200 for at_s in times)
    assert all((arrival.terminal, arrival.reader) in READERS for arrival in arrivals)


def test_half_the_crowd_comes_within_a_quarter_of_an_hour_of_the_peak(seed: int) -> None:
    times = [arrival.at_s for arrival in morning(seed, 10_000, READERS)]
    near = sum(1 for at_s in times if abs(at_s - 3600) <= 900)
    assert 4500 < near < 5800


@given(st.integers(0, 1_199_999))
def test_enterprise_numbers_have_a_right_check(index: int) -> None:
    number = enterprise_number(index)
    assert len(number) == 10
    assert 97 - int(number[:8]) % 97 == int(number[8:])


def test_what_is_not_possible_is_said() -> None:
    with pytest.raises(SimulatorError, match="employer"):
        crowd(1, 1, [])
    with pytest.raises(SimulatorError, match="65536"):
        crowd(1, 65536, EMPLOYERS)
    with pytest.raises(SimulatorError, match="reader"):
        list(morning(1, 1, []))
    with pytest.raises(SimulatorError, match="enterprise number"):
        enterprise_number(1_200_000)
