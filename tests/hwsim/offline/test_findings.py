"""The comparison must find what it is there to find."""

from collections.abc import Iterator

import pytest

from hwsim.offline.findings import Registered, Tapped, compare

_AT = 1_795_000_000_000
_TAPPED = [Tapped(0, 3, _AT, _AT + 40, 5000), Tapped(3, 2, _AT + 90_000, _AT + 90_040, 3_600_000)]


def _right() -> Iterator[Registered]:
    for tapped in _TAPPED:
        for badge in range(tapped.first, tapped.first + tapped.count):
            at = tapped.from_ms + 10
            yield Registered(badge, at, at - 20, at + 20, corrected=badge == 4, unsure=False)


def _with(badge: int, tapped_ms: int, bound_ms: int | None, **how: bool) -> list[Registered]:
    """All as it should be, but for one."""
    bounds = (None, None) if bound_ms is None else (tapped_ms - bound_ms, tapped_ms + bound_ms)
    other = Registered(badge, tapped_ms, *bounds, **{"corrected": False, "unsure": False} | how)
    return [other if each.badge == badge else each for each in _right()]


def test_nothing_is_wrong_with_what_is_right() -> None:
    found = compare(_TAPPED, _right())
    assert found.good
    assert (found.taps, found.corrected, found.unsure, found.unbounded) == (5, 1, 0, 0)
    assert found.widest_s == 0.02
    assert found.examples == []


def test_a_missing_registration_is_lost() -> None:
    found = compare(_TAPPED, [each for each in _right() if each.badge != 2])
    assert (found.lost, found.duplicates, found.misdated, found.good) == (1, 0, 0, False)
    assert "badge 2" in found.examples[0]


def test_a_second_registration_of_a_tap_is_a_duplicate() -> None:
    registered = list(_right())
    found = compare(_TAPPED, [*registered, registered[3]])
    assert (found.lost, found.duplicates, found.misdated, found.good) == (0, 1, 0, False)


@pytest.mark.parametrize("badge", [-1, 5])
def test_a_registration_nobody_made_is_invented(badge: int) -> None:
    found = compare(_TAPPED, [*_right(), Registered(badge, _AT, _AT, _AT, False, False)])
    assert (found.invented, found.good) == (1, False)


@pytest.mark.parametrize(
    ("off_ms", "misdated"), [(-61, 1), (-60, 0), (0, 0), (100, 0), (101, 1), (365 * 86_400_000, 1)]
)
def test_a_time_whose_bounds_leave_out_the_truth_is_misdated(off_ms: int, misdated: int) -> None:
    # The truth of badge 1 is between 0 and 40.
    found = compare(_TAPPED, _with(1, _AT + off_ms, 60))
    assert (found.misdated, found.good) == (misdated, not misdated)


@pytest.mark.parametrize(("off_ms", "misdated"), [(-2801, 1), (-2800, 0), (2840, 0), (2841, 1)])
def test_without_bounds_a_time_may_be_off_by_what_an_untouched_clock_wanders(
    off_ms: int, misdated: int
) -> None:
    # Not heard of the time for an hour: 1.8 s at 500 ppm, and a second.
    found = compare(_TAPPED, _with(3, _TAPPED[1].from_ms + off_ms, None))
    assert (found.misdated, found.unbounded) == (misdated, 1)


def test_what_the_platform_marks_as_unsure_is_counted_apart() -> None:
    found = compare(_TAPPED, _with(1, 0, None, unsure=True))
    assert (found.unsure, found.misdated, found.unbounded, found.good) == (1, 0, 0, True)


def test_a_corrected_time_is_judged_as_any_other() -> None:
    found = compare(_TAPPED, _with(4, _AT, 60, corrected=True))
    assert (found.corrected, found.misdated) == (1, 1)
    assert "badge 4, corrected, is -90.0 s off" in found.examples[0]


def test_only_the_first_of_many_are_named() -> None:
    assert len(compare([Tapped(0, 100, _AT, _AT, 0)], []).examples) == 5
