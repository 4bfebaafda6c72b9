"""From a badge, or the lack of one, to the event the gate gets."""

from collections.abc import Callable

from agent.badges.refusals import NotAnIdentityError
from agent.reads import BadgeRead, Unreadable
from protocol.badges import Badge


def presented(reader: str, direction: str, identify: Callable[[], Badge]) -> BadgeRead | Unreadable:
    """What `identify` makes of a presentation at `reader`: a read, or why it identifies nobody."""
    try:
        badge = identify()
    except NotAnIdentityError as refusal:
        return Unreadable(reader, refusal.reason)
    return BadgeRead(
        reader=reader,
        badge=badge.number,
        profile=badge.profile,
        assurance=badge.assurance,
        direction=direction,
        employer=badge.employer,
        worker=badge.worker,
        flags=badge.flags,
    )
