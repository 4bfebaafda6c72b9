"""What was wrong with a badge when it was held to a terminal, in words.

It is said of the tap, by the terminal, and stays; why a registration is not wholly attributed is
another question (`cloud.registrations.reasons`).
"""

from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from protocol.badges import Flag

_WORDS = {
    Flag.BLOCKED: mark("blocked"),
    Flag.UNAUTHENTIC: mark("not authenticated"),
    Flag.EXPIRED: mark("badge expired"),
    Flag.NOT_YET_VALID: mark("badge not valid yet"),
    Flag.OTHER_PROFILE: mark("badge of another profile"),
    Flag.LOW_ASSURANCE: mark("below the least assurance"),
}


def remarks(flags: int) -> list[str]:
    """The words for a record's flags, weightiest first; of a flag that is unknown, its number."""
    known = [_(words) for flag, words in _WORDS.items() if flags & flag]
    others = flags & ~int(Flag(sum(_WORDS)))
    return known + [
        _("flag %(bit)s") % {"bit": 1 << bit}
        for bit in range(others.bit_length())
        if others >> bit & 1
    ]
