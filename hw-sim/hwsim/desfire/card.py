"""A DESFire card as a reader meets it: native frames, wrapped frames, and ISO/IEC 7816-4."""

import secrets
from collections.abc import Callable, Iterable

from hwsim.cards import ATR_DESFIRE
from hwsim.desfire.applications import Application
from hwsim.desfire.chip import PICC, Chip
from hwsim.desfire.iso import IsoCommands

MASTER_NAME = bytes.fromhex("D2760000850100")
"""The DF name of the card itself."""
_GET_UID = bytes.fromhex("FFCA0000")
"""GET DATA, UID (PC/SC part 3, 3.2.2.1.3), before its Le: the reader answers it, not the card."""
_WRAPPED, _ISO = 0x90, 0x00
_NATIVE_IN_ISO = 0x91
_WRONG_LENGTH = b"\x67\x00"
_NO_SUCH_CLASS = b"\x6e\x00"


class DesfireCard:
    """A card with 7-octet `uid`, or one that shows another, random one each time it is powered.

    It answers whatever framing it is spoken to in. `generation` is "EV1", "EV2" or "EV3".
    """

    atr = ATR_DESFIRE
    ats = bytes.fromhex("067577810280")
    """Answer to select (ISO/IEC 14443-4, 5.2): frames of 64 octets, up to 848 kbit/s."""

    def __init__(
        self,
        uid: bytes,
        applications: Iterable[Application] = (),
        *,
        master_key: bytes = bytes(16),
        generation: str = "EV2",
        random_uid: bool = False,
        chance: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        """`master_key` is key 0 of the card itself. `chance` gives so many random octets.

        Raises SimulatorError.
        """
        itself = Application(PICC, (master_key,), df_name=MASTER_NAME)
        self.chip = Chip(uid, (itself, *applications), chance, generation)
        self.uid = uid
        """The UID it shows: its own, or the random one of this power-up."""
        self._iso = IsoCommands(self.chip)
        self._chance = chance
        self._random = random_uid
        if random_uid:
            self.chip.hide_uid()
        self.power_on()

    def power_on(self) -> None:
        """The field came up: nothing is selected, nobody authenticated."""
        if self._random:
            self.uid = b"\x08" + self._chance(3)
        self.chip.start()
        self._iso.start()

    def answer(self, apdu: bytes) -> bytes:
        """The answer to an APDU, with what a PC/SC reader itself would answer."""
        if apdu[:4] == _GET_UID:
            return self.uid + b"\x90\x00"
        return self.exchange(apdu)

    def exchange(self, block: bytes) -> bytes:
        """The answer to what a reader sent: a wrapped or native command, or an APDU."""
        if not block:
            return _WRONG_LENGTH
        if block[0] == _WRAPPED and len(block) >= 5:
            return self._wrapped(block)
        if block[0] == _ISO and len(block) >= 4:
            return self._iso.answer(block)
        if block[0] == 0xFF:
            return _NO_SUCH_CLASS
        status, data = self.chip.command(block[0], block[1:])
        return bytes([status]) + data

    def _wrapped(self, apdu: bytes) -> bytes:
        """90 INS 00 00 [Lc data] 00, answered data 91 status."""
        if apdu[2:4] != b"\x00\x00":
            return b"\x91\x9e"
        data = apdu[5:-1] if len(apdu) > 5 else b""
        if len(apdu) > 5 and apdu[4] != len(data):
            return _WRONG_LENGTH
        status, answer = self.chip.command(apdu[1], data)
        return answer + bytes([_NATIVE_IN_ISO, status])
