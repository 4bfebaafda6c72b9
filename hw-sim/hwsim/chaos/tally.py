"""What became of every tap, and whether the platform says the same.

Badge n, from 0 on, is held to a reader at most once: so a badge registered twice is a tap doubled.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum

from hwsim.examples import Examples


class Fate(IntEnum):
    """What was seen of a tap at the terminal."""

    UNTAPPED = 0
    WAITING = 1
    GREEN = 2
    """The terminal said "recorded": exactly one registration."""
    MAYBE = 3
    """The terminal died, or said something else, before it said "recorded": at most one."""


class Tally:
    """The fate of each badge. `allot` and `count` may be called from any thread."""

    def __init__(self, taps: int, rate: float = math.inf) -> None:
        """`rate`: badges given out in a second at most, from the first one on."""
        self.fates = bytearray(taps)
        self._next = 0
        self._rate, self._began = rate, math.nan
        self._lock = threading.Lock()

    def allot(self, most: int) -> range:
        """Badges never tapped before, `most` at most; none when all have been, or too soon."""
        with self._lock:
            now = time.monotonic()
            if math.isnan(self._began):
                self._began = now
            first = self._next
            upto = min(first + most, len(self.fates))
            if self._rate < math.inf:
                upto = min(upto, max(first, int((now - self._began) * self._rate)))
            self._next = upto
            return range(first, upto)

    @property
    def allotted(self) -> int:
        """How many badges were given out."""
        return self._next

    @property
    def exhausted(self) -> bool:
        """Whether every badge was given out."""
        return self._next == len(self.fates)

    def count(self, fate: Fate) -> int:
        """How many taps have that fate now."""
        return self.fates.count(fate)


class Queue:
    """The taps at one reader that have no answer yet; answers come in the order of taps."""

    def __init__(self, tally: Tally) -> None:
        self._fates = tally.fates
        self._waiting: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def tapped(self, badges: range) -> None:
        """These are about to be held to the reader."""
        self._waiting.extend(badges)
        for badge in badges:
            self._fates[badge] = Fate.WAITING

    def answered(self, answer: str) -> None:
        """The terminal answered the oldest; `answer` is the word of its log.

        One that is not green may have overtaken others of its group: then all that wait are in
        doubt.
        """
        if not answer.startswith("recorded"):  # "recorded-offline", "recorded-but ..."
            self._doubt()
        if self._waiting:
            badge = self._waiting.popleft()
            if self._fates[badge] == Fate.WAITING:
                self._fates[badge] = Fate.GREEN

    def abandoned(self) -> None:
        """The terminal died: no answer comes any more."""
        self._doubt()
        self._waiting.clear()

    def _doubt(self) -> None:
        for badge in self._waiting:
            self._fates[badge] = Fate.MAYBE


@dataclass
class Findings:
    """How many of each; `examples` names the first of what is wrong."""

    green: int = 0
    maybe: int = 0
    maybe_registered: int = 0
    lost: int = 0
    duplicates: int = 0
    invented: int = 0
    examples: Examples = field(default_factory=Examples)

    @property
    def good(self) -> bool:
        """Whether green taps are registered once, doubtful ones at most once, others never."""
        return not (self.lost or self.duplicates or self.invented)


def compare(fates: bytes | bytearray, registered: Iterable[int]) -> Findings:
    """Hold the badges of all registrations, in any order, against what the terminals said."""
    found = Findings()
    times = bytearray(len(fates))
    for badge in registered:
        if not 0 <= badge < len(fates) or fates[badge] == Fate.UNTAPPED:
            found.invented += 1
            found.examples.add(found.invented, f"badge {badge} is registered and was never tapped")
            continue
        if times[badge]:
            found.duplicates += 1
            found.examples.add(found.duplicates, f"badge {badge} is registered more than once")
        times[badge] = 1
    for badge, fate in enumerate(fates):
        if fate == Fate.GREEN:
            found.green += 1
            if not times[badge]:
                found.lost += 1
                found.examples.add(found.lost, f"badge {badge} was green and is not registered")
        elif fate != Fate.UNTAPPED:
            found.maybe += 1
            found.maybe_registered += times[badge]
    return found
