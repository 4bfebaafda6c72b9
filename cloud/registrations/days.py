"""A worker's days: taps paired to periods of work and of break, and their totals.

Pure functions of taps. Moments are milliseconds since 1970 UTC, so that a period lasts as long as
it did, whatever the clocks on the wall were set to meanwhile; a day is one in Brussels. A period
belongs to the day on which it begins: a night shift to the evening's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from cloud.times import from_datetime, local

LONGEST_MS = 13 * 3_600_000
"""No period is longer: what comes later did not end this one. Nobody may work so long at a stretch,
and from the evening to the next morning it is mostly longer."""
LATE_MS = 3_600_000
"""A tap that arrived so long after it was made is marked as late."""
LOOK_BACK_MS = 7 * 86_400_000
"""Pairing begins so long before the first day asked for: which way an `auto` tap goes depends on
those before it, until nobody was there for LONGEST_MS."""


@dataclass(frozen=True, slots=True)
class Tap:
    """A tap as it is paired.

    `number` is its registration's, `correction` that of the correction that entered or changed it.
    A tap that is `void` is shown and not paired; `was` is the direction before it was changed.
    """

    at_ms: int
    direction: str
    site: int | None = None
    number: int | None = None
    correction: int | None = None
    void: bool = False
    was: str | None = None
    late: bool = False
    corrected: bool = False
    unsure: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """A period at a site; without `start` or `end`, one of which that tap is missing."""

    start: Tap | None
    end: Tap | None
    rest: bool = False
    """Whether it is a break, and not work."""
    overlaps: bool = False
    """Whether the worker was, by the taps, at another site at the same time."""

    @property
    def begins_ms(self) -> int:
        """Where it stands in the day: its start, or its end when that is all there is."""
        return (self.start or self.end or _NOTHING).at_ms

    @property
    def site(self) -> int | None:
        """Where."""
        return (self.start or self.end or _NOTHING).site

    @property
    def whole(self) -> bool:
        """Whether both taps are there."""
        return self.start is not None and self.end is not None

    @property
    def taps(self) -> list[Tap]:
        """Those that are there."""
        return [tap for tap in (self.start, self.end) if tap is not None]

    @property
    def lasts_ms(self) -> int:
        """How long; 0 when a tap is missing."""
        if self.start is None or self.end is None:
            return 0
        return self.end.at_ms - self.start.at_ms


_NOTHING = Tap(0, "auto")


@dataclass(frozen=True, slots=True)
class Day:
    """The periods that begin on a day, and how long they are together."""

    day: date
    pairs: tuple[Pair, ...]

    @property
    def work_ms(self) -> int:
        """Work, each moment counted once even when periods overlap."""
        return _together(pair for pair in self.pairs if not pair.rest)

    @property
    def break_ms(self) -> int:
        """Breaks, likewise."""
        return _together(pair for pair in self.pairs if pair.rest)

    @property
    def incomplete(self) -> bool:
        """Whether a tap is missing, so that more may have been worked."""
        return any(not pair.whole for pair in self.pairs)

    def at(self, site: int | None) -> "Day":
        """What of it was at a site; with None, all of it."""
        if site is None:
            return self
        return Day(self.day, tuple(pair for pair in self.pairs if pair.site == site))


def pairs(taps: Iterable[Tap]) -> list[Pair]:
    """The periods that taps make, by when they begin; each tap that counts is in one or two.

    Every site is paired by itself: somebody may go from one to another without a tap between.
    """
    sites: dict[int | None, list[Tap]] = {}
    for tap in sorted(taps, key=lambda each: (each.at_ms, each.number or 0, each.correction or 0)):
        if not tap.void:
            sites.setdefault(tap.site, []).append(tap)
    found = [pair for at_site in sites.values() for pair in _Presence().through(at_site)]
    found.sort(key=lambda pair: (pair.begins_ms, pair.start is not None, pair.rest))
    return [replace(pair, overlaps=_overlaps(pair, found)) for pair in found]


def days(found: Sequence[Pair], first: date, last: date) -> list[Day]:
    """The days from `first` to `last` on which a period begins."""
    by_day: dict[date, list[Pair]] = {}
    for pair in found:
        by_day.setdefault(day_of(pair.begins_ms), []).append(pair)
    return [Day(day, tuple(by_day[day])) for day in sorted(by_day) if first <= day <= last]


def day_of(moment_ms: int) -> date:
    """The day in Brussels."""
    return local(moment_ms).date()


def bounds(first: date, last: date) -> tuple[int, int]:
    """The first moment of one day in Brussels, and the first after another. Raises InvalidError."""
    midnight = datetime.min.time()
    after = last + timedelta(days=1)
    return (
        from_datetime(datetime.combine(first, midnight)),
        from_datetime(datetime.combine(after, midnight)),
    )


class _Presence:
    """Whether somebody is at a site, at work or on a break, as taps come one after the other."""

    def __init__(self) -> None:
        self._open: Pair | None = None
        self._pairs: list[Pair] = []

    def through(self, taps: Iterable[Tap]) -> list[Pair]:
        for tap in taps:
            if self._open is not None and tap.at_ms - self._open.begins_ms > LONGEST_MS:
                self._end(None)
            self._meet(tap)
        self._end(None)
        return self._pairs

    def _meet(self, tap: Tap) -> None:
        rests = self._open is not None and self._open.rest
        match tap.direction:
            case "in":
                self._end(None)
                self._open = Pair(tap, None)
            case "out":
                self._close(tap, rest=rests)
            case "break-start":
                self._close(tap, rest=False)
                self._open = Pair(tap, None, rest=True)
            case "break-end":
                self._close(tap, rest=True)
                self._open = Pair(tap, None)
            case _ if self._open is None or rests:
                if rests:
                    self._end(tap)
                self._open = Pair(tap, None)
            case _:
                self._end(tap)

    def _close(self, tap: Tap, *, rest: bool) -> None:
        """A tap ends work, or a break; if the other is open, that one lacks its end."""
        if self._open is not None and self._open.rest == rest:
            self._end(tap)
            return
        self._end(None)
        self._pairs.append(Pair(None, tap, rest=rest))

    def _end(self, tap: Tap | None) -> None:
        if self._open is not None:
            self._pairs.append(replace(self._open, end=tap))
            self._open = None


def _overlaps(pair: Pair, others: Sequence[Pair]) -> bool:
    if pair.start is None or pair.end is None:
        return False
    return any(
        other.site != pair.site
        and other.start is not None
        and other.end is not None
        and pair.start.at_ms < other.end.at_ms
        and other.start.at_ms < pair.end.at_ms
        for other in others
    )


def _together(found: Iterable[Pair]) -> int:
    """How long periods last together, what they share counted once."""
    total, until = 0, 0
    spans = sorted((p.start.at_ms, p.end.at_ms) for p in found if p.start and p.end)
    for start, end in spans:
        total += max(0, end - max(start, until))
        until = max(until, end)
    return total
