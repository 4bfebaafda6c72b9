"""The time, in the unit of every `*_ms` column."""

import time


def now_ms() -> int:
    """Milliseconds since 1970 UTC, now."""
    return time.time_ns() // 1_000_000
