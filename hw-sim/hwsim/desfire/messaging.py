"""Secure messaging, the chip's side: none, that of EV1 with AES, and that of EV2.

Each checks what a command carries for its protection, and protects the answer.
"""

import hmac
from dataclasses import dataclass
from typing import Protocol

from hwsim.desfire import crypto, statuses
from hwsim.desfire.files import Mode
from hwsim.desfire.statuses import RefusalError

_MAC = 8
_CRC = 4
_OK = bytes([statuses.OK])


class Messaging(Protocol):
    """What holds from an authentication, or the lack of one, to the next."""

    key_number: int | None
    """The key that was authenticated with."""

    def taken(self, ins: int, data: bytes, header: int, mode: Mode) -> bytes:
        """Header and data of a command as they were meant; `header` octets are never enciphered.

        Raises RefusalError.
        """

    def length(self, data: int, mode: Mode) -> int:
        """Octets that `data` octets of command data have on the wire."""

    def given(self, data: bytes, mode: Mode, *, open_ended: bool = False) -> bytes:
        """The answer `data` as it is sent. `open_ended`: its length was not asked for."""


class Unprotected:
    """Before any authentication."""

    key_number: int | None = None

    def taken(self, _ins: int, data: bytes, _header: int, _mode: Mode) -> bytes:
        """`data`."""
        return data

    def length(self, data: int, _mode: Mode) -> int:
        """`data`."""
        return data

    def given(self, data: bytes, _mode: Mode, *, open_ended: bool = False) -> bytes:
        """`data`."""
        del open_ended
        return data


class Ev1Messaging:
    """After AuthenticateAES: each CMAC and cipher goes on from the last block of the one before."""

    def __init__(self, key_number: int, rnd_a: bytes, rnd_b: bytes) -> None:
        self.key_number: int | None = key_number
        self._key = rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:]
        self._vector = crypto.ZEROS

    def taken(self, ins: int, data: bytes, header: int, mode: Mode) -> bytes:
        """See Messaging."""
        command = bytes([ins])
        if len(data) == header or mode is Mode.PLAIN:
            self._mac(command + data)
            return data
        if mode is Mode.MACED:
            if not hmac.compare_digest(self._mac(command + data[:-_MAC]), data[-_MAC:]):
                raise RefusalError(statuses.INTEGRITY)
            return data[:-_MAC]
        enciphered = data[header:]
        if len(enciphered) % crypto.BLOCK:
            raise RefusalError(statuses.LENGTH)
        plain = crypto.cbc_decrypt(self._key, enciphered, self._vector)
        self._vector = enciphered[-crypto.BLOCK :]
        # The length stands in the header; what is behind data and CRC is zeros.
        length = int.from_bytes(data[header - 3 : header], "little")
        told, crc = plain[:length], plain[length : length + _CRC]
        if crc != crypto.crc32(command + data[:header] + told) or any(plain[length + _CRC :]):
            raise RefusalError(statuses.INTEGRITY)
        return data[:header] + told

    def length(self, data: int, mode: Mode) -> int:
        """See Messaging."""
        if mode is Mode.FULL:
            return -(-(data + _CRC) // crypto.BLOCK) * crypto.BLOCK
        return data + (_MAC if mode is Mode.MACED else 0)

    def given(self, data: bytes, mode: Mode, *, open_ended: bool = False) -> bytes:
        """See Messaging; in plain, too, it ends with a CMAC."""
        if mode is not Mode.FULL:
            return data + self._mac(data + _OK)
        checked = data + crypto.crc32(data + _OK)
        padded = crypto.method_2(checked) if open_ended else crypto.filled(checked)
        sent = crypto.cbc_encrypt(self._key, padded, self._vector)
        self._vector = sent[-crypto.BLOCK :]
        return sent

    def _mac(self, message: bytes) -> bytes:
        self._vector = crypto.cmac(self._key, message, self._vector)
        return self._vector[:_MAC]


@dataclass(frozen=True)
class Ev2Keys:
    """The session keys of EV2."""

    enc: bytes
    mac: bytes


def ev2_keys(key: bytes, rnd_a: bytes, rnd_b: bytes) -> Ev2Keys:
    """From both random numbers (AN12196, 6.6, steps 29 to 32)."""
    middle = crypto.xor(rnd_a[2:8], rnd_b[:6])
    context = b"\x00\x01\x00\x80" + rnd_a[:2] + middle + rnd_b[6:] + rnd_a[8:]
    return Ev2Keys(crypto.cmac(key, b"\xa5\x5a" + context), crypto.cmac(key, b"\x5a\xa5" + context))


def truncated(mac: bytes) -> bytes:
    """Every second octet of a CMAC (AN12196, 5.3)."""
    return mac[1::2]


class Ev2Messaging:
    """After AuthenticateEV2: a transaction identifier, and a counter of its commands."""

    def __init__(self, key_number: int, keys: Ev2Keys, ti: bytes, counter: int = 0) -> None:
        """`ti` has 4 octets."""
        self.key_number: int | None = key_number
        self.ti = ti
        self.counter = counter
        self._keys = keys

    def taken(self, ins: int, data: bytes, header: int, mode: Mode) -> bytes:
        """See Messaging."""
        if mode is not Mode.PLAIN:
            data, mac = data[:-_MAC], data[-_MAC:]
            if not hmac.compare_digest(self._mac(ins, data), mac):
                raise RefusalError(statuses.INTEGRITY)
            if mode is Mode.FULL and len(data) > header:
                data = data[:header] + self._deciphered(data[header:])
        self.counter += 1
        return data

    def length(self, data: int, mode: Mode) -> int:
        """See Messaging."""
        if mode is Mode.FULL and data:
            data = (data // crypto.BLOCK + 1) * crypto.BLOCK
        return data + (0 if mode is Mode.PLAIN else _MAC)

    def given(self, data: bytes, mode: Mode, *, open_ended: bool = False) -> bytes:
        """See Messaging; what is enciphered is always padded."""
        del open_ended
        if mode is Mode.PLAIN:
            return data
        if mode is Mode.FULL and data:
            vector = self._vector(b"\x5a\xa5")
            data = crypto.cbc_encrypt(self._keys.enc, crypto.method_2(data), vector)
        return data + self._mac(statuses.OK, data)

    def _deciphered(self, data: bytes) -> bytes:
        if len(data) % crypto.BLOCK:
            raise RefusalError(statuses.LENGTH)
        plain = crypto.cbc_decrypt(self._keys.enc, data, self._vector(b"\xa5\x5a"))
        told, mark, padding = plain.rpartition(b"\x80")
        if not mark or any(padding):
            raise RefusalError(statuses.INTEGRITY)
        return told

    def _vector(self, label: bytes) -> bytes:
        block = label + self.ti + self.counter.to_bytes(2, "little")
        return crypto.cbc_encrypt(self._keys.enc, crypto.filled(block))

    def _mac(self, code: int, data: bytes) -> bytes:
        message = bytes([code]) + self.counter.to_bytes(2, "little") + self.ti + data
        return truncated(crypto.cmac(self._keys.mac, message))
