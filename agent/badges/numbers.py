"""Numbers of chips and cards that readers tell as octets or bits: ISO 15693, HID Prox, Wiegand."""

from agent.badges.refusals import NotAnIdentityError
from agent.badges.uid import em4100_badge, uid_badge
from agent.badges.wiegand import LAYOUTS, decode
from protocol.badges import Assurance, Badge

_ISO15693_LENGTH = 8
_ISO15693_FIRST = 0xE0
"""Most significant octet of every UID (ISO/IEC 15693-3, 4.1)."""
_LONGEST = 16


def iso15693_badge(uid: bytes) -> Badge:
    """The badge of a vicinity card's 8-octet UID, most significant octet first.

    A UID that does not begin with E0 is refused: a reader that sends it the other way round would
    give the same card another number at every kind of entrance. Raises NotAnIdentityError:
    "uid-length", "uid-order", "blank".
    """
    if len(uid) != _ISO15693_LENGTH:
        raise NotAnIdentityError("uid-length", f"{len(uid)} octets; an ISO 15693 UID has 8")
    number = chip_badge(uid, "iso15693")
    if uid[0] != _ISO15693_FIRST:
        raise NotAnIdentityError("uid-order", "an ISO 15693 UID begins with E0; see `reversed`")
    return number


def chip_badge(number: bytes, profile: str) -> Badge:
    """The badge of a chip's serial number of 1 to 16 octets, read without proof.

    Raises NotAnIdentityError: "uid-length", "blank".
    """
    if not 0 < len(number) <= _LONGEST:
        raise NotAnIdentityError("uid-length", f"{len(number)} octets; 1 to {_LONGEST} are known")
    if not any(number) or all(octet == 0xFF for octet in number):
        raise NotAnIdentityError("blank", "every bit is the same")
    return Badge(number.hex().upper(), profile, Assurance.UID)


def wiegand_badge(bits: str, layout: str) -> Badge:
    """The badge of a Wiegand frame: facility code and card number as digits of fixed width.

    `bits` are the characters 0 and 1, first bit sent first; `layout` is a key of LAYOUTS. Raises
    NotAnIdentityError: "length", "parity", "blank".
    """
    number = decode(bits, layout)
    if not number.strip("0"):
        raise NotAnIdentityError("blank", "every digit is 0")
    return Badge(number, LAYOUTS[layout].profile, Assurance.UID)


def badge_of_bits(bits: str, layout: str) -> Badge:
    """The badge of bits of any length: the Wiegand `layout` where the length is its own, else by
    the length, the serial number of a chip: 32, 56 and 80 bits a UID, 40 an EM4100 number, 64 an
    ISO 15693 UID.

    Raises NotAnIdentityError; "length" where no chip has numbers of that length.
    """
    if len(bits) == LAYOUTS[layout].length:
        return wiegand_badge(bits, layout)
    if len(bits) % 8 or not bits:
        raise NotAnIdentityError("length", f"{len(bits)} bits are no number known here")
    number = int(bits, 2).to_bytes(len(bits) // 8, "big")
    if len(number) == 5:
        return em4100_badge(number)
    if len(number) == _ISO15693_LENGTH:
        return iso15693_badge(number)
    return uid_badge(number)
