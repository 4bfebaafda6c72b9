"""Chip serial numbers: ISO/IEC 14443-3 UIDs and EM4100 numbers."""

from agent.badges.refusals import NotAnIdentityError
from protocol.badges import Assurance, Badge

_LENGTHS = (4, 7, 10)
"""Octets of a single, double and triple size UID (ISO/IEC 14443-3, 6.5.4)."""
_RANDOM = 0x08
"""First octet of a 4-octet UID that is made anew at each presentation (ISO/IEC 14443-3, 6.5.4)."""


def uid_badge(uid: bytes) -> Badge:
    """The badge of a UID of 4, 7 or 10 octets.

    Raises NotAnIdentityError: "random-uid", "uid-length", "blank".
    """
    if len(uid) not in _LENGTHS:
        raise NotAnIdentityError("uid-length", f"{len(uid)} octets; a UID has 4, 7 or 10")
    if len(uid) == 4 and uid[0] == _RANDOM:
        raise NotAnIdentityError("random-uid", "the card makes up another UID every time")
    return _chip(uid, "uid")


def em4100_badge(number: bytes) -> Badge:
    """The badge of the 5 octets (version or customer code, then serial) of a 125 kHz tag.

    Raises NotAnIdentityError: "uid-length", "blank".
    """
    if len(number) != 5:
        raise NotAnIdentityError("uid-length", f"{len(number)} octets; an EM4100 number has 5")
    return _chip(number, "em4100")


def _chip(number: bytes, profile: str) -> Badge:
    # A field with no tag in it, or a blank chip, reads as all zeros or all ones, and the XOR
    # checksum of five zeros is right.
    if not any(number) or all(octet == 0xFF for octet in number):
        raise NotAnIdentityError("blank", "every bit is the same")
    return Badge(number.hex().upper(), profile, Assurance.UID)
