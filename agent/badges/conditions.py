"""What this terminal measures every badge against, whichever reader it was held to.

A badge that falls short is recorded as any other: a tap is never refused for want of knowledge. It
gets a flag, which is sealed with it, and the worker is told.
"""

from msgspec.structs import replace

from agent.reads import BadgeRead
from protocol.badges import Assurance, Flag
from protocol.roster import Roster


class Conditions:
    """Used by one thread, the gate's; replaced as a whole when the configuration changes."""

    def __init__(self, least: Assurance | None = None, blocked: Roster | None = None) -> None:
        """`least`: the least assurance that is not remarked on; `blocked`: the roster."""
        self._least, self._blocked = least, blocked

    def apply(self, read: BadgeRead) -> BadgeRead:
        """`read`, with the flags that this terminal adds."""
        found = Flag(0)
        if self._blocked is not None and (read.profile, read.badge) in self._blocked:
            found |= Flag.BLOCKED
        if self._least is not None and read.assurance < self._least:
            found |= Flag.LOW_ASSURANCE
        return replace(read, flags=read.flags | found) if found else read
