"""AES authentication and secure messaging of DESFire EV1.

Every CMAC and every cipher continues from the last block of the one before, commands included, so
an answer from an earlier time never verifies.
"""

import hmac

from agent.badges.desfire import crypto, handshake
from agent.badges.desfire.channels import Mode
from agent.badges.desfire.errors import UnauthenticError
from agent.badges.sessions import CardSession

AUTHENTICATE_AES = 0xAA
_MAC = 8
_CRC = 4
_STATUS_OK = b"\x00"


class Ev1Channel:
    """Secure messaging of EV1: a chained CMAC, or AES-CBC over data and CRC."""

    def __init__(self, session_key: bytes) -> None:
        self._key = session_key
        self._iv = crypto.ZEROS

    def request(self, ins: int, header: bytes, _mode: Mode, /) -> bytes:
        """`header` as it is: its CMAC is not sent, but the chain goes through it."""
        self._mac(bytes([ins]) + header)
        return header

    def answer_length(self, length: int, mode: Mode) -> int:
        """Octets on the wire of an answer that carries `length`."""
        return crypto.padded_length(length + _CRC) if mode is Mode.FULL else length + _MAC

    def answer(self, data: bytes, length: int, mode: Mode) -> bytes:
        """The data; plain answers carry a CMAC too. Raises UnauthenticError."""
        return self._decrypted(data, length) if mode is Mode.FULL else self._checked(data, length)

    def covers(self, _mode: Mode, /) -> bool:
        """Every answer is proved."""
        return True

    def _mac(self, message: bytes) -> bytes:
        self._iv = crypto.chained_cmac(self._key, message, self._iv)
        return self._iv[:_MAC]

    def _checked(self, data: bytes, length: int) -> bytes:
        expected = self._mac(data[:length] + _STATUS_OK)
        if not hmac.compare_digest(expected, data[length:]):
            raise UnauthenticError("wrong-mac", "the CMAC of an answer is not the card's")
        return data[:length]

    def _decrypted(self, data: bytes, length: int) -> bytes:
        plain = crypto.decrypt(self._key, data, self._iv)
        self._iv = data[-crypto.BLOCK :]
        # The length is known, so nothing is searched for in what may end with zeros itself.
        crc = crypto.crc32(plain[:length] + _STATUS_OK)
        expected = crc.ljust(len(plain) - length, b"\0")
        if not hmac.compare_digest(expected, plain[length:]):
            raise UnauthenticError("wrong-crc", "the CRC in an encrypted answer is not right")
        return plain[:length]


def authenticate(session: CardSession, number: int, key: bytes, rnd_a: bytes) -> Ev1Channel:
    """Prove to each other that both know `key`, the application's key `number`.

    `rnd_a` is 16 octets of chance. Raises CardError, RefusedError, MalformedError,
    UnauthenticError.
    """
    challenge = handshake.challenge(session, AUTHENTICATE_AES, bytes([number]))
    rnd_b = crypto.decrypt(key, challenge)
    token = crypto.encrypt(key, rnd_a + crypto.rotated(rnd_b), challenge)
    proof = handshake.proof(session, token, crypto.BLOCK)
    handshake.check(crypto.decrypt(key, proof, token[-crypto.BLOCK :]), rnd_a)
    return Ev1Channel(rnd_a[:4] + rnd_b[:4] + rnd_a[12:] + rnd_b[12:])
