"""When a tap was: the terminal's clock, its bound, and what a later clock record corrects."""

import msgspec

from protocol.bodies import Body, Sync


class When(msgspec.Struct, frozen=True):
    """A moment in milliseconds since 1970 UTC, between what bounds, and how far to believe it."""

    tapped_ms: int
    earliest_ms: int | None
    latest_ms: int | None
    corrected: bool = False
    unsure: bool = False


def as_told(body: Body) -> When:
    """The moment a body names."""
    time = body.time
    bound = time.bound_ms
    return When(
        time.wall_ms,
        None if bound is None else time.wall_ms - bound,
        None if bound is None else time.wall_ms + bound,
        unsure=time.sync is Sync.UNSET,
    )


def corrected(body: Body, clock: Body) -> When | None:
    """The moment of `body`, by a later clock record of the same boot; None when it says nothing.

    The clock record names the true time at its own place since boot, and the tap was so much
    earlier by the clock that nobody sets.
    """
    if body.time.sync is not Sync.UNSET or body.time.boot != clock.time.boot:
        return None
    if clock.time.sync is Sync.UNSET:
        return None
    true_ms = clock.time.wall_ms - (clock.time.boottime_ms - body.time.boottime_ms)
    bound = clock.time.bound_ms
    return When(
        true_ms,
        None if bound is None else true_ms - bound,
        None if bound is None else true_ms + bound,
        corrected=True,
    )
