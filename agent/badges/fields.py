"""What stands in a badge's file: which octets mean what, and in which encoding."""

from datetime import date
from typing import Annotated

from msgspec import Meta, Struct

# Patterns rather than Literal, of which msgspec's errors do not say what was expected.
Encoding = Annotated[str, Meta(pattern=r"^(bcd|ascii|binary|date)\Z")]
_DATE_LENGTHS = (4, 8)
"""Octets of a date YYYYMMDD: 4 in BCD, 8 in ASCII."""
_UNSET = (frozenset({0x00}), frozenset({0xFF}), frozenset({0x20}), frozenset({0x30}))
"""What fills a field that nobody wrote: zeros, ones, blanks, ASCII zeros."""


class FieldError(Exception):
    """Octets are not what their field should hold. The message never says what they are."""


class Field(Struct, forbid_unknown_fields=True, frozen=True):
    """`length` octets of a file, from `offset`.

    "bcd": two digits an octet. "ascii": printable, filled up with 00 or blanks at its end.
    "binary": told in upper-case hexadecimal. "date": YYYYMMDD, 4 octets of BCD or 8 of ASCII.
    """

    offset: Annotated[int, Meta(ge=0, le=0xFFFF)]
    length: Annotated[int, Meta(ge=1, le=64)]
    encoding: Encoding

    def __post_init__(self) -> None:
        if self.encoding == "date" and self.length not in _DATE_LENGTHS:
            raise ValueError(f"length = {self.length}: expected 4 (BCD) or 8 (ASCII) for a date")

    @property
    def end(self) -> int:
        """The offset right behind it."""
        return self.offset + self.length

    @property
    def characters(self) -> int:
        """Characters that it may give, at most."""
        return self.length if self.encoding == "ascii" else 2 * self.length

    def text(self, data: bytes) -> str:
        """The text of its octets; "" where nobody wrote any. Raises FieldError."""
        if self.encoding == "ascii":
            return _ascii(data)
        if self.encoding == "bcd":
            return _digits(data)
        return data.hex().upper() if any(data) else ""

    def day(self, data: bytes) -> date | None:
        """The date in its octets; None where nobody wrote one. Raises FieldError."""
        if frozenset(data) in _UNSET:
            return None
        digits = _digits(data) if len(data) == _DATE_LENGTHS[0] else _ascii(data)
        if not (digits.isdigit() and len(digits) == 8):
            raise FieldError("is no date YYYYMMDD")
        try:
            return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
        except ValueError:
            raise FieldError("is no day of the calendar") from None


def _digits(data: bytes) -> str:
    digits = data.hex()
    if not digits.isdigit():
        raise FieldError("is no BCD")
    return digits


def _ascii(data: bytes) -> str:
    try:
        text = data.rstrip(b"\0 ").decode("ascii")
    except UnicodeDecodeError:
        raise FieldError("is no ASCII") from None
    if not text.isprintable():
        raise FieldError("is not printable")
    return text
