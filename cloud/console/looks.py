"""Which looks at what moves were noted lately: a page that is left open asks every few seconds.

A session that follows a company's registrations has one line of the trail an hour, for as long as
it is shown something. Kept in memory: another process of the server notes for itself.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable

EVERY_S = 3600.0
_KEPT = 10_000
Key = tuple[int, int, int | None]
"""Session, its account, and the company; None: the whole platform. SQLite gives the number of a
session that ended to the next one, which may be somebody else's."""


class Looks:
    """Sessions and what they follow, each with the moment of its last line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: OrderedDict[Key, float] = OrderedDict()

    def is_due(self, key: Key) -> bool:
        """Whether a look is to be noted."""
        with self._lock:
            noted = self._noted.get(key)
        return noted is None or self._clock() >= noted + EVERY_S

    def noted(self, key: Key) -> None:
        """Say that the line of a look is written."""
        with self._lock:
            self._noted[key] = self._clock()
            self._noted.move_to_end(key)
            if len(self._noted) > _KEPT:
                self._noted.popitem(last=False)
