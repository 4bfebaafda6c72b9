"""Wiegand card formats: the bits between a leading even and a trailing odd parity bit.

The formats are HID's open ones: H10301 (26 bits), H10306 (34 bits), H10304 (37 bits, facility code
and card number) and H10302 (37 bits, card number only).
"""

from dataclasses import dataclass
from typing import Literal

from agent.badges.refusals import NotAnIdentityError

Layout = Literal["26", "34", "37", "37-no-facility"]


@dataclass(frozen=True, slots=True)
class Format:
    """Where the numbers stand; each parity bit covers itself and the `covered` bits beside it."""

    profile: str
    facility_bits: int
    number_bits: int
    covered: int

    @property
    def length(self) -> int:
        """Bits of a frame, parity included."""
        return self.facility_bits + self.number_bits + 2


LAYOUTS: dict[str, Format] = {
    "26": Format("wiegand26", 8, 16, 12),
    "34": Format("wiegand34", 16, 16, 16),
    "37": Format("wiegand37", 16, 19, 18),
    "37-no-facility": Format("wiegand37", 0, 35, 18),
}


def decode(bits: str, layout: str) -> str:
    """Facility code and card number of a frame, as digits, each of the width its bits need.

    `bits` are the characters 0 and 1. Raises NotAnIdentityError: "length", "parity".
    """
    format_ = LAYOUTS[layout]
    if len(bits) != format_.length:
        raise NotAnIdentityError("length", f"{len(bits)} bits; a frame has {format_.length}")
    even = bits[: format_.covered + 1].count("1")
    odd = bits[-format_.covered - 1 :].count("1")
    if even % 2 or not odd % 2:
        raise NotAnIdentityError("parity", "a parity bit is wrong")
    data = bits[1:-1]
    return "".join(
        str(int(part, 2)).zfill(len(str(2 ** len(part) - 1)))
        for part in (data[: format_.facility_bits], data[format_.facility_bits :])
        if part
    )


def joined(facility: int, number: int, layout: str) -> str:
    """The digits `decode` gives for this facility code and card number.

    Raises NotAnIdentityError "length" when one has more bits than the format.
    """
    format_ = LAYOUTS[layout]
    parts = [(facility, format_.facility_bits), (number, format_.number_bits)]
    if any(value >> width for value, width in parts):
        raise NotAnIdentityError("length", f"more than a {layout}-bit card holds")
    return "".join(str(v).zfill(len(str(2**width - 1))) for v, width in parts if width)
