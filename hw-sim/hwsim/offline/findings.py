"""What was tapped and when in truth, against what the platform says of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hwsim.examples import Examples
from hwsim.offline.clock import WANDERS_PPM

_UNBOUNDED_MS = 1000


@dataclass(frozen=True, slots=True)
class Tapped:
    """Badges `first` to `first + count - 1`, each shown once, between two true times."""

    first: int
    count: int
    from_ms: int
    to_ms: int
    unheard_ms: int
    """How long ago the terminal had last heard of the true time."""


@dataclass(frozen=True, slots=True)
class Registered:
    """A registration: of which badge, when, within what bounds, and how far it is believed."""

    badge: int
    tapped_ms: int
    earliest_ms: int | None
    latest_ms: int | None
    corrected: bool
    unsure: bool


@dataclass
class Findings:
    """How many of each; `examples` names the first of what is wrong."""

    taps: int = 0
    lost: int = 0
    duplicates: int = 0
    invented: int = 0
    misdated: int = 0
    corrected: int = 0
    unsure: int = 0
    unbounded: int = 0
    widest_s: float = 0.0
    """The widest bound of a registration that has one, from its time to its end."""
    examples: Examples = field(default_factory=Examples)

    @property
    def good(self) -> bool:
        """Whether every tap is registered once, and no time is wrong beyond its bound."""
        return not (self.lost or self.duplicates or self.invented or self.misdated)


def compare(tapped: Sequence[Tapped], registered: Iterable[Registered]) -> Findings:
    """Hold every registration against its tap; badges are presented once and start at 0.

    A registration the platform itself marks as unsure is counted, and not judged. One with neither
    mark nor bounds says its time as it is: it may be wrong by what a clock nobody touched may have
    wandered since it was last set, and a second.
    """
    found = Findings(taps=sum(each.count for each in tapped))
    when: list[Tapped | None] = [None] * (max((t.first + t.count for t in tapped), default=0))
    for each in tapped:
        when[each.first : each.first + each.count] = [each] * each.count
    seen = bytearray(len(when))
    for registration in registered:
        badge = registration.badge
        truth = when[badge] if 0 <= badge < len(when) else None
        if truth is None:
            found.invented += 1
            found.examples.add(found.invented, f"badge {badge:X} was never tapped")
            continue
        if seen[badge]:
            found.duplicates += 1
            found.examples.add(found.duplicates, f"badge {badge:X} is registered twice")
        seen[badge] = 1
        _judge(found, registration, truth)
    for tap in tapped:
        for badge in range(tap.first, tap.first + tap.count):
            if not seen[badge]:
                found.lost += 1
                found.examples.add(
                    found.lost, f"badge {badge:X}, tapped at {tap.from_ms}, is missing"
                )
    return found


def _judge(found: Findings, registration: Registered, truth: Tapped) -> None:
    found.corrected += registration.corrected
    if registration.unsure:
        found.unsure += 1
        return
    told_ms = registration.tapped_ms
    earliest_ms, latest_ms = registration.earliest_ms, registration.latest_ms
    if earliest_ms is None or latest_ms is None:
        found.unbounded += 1
        may_ms = _UNBOUNDED_MS + truth.unheard_ms * WANDERS_PPM // 1_000_000
        earliest_ms, latest_ms = told_ms - may_ms, told_ms + may_ms
    else:
        found.widest_s = max(found.widest_s, (latest_ms - told_ms) / 1000)
    if latest_ms < truth.from_ms or earliest_ms > truth.to_ms:
        found.misdated += 1
        wrong_s = (told_ms - truth.from_ms) / 1000
        may_s = (latest_ms - told_ms) / 1000
        kind = "corrected" if registration.corrected else "not corrected"
        what = f"badge {registration.badge:X}, {kind}, is {wrong_s:+,.1f} s off, bound {may_s:,.1f}"
        found.examples.add(found.misdated, f"{what} s")
