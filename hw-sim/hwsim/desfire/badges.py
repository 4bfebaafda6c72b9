"""Simulated badges: the made-up layouts `construbadge-sim` and `metalbadge-sim`.

Nobody but approved integrators knows what stands on a real one. An AES application with a master
key and a read key, which is diversified from the UID (AN10922, 2.2.1) with the layout's name as
system identifier, holds one enciphered file of 64 octets:

     0   8  card number, BCD              19  4  valid from, BCD YYYYMMDD
     8   5  employer's number, BCD        23  4  valid to, BCD YYYYMMDD
    13   6  worker number, BCD            27 32  name, ASCII, filled up with zeros
"""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from hwsim.desfire.applications import Application
from hwsim.desfire.card import DesfireCard
from hwsim.desfire.crypto import diversified
from hwsim.desfire.files import AccessRights, DataFile, Mode
from hwsim.errors import SimulatorError

FILE = 1
"""The number of the file."""
_LENGTH = 64
_READ_KEY = 1
_MASTER_KEY = bytes(16)


@dataclass(frozen=True)
class Layout:
    """A simulated layout, with its keys, which are as public as this line."""

    name: str
    aid: bytes
    """As sent: last octet first."""
    read_key: bytes

    def card_key(self, uid: bytes, read_key: bytes | None = None) -> bytes:
        """The read key of the card of `uid`."""
        return diversified(read_key or self.read_key, uid, self.aid, self.name.encode())


CONSTRUBADGE = Layout(
    "construbadge-sim",
    bytes.fromhex("F5C501")[::-1],
    bytes.fromhex("00112233445566778899AABBCCDDEEFF"),
)
METALBADGE = Layout(
    "metalbadge-sim",
    bytes.fromhex("F5A601")[::-1],
    bytes.fromhex("FFEEDDCCBBAA99887766554433221100"),
)


@dataclass(frozen=True)
class Holder:
    """What stands on a badge; numbers are digits, up to 16, 10 and 12 of them."""

    number: str
    employer: str
    worker: str
    valid_from: date
    valid_to: date
    name: str = ""

    def content(self) -> bytes:
        """The 64 octets of the file. Raises SimulatorError."""
        try:
            name = self.name.encode("ascii")
        except UnicodeEncodeError as error:
            raise SimulatorError(f"name {self.name!r} is not ASCII; one on a badge is") from error
        if len(name) > 32:
            raise SimulatorError(f"name {self.name!r} has more than 32 characters")
        return (
            _bcd("number", self.number, 8)
            + _bcd("employer", self.employer, 5)
            + _bcd("worker", self.worker, 6)
            + bytes.fromhex(f"{self.valid_from:%Y%m%d}{self.valid_to:%Y%m%d}")
            + name
        ).ljust(_LENGTH, b"\x00")


def badge(
    layout: Layout,
    holder: Holder,
    uid: bytes,
    *,
    read_key: bytes | None = None,
    generation: str = "EV2",
    random_uid: bool = False,
    chance: Callable[[int], bytes] = secrets.token_bytes,
) -> DesfireCard:
    """A badge of `layout`; with another `read_key` than the layout's it is a forged one.

    Raises SimulatorError.
    """
    file = DataFile(bytearray(holder.content()), AccessRights(read=_READ_KEY), Mode.FULL)
    keys = (_MASTER_KEY, layout.card_key(uid, read_key))
    return DesfireCard(
        uid,
        [Application(layout.aid, keys, {FILE: file})],
        generation=generation,
        random_uid=random_uid,
        chance=chance,
    )


def _bcd(what: str, digits: str, octets: int) -> bytes:
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 2 * octets):
        raise SimulatorError(f"{what} {digits!r} is not 1 to {2 * octets} digits")
    return bytes.fromhex(digits.zfill(2 * octets))
