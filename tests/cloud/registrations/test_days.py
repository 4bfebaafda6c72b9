"""Taps paired to days of work: by hand, and whatever the taps are."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud.registrations.days import LONGEST_MS, Day, Pair, Tap, bounds, day_of, days, pairs
from cloud.times import parse

HOUR = 3_600_000
MONDAY = date(2026, 3, 2)
DIRECTIONS = ("in", "out", "auto", "break-start", "break-end")


def tap(time: str, direction: str = "auto", site: int = 1, *, void: bool = False) -> Tap:
    return Tap(parse(time if "T" in time else f"2026-03-02T{time}"), direction, site, void=void)


def clock(found: Tap | None, missing: str) -> str:
    if found is None:
        return missing
    hours, minutes = divmod((found.at_ms - bounds(MONDAY, MONDAY)[0]) // 60_000, 60)
    return f"{hours:02}:{minutes:02}"


def told(found: list[Pair]) -> list[str]:
    return [
        f"{'break ' if pair.rest else ''}{clock(pair.start, '?')}-{clock(pair.end, '?')}"
        f"{' twice' if pair.overlaps else ''}"
        for pair in found
    ]


def typed(line: str) -> list[Tap]:
    """`07:00 in, 12:00 out@2`: taps, at site 1 if not said."""
    found = []
    for each in line.split(", "):
        time, _, rest = each.partition(" ")
        direction, _, site = rest.partition("@")
        found.append(tap(time, direction or "auto", int(site or 1)))
    return found


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("07:00 in, 12:00 out, 12:30 in, 16:00 out", ["07:00-12:00", "12:30-16:00"]),
        ("07:00, 12:00, 12:30, 16:00", ["07:00-12:00", "12:30-16:00"]),
        ("07:00 in, 16:00", ["07:00-16:00"]),
        ("07:00, 16:00 out", ["07:00-16:00"]),
        ("07:00 in", ["07:00-?"]),
        ("16:00 out", ["?-16:00"]),
        ("07:00 in, 08:00 in, 16:00 out", ["07:00-?", "08:00-16:00"]),
        ("07:00 in, 15:00 out, 16:00 out", ["07:00-15:00", "?-16:00"]),
        (
            "07:00 in, 12:00 break-start, 12:30 break-end, 16:00 out",
            ["07:00-12:00", "break 12:00-12:30", "12:30-16:00"],
        ),
        ("07:00 in, 12:00 break-start, 16:00 out", ["07:00-12:00", "break 12:00-16:00"]),
        ("07:00 in, 12:00 break-start, 12:30, 16:00",
         ["07:00-12:00", "break 12:00-12:30", "12:30-16:00"]),
        ("07:00 in, 12:30 break-end, 16:00 out", ["07:00-?", "break ?-12:30", "12:30-16:00"]),
        ("12:00 break-start, 12:30 break-end, 16:00 out",
         ["?-12:00", "break 12:00-12:30", "12:30-16:00"]),
        ("07:00 in, 12:00 break-start, 13:00 in, 16:00 out",
         ["07:00-12:00", "break 12:00-?", "13:00-16:00"]),
        # Two sites: one after the other is well, both at once is not.
        ("07:00 in, 12:00 out, 13:00 in@2, 17:00 out@2", ["07:00-12:00", "13:00-17:00"]),
        ("07:00 in, 13:00 in@2, 14:00 out, 17:00 out@2",
         ["07:00-14:00 twice", "13:00-17:00 twice"]),
        ("07:00 in, 13:00 in@2, 17:00 out@2", ["07:00-?", "13:00-17:00"]),
        ("07:00 in, 12:00 out, 12:00 in@2, 17:00 out@2", ["07:00-12:00", "12:00-17:00"]),
    ],
)  # fmt: skip
def test_taps_of_a_day(line: str, expected: list[str]) -> None:
    assert told(pairs(typed(line))) == expected
    assert told(pairs(reversed(typed(line)))) == expected


def test_a_night_shift_belongs_to_the_evening() -> None:
    found = pairs([tap("22:00", "in"), tap("2026-03-03T06:00", "out")])
    assert told(found) == ["22:00-30:00"]
    (only,) = days(found, MONDAY, date(2026, 3, 3))
    assert (only.day, only.work_ms) == (MONDAY, 8 * HOUR)
    assert days(found, date(2026, 3, 3), date(2026, 3, 3)) == []


def test_what_was_forgotten_ends_before_the_next_morning() -> None:
    week = [tap(f"2026-03-0{day}T07:00") for day in (2, 3)] + [tap("2026-03-03T16:00")]
    first, second = days(pairs(week), MONDAY, date(2026, 3, 8))
    assert (first.incomplete, first.work_ms) == (True, 0)
    assert (second.incomplete, second.work_ms) == (False, 9 * HOUR)


@pytest.mark.parametrize(
    ("evening", "morning", "hours", "length"),
    [
        ("2026-03-28T22:00+01:00", "2026-03-29T06:00+02:00", 7, 23),
        ("2026-10-24T22:00+02:00", "2026-10-25T06:00+01:00", 9, 25),
    ],
)
def test_the_nights_when_clocks_change(evening: str, morning: str, hours: int, length: int) -> None:
    found = pairs([tap(evening), tap(morning)])
    (night,) = days(found, day_of(found[0].begins_ms), day_of(found[0].begins_ms))
    assert (night.work_ms, night.incomplete) == (hours * HOUR, False)
    sunday = date.fromisoformat(morning[:10])
    begins, ends = bounds(sunday, sunday)
    assert ends - begins == length * HOUR
    assert [day_of(moment) for moment in (begins - 1, begins, ends - 1, ends)] == [
        night.day, sunday, sunday, sunday.replace(day=sunday.day + 1)
    ]  # fmt: skip


def test_the_hour_that_comes_twice_is_told_apart() -> None:
    found = pairs([tap("2026-10-25T02:30+02:00", "in"), tap("2026-10-25T02:30+01:00", "out")])
    assert [pair.lasts_ms for pair in found] == [HOUR]


def test_overlapping_time_is_worked_once() -> None:
    (day,) = days(pairs(typed("07:00 in, 10:00 in@2, 12:00 out, 15:00 out@2")), MONDAY, MONDAY)
    assert day.work_ms == 8 * HOUR


def test_what_is_void_is_not_paired() -> None:
    taps = [tap("07:00", "in"), tap("08:00", "out", void=True), tap("16:00", "out")]
    assert told(pairs(taps)) == ["07:00-16:00"]


moments = st.integers(parse("2026-03-23"), parse("2026-04-02")) | st.integers(0, 30).map(
    lambda quarters: parse("2026-03-29") + quarters * 900_000
)
some_taps = st.lists(
    st.builds(
        Tap, moments, st.sampled_from(DIRECTIONS), st.integers(1, 3), void=st.booleans()
    ),
    max_size=30,
).map(lambda taps: [replace(each, number=number) for number, each in enumerate(taps)])  # fmt: skip


def every_day(found: list[Pair]) -> list[Day]:
    return days(found, date(2026, 1, 1), date(2026, 12, 31))


@given(some_taps)
def test_every_tap_that_counts_is_there_and_no_other(taps: list[Tap]) -> None:
    found = pairs(taps)
    assert {each.number for each in taps if not each.void} == {
        each.number for pair in found for each in pair.taps
    }
    starts = [pair.start for pair in found if pair.start]
    ends = [pair.end for pair in found if pair.end]
    for once in (starts, ends):
        assert len({each.number for each in once}) == len(once)
    for pair in found:
        assert pair.taps
        assert 0 <= pair.lasts_ms <= LONGEST_MS
        assert len({each.site for each in pair.taps}) == 1


@given(some_taps)
def test_the_order_in_which_taps_arrive_changes_nothing(taps: list[Tap]) -> None:
    assert pairs(taps) == pairs(taps[::-1])


@given(some_taps)
def test_totals_are_those_of_the_pairs_counted_once(taps: list[Tap]) -> None:
    found = pairs(taps)
    in_days = every_day(found)
    assert [pair for day in in_days for pair in day.pairs] == found
    for day in in_days:
        for rest, total in ((False, day.work_ms), (True, day.break_ms)):
            lasting = [pair.lasts_ms for pair in day.pairs if pair.rest is rest]
            assert max(lasting, default=0) <= total <= sum(lasting)
        minutes = {
            at
            for pair in day.pairs
            if not pair.rest and pair.start and pair.end
            for at in range(pair.start.at_ms // 60_000, pair.end.at_ms // 60_000)
        }
        assert abs(day.work_ms // 60_000 - len(minutes)) <= len(day.pairs) + 1


@given(some_taps, st.integers(1, 3))
def test_an_overlap_is_one_of_both(taps: list[Tap], site: int) -> None:
    found = pairs(taps)
    assert sum(pair.overlaps for pair in found) != 1
    alone = [each for each in taps if each.site == site]
    assert not any(pair.overlaps for pair in pairs(alone))


@given(some_taps)
def test_a_quiet_time_before_makes_no_difference(taps: list[Tap]) -> None:
    shift = 2 * LONGEST_MS + 11 * 86_400_000
    earlier = [replace(each, at_ms=each.at_ms - shift) for each in taps]
    first = min((each.at_ms for each in taps), default=0)
    both = [pair for pair in pairs([*earlier, *taps]) if pair.begins_ms >= first]
    assert both == pairs(taps)
