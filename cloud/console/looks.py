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


class Looks:
    """Sessions and companies, each with the moment of its last line."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._noted: OrderedDict[tuple[int, int | None], float] = OrderedDict()

    def is_due(self, session: int, company: int | None) -> bool:
        """Whether a look is to be noted; then it counts as noted. None: the whole platform."""
        key, now = (session, company), self._clock()
        with self._lock:
            noted = self._noted.get(key)
            if noted is not None and now < noted + EVERY_S:
                return False
            self._noted[key] = now
            self._noted.move_to_end(key)
            if len(self._noted) > _KEPT:
                self._noted.popitem(last=False)
        return True
