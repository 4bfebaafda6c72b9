"""When a tap was: the terminal's clock, its bound, and what a later clock record corrects."""

import msgspec

from protocol.bodies import Body, Kind, Sync, Time


class When(msgspec.Struct, frozen=True):
    """A moment in milliseconds since 1970 UTC, between what bounds, and how far to believe it."""

    tapped_ms: int
    earliest_ms: int | None
    latest_ms: int | None
    corrected: bool = False
    unsure: bool = False


_EARLIEST, _LATEST = -(2**63), 2**63 - 1
"""What a database holds. A clock may say anything; a sum of two of its numbers may be too much."""
_DRIFT_PPM = 500
"""What the Linux kernel itself assumes: its maxerror grows by MAXFREQ (include/linux/timex.h)."""


def as_told(body: Body) -> When:
    """The moment a body names."""
    return _around(body.time.wall_ms, body.time.bound_ms, unsure=body.time.sync is Sync.UNSET)


def is_set(clock: Body) -> bool:
    """Whether a record says that the wall clock is now good: it may correct taps before it."""
    return clock.kind == Kind.CLOCK and clock.time.sync is not Sync.UNSET


def is_synchronised(clock: Body) -> bool:
    """Whether a record says that the kernel holds the wall clock right, and how far."""
    return clock.kind == Kind.CLOCK and clock.time.sync is Sync.SYNCHRONISED


def corrected(told: Time, clock: Time) -> When | None:
    """The moment of what was `told`, by a clock record of the same boot; None: it says nothing.

    A synchronised record speaks of all that was told while the kernel did not hold the clock; one
    that is only set speaks of what was told while the clock was not. The record names the true
    time at its own place since boot, and the tap was so much earlier by the clock that nobody
    sets. The bound grows with that distance; a clock record without one gives none.
    """
    if told.boot != clock.boot or told.sync >= clock.sync:
        return None
    distance_ms = clock.boottime_ms - told.boottime_ms
    bound_ms = clock.bound_ms
    if bound_ms is not None:
        bound_ms += -(-abs(distance_ms) * _DRIFT_PPM // 1_000_000)
    return _around(clock.wall_ms - distance_ms, bound_ms, corrected=True)


def _around(
    moment_ms: int, bound_ms: int | None, *, corrected: bool = False, unsure: bool = False
) -> When:
    return When(
        _held(moment_ms),
        None if bound_ms is None else _held(moment_ms - bound_ms),
        None if bound_ms is None else _held(moment_ms + bound_ms),
        corrected,
        unsure,
    )


def _held(moment_ms: int) -> int:
    return min(max(moment_ms, _EARLIEST), _LATEST)
