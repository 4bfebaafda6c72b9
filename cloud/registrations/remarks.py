"""What was wrong with a badge when it was held to a terminal, in words.

It is said of the tap, by the terminal, and stays; why a registration is not wholly attributed is
another question (`cloud.registrations.reasons`).
"""

from protocol.badges import Flag

_WORDS = {
    Flag.BLOCKED: "blocked",
    Flag.UNAUTHENTIC: "not authenticated",
    Flag.EXPIRED: "badge expired",
    Flag.NOT_YET_VALID: "badge not valid yet",
    Flag.OTHER_PROFILE: "badge of another profile",
    Flag.LOW_ASSURANCE: "below the least assurance",
}


def remarks(flags: int) -> list[str]:
    """The words for a record's flags, weightiest first; of a flag that is unknown, its number."""
    known = [words for flag, words in _WORDS.items() if flags & flag]
    others = flags & ~int(Flag(sum(_WORDS)))
    return known + [f"flag {1 << bit}" for bit in range(others.bit_length()) if others >> bit & 1]
