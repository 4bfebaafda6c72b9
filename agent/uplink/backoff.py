"""How long to wait before connecting again: exponential, with full jitter.

Full jitter (a uniform draw from nothing up to the whole delay) keeps ten thousand terminals that
lost the same broker from coming back together. A connection that was not stable does not reset it.
"""

import random

STABLE_S = 60.0
"""A session at least this long was a stable one."""


class Backoff:
    """Draws the next delay, in seconds."""

    def __init__(self, first_s: float, limit_s: float, draw: random.Random | None = None) -> None:
        self._first_s, self._limit_s = first_s, limit_s
        self._draw = draw or random.SystemRandom()
        self._failures = 0

    def next(self, session_s: float) -> float:
        """The delay after a session that lasted `session_s`."""
        if session_s >= STABLE_S:
            self._failures = 0
        ceiling = min(self._limit_s, self._first_s * 2.0 ** min(self._failures, 30))
        self._failures += 1
        return self._draw.uniform(0, ceiling)
