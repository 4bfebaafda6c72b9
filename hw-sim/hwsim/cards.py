"""Contactless cards, as a PC/SC reader shows them."""

import random
from typing import Protocol

from hwsim.errors import SimulatorError

_GET_UID = bytes.fromhex("FFCA0000")
"""GET DATA, UID (PC/SC part 3, 3.2.2.1.3), before its Le."""
_OK = b"\x90\x00"
_INS_NOT_SUPPORTED = b"\x6d\x00"

ATR_MIFARE_1K = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")
ATR_DESFIRE = bytes.fromhex("3B8180018080")


class Card(Protocol):
    """What lies on a reader: an answer to reset, and an answer to each command."""

    atr: bytes

    def power_on(self) -> None:
        """The field came up, or the card was reset."""

    def answer(self, apdu: bytes) -> bytes:
        """Response data and status word (ISO/IEC 7816-4) for a command."""


class UidCard:
    """A card that has a UID and nothing else."""

    def __init__(self, uid: bytes, atr: bytes = ATR_MIFARE_1K) -> None:
        """`uid` has 4, 7 or 10 octets on a real card; any length is let through here."""
        self.uid = uid
        self.atr = atr

    @classmethod
    def from_hex(cls, uid: str) -> "UidCard":
        """A card of a UID in hexadecimal. Raises SimulatorError."""
        try:
            return cls(bytes.fromhex(uid))
        except ValueError as error:
            raise SimulatorError(f"{uid!r} is not hexadecimal; a UID is") from error

    def power_on(self) -> None:
        """A fixed UID stays as it is."""

    def answer(self, apdu: bytes) -> bytes:
        """The UID to GET DATA, and "instruction not supported" to all else."""
        if apdu[:4] == _GET_UID:
            return self.uid + _OK
        return _INS_NOT_SUPPORTED


class RandomUidCard(UidCard):
    """A card with another 4-octet UID, beginning with 08, at every power-up."""

    def __init__(self, seed: int, atr: bytes = ATR_DESFIRE) -> None:
        """`seed` decides the UIDs."""
        super().__init__(b"", atr)
        self._random = random.Random(seed)
        self.power_on()

    def power_on(self) -> None:
        """Make up the next UID."""
        self.uid = b"\x08" + self._random.randbytes(3)
