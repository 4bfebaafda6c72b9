"""A DESFire card in the field: what a terminal asks of it."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from agent.badges.desfire import crypto, ev1, ev2, frames
from agent.badges.desfire.channels import Channel, Mode
from agent.badges.desfire.errors import MalformedError, RefusedError
from agent.badges.sessions import CardSession

PICC = bytes(3)
"""The card itself, as an application."""
_SELECT_APPLICATION = 0x5A
_GET_VERSION = 0x60
_GET_CARD_UID = 0x51
_READ_DATA = 0xBD
_SELECT_BY_NAME = bytes.fromhex("00A40400")
_SELECT_FILE = bytes.fromhex("00A4020C02")
_READ_BINARY = 0xB0
_DONE = 0x9000
_END_OF_FILE = 0x6282
_CHUNK = 0xF0
_LAST_OFFSET = 0x7FFF
"""READ BINARY has 15 bits for an offset (ISO/IEC 7816-4, 11.3.3)."""
_UID = 7
_VERSION = (7, 7, 14)
"""Octets of the three parts of GetVersion: hardware, software, production."""
_GENERATIONS = {0x01: "EV1", 0x12: "EV2", 0x22: "EV2", 0x33: "EV3"}


@dataclass(frozen=True)
class Version:
    """What GetVersion tells of a chip."""

    vendor: int
    """4 is NXP (ISO/IEC 7816-6)."""
    major: int
    """The hardware's major version, by which the generations are told apart."""
    uid: bytes
    """7 octets; zeros on a card whose UID is random."""

    @property
    def generation(self) -> str:
        """Which one it is: "EV1", "EV2", "EV3", or "unknown"."""
        return _GENERATIONS.get(self.major, "unknown")


class Card:
    """Speaks to one card. Every method raises CardError, and what else it names.

    After an error of a method the card has to be selected anew.
    """

    def __init__(
        self, session: CardSession, chance: Callable[[int], bytes] = secrets.token_bytes
    ) -> None:
        """`chance` gives so many random octets."""
        self._session = session
        self._chance = chance
        self._channel: Channel | None = None

    def version(self) -> Version:
        """GetVersion, before any authentication. Raises RefusedError, MalformedError."""
        data = frames.command(self._session, _GET_VERSION, b"", sum(_VERSION))
        if len(data) != sum(_VERSION):
            raise MalformedError(f"a version of {len(data)} octets; it has {sum(_VERSION)}")
        return Version(data[0], data[3], data[_VERSION[0] + _VERSION[1] :][:_UID])

    def select(self, aid: bytes) -> bool | None:
        """SelectApplication by its 3 octets as sent; None if this is no DESFire card at all.

        False when the card has no such application. Raises RefusedError, MalformedError.
        """
        self._channel = None
        data, status = frames.exchange(self._session, _SELECT_APPLICATION, aid)
        if not frames.is_native(status):
            return None
        if data:
            raise MalformedError(f"{len(data)} octets with the answer to a selection")
        if status not in (frames.OK, frames.NOT_FOUND):
            raise RefusedError(_SELECT_APPLICATION, status)
        return status == frames.OK

    def select_by_name(self, name: bytes) -> bool:
        """SELECT by DF name (ISO/IEC 7816-4, 11.2.2); whether there is one of that name.

        Raises MalformedError.
        """
        self._channel = None
        apdu = _SELECT_BY_NAME + bytes([len(name)]) + name + b"\x00"
        _, status = frames.speak(self._session, apdu)
        # What a card tells of its file is of no use here; there are as many refusals as cards.
        return status == _DONE

    def authenticate_ev1(self, number: int, key: bytes) -> None:
        """AES authentication of EV1. Raises DesfireError."""
        self._channel = None
        self._channel = ev1.authenticate(self._session, number, key, self._random())

    def authenticate_ev2(self, number: int, key: bytes) -> None:
        """AES authentication of EV2: the first of a transaction or, after one, the next.

        Raises DesfireError.
        """
        before, self._channel = self._channel, None
        rnd_a = self._random()
        if isinstance(before, ev2.Ev2Channel):
            self._channel = ev2.authenticate_non_first(self._session, number, key, rnd_a, before)
        else:
            self._channel = ev2.authenticate_first(self._session, number, key, rnd_a)

    def uid(self) -> bytes:
        """GetCardUID: the 7 octets of the true UID, which only an authenticated card tells.

        Raises DesfireError.
        """
        if self._channel is None:
            raise RefusedError(_GET_CARD_UID, 0x9100 | 0xAE)
        return self._ask(_GET_CARD_UID, b"", _UID, Mode.FULL)

    def read(self, file: int, offset: int, length: int, mode: Mode) -> bytes:
        """ReadData: `length` octets of a standard or backup file. Raises DesfireError."""
        header = bytes([file]) + offset.to_bytes(3, "little") + length.to_bytes(3, "little")
        return self._ask(_READ_DATA, header, length, mode)

    def read_binary(self, file_id: bytes, offset: int, length: int) -> bytes:
        """READ BINARY of the elementary file of this identifier: `length` octets, unprotected.

        Raises RefusedError, MalformedError.
        """
        self._channel = None
        _, status = frames.speak(self._session, _SELECT_FILE + file_id)
        if status != _DONE:
            raise RefusedError(_SELECT_FILE[1], status)
        data = b""
        while len(data) < length:
            wanted = min(length - len(data), _CHUNK)
            place = (offset + len(data)) & _LAST_OFFSET
            apdu = bytes([0x00, _READ_BINARY, place >> 8, place & 0xFF, wanted])
            part, status = frames.speak(self._session, apdu)
            if status not in (_DONE, _END_OF_FILE):
                raise RefusedError(_READ_BINARY, status)
            if not 1 <= len(part) <= wanted:
                raise MalformedError(f"READ BINARY: {len(part)} octets; 1 to {wanted} were due")
            data += part
        return data

    def proves(self, mode: Mode) -> bool:
        """Whether what is read in `mode` now is proved to come from a card that knows a key."""
        return self._channel is not None and self._channel.covers(mode)

    def _ask(self, ins: int, header: bytes, length: int, mode: Mode) -> bytes:
        channel, self._channel = self._channel, None
        wire = length if channel is None else channel.answer_length(length, mode)
        request = header if channel is None else channel.request(ins, header, mode)
        data = frames.command(self._session, ins, request, wire)
        if len(data) != wire:
            raise MalformedError(f"command {ins:02X}: {len(data)} octets; {wire} were due")
        plain = data if channel is None else channel.answer(data, length, mode)
        self._channel = channel
        return plain

    def _random(self) -> bytes:
        return self._chance(crypto.BLOCK)
