"""Authentication and secure messaging of DESFire EV2 and EV3 (AN12196, 4 to 7).

Every answer is tied to its command by a transaction identifier of the card's, and a counter.
"""

import hmac

from agent.badges.desfire import crypto, handshake
from agent.badges.desfire.channels import Mode
from agent.badges.desfire.errors import UnauthenticError
from agent.badges.sessions import CardSession

FIRST = 0x71
NON_FIRST = 0x77
_MAC = 8
_TI = 4
_CAPABILITIES = 12
"""PDcap2 and PCDcap2, 6 octets each."""
_STATUS_OK = b"\x00"


class Ev2Channel:
    """Secure messaging of EV2: an 8-octet MAC over everything, and AES-CBC where a file asks it."""

    def __init__(self, enc_key: bytes, mac_key: bytes, ti: bytes, counter: int = 0) -> None:
        self._enc, self._mac_key = enc_key, mac_key
        self.ti = ti
        self.counter = counter

    def request(self, ins: int, header: bytes, mode: Mode) -> bytes:
        """`header`, with its MAC unless the mode is plain."""
        mac = b"" if mode is Mode.PLAIN else self._mac(ins, header)
        self.counter += 1
        return header + mac

    def answer_length(self, length: int, mode: Mode) -> int:
        """Octets on the wire of an answer that carries `length`."""
        if mode is Mode.PLAIN:
            return length
        return (crypto.padded_length(length + 1) if mode is Mode.FULL else length) + _MAC

    def answer(self, data: bytes, length: int, mode: Mode) -> bytes:
        """The data. Raises UnauthenticError."""
        if mode is Mode.PLAIN:
            return data
        sent, mac = data[:-_MAC], data[-_MAC:]
        if not hmac.compare_digest(self._mac(_STATUS_OK[0], sent), mac):
            raise UnauthenticError("wrong-mac", "the MAC of an answer is not the card's")
        if mode is Mode.MAC:
            return sent
        plain = crypto.decrypt(self._enc, sent, self._answer_iv())
        padding = b"\x80".ljust(len(plain) - length, b"\0")
        if not hmac.compare_digest(padding, plain[length:]):
            raise UnauthenticError("wrong-crc", "the padding in an encrypted answer is not right")
        return plain[:length]

    def covers(self, mode: Mode) -> bool:
        """All but plain answers are proved."""
        return mode is not Mode.PLAIN

    def _mac(self, code: int, data: bytes) -> bytes:
        """Of a command by its instruction, of an answer by its status (AN12196, 5.3)."""
        message = bytes([code]) + self._count() + self.ti + data
        return crypto.truncated(crypto.cmac(self._mac_key, message))

    def _answer_iv(self) -> bytes:
        return crypto.encrypt(self._enc, b"\x5a\xa5" + self.ti + self._count() + bytes(8))

    def _count(self) -> bytes:
        return self.counter.to_bytes(2, "little")


def session_keys(key: bytes, rnd_a: bytes, rnd_b: bytes) -> tuple[bytes, bytes]:
    """The encryption and the MAC key of one authentication (AN12196, 4.3)."""
    mixed = bytes(a ^ b for a, b in zip(rnd_a[2:8], rnd_b[:6], strict=True))
    seed = b"\x00\x01\x00\x80" + rnd_a[:2] + mixed + rnd_b[6:] + rnd_a[8:]
    return crypto.cmac(key, b"\xa5\x5a" + seed), crypto.cmac(key, b"\x5a\xa5" + seed)


def authenticate_first(session: CardSession, number: int, key: bytes, rnd_a: bytes) -> Ev2Channel:
    """AuthenticateEV2First with the application's key `number`; begins a transaction.

    `rnd_a` is 16 octets of chance. Raises CardError, RefusedError, MalformedError,
    UnauthenticError.
    """
    # The last octet says that we name no capabilities of our own.
    rnd_b = crypto.decrypt(key, handshake.challenge(session, FIRST, bytes([number, 0x00])))
    shown = _shown(session, key, rnd_a, rnd_b, _TI + crypto.BLOCK + _CAPABILITIES)
    handshake.check(shown[_TI : _TI + crypto.BLOCK], rnd_a)
    return Ev2Channel(*session_keys(key, rnd_a, rnd_b), shown[:_TI])


def authenticate_non_first(
    session: CardSession, number: int, key: bytes, rnd_a: bytes, before: Ev2Channel
) -> Ev2Channel:
    """AuthenticateEV2NonFirst: another key, within the transaction of the channel `before`.

    Raises CardError, RefusedError, MalformedError, UnauthenticError.
    """
    rnd_b = crypto.decrypt(key, handshake.challenge(session, NON_FIRST, bytes([number])))
    handshake.check(_shown(session, key, rnd_a, rnd_b, crypto.BLOCK), rnd_a)
    return Ev2Channel(*session_keys(key, rnd_a, rnd_b), before.ti, before.counter)


def _shown(session: CardSession, key: bytes, rnd_a: bytes, rnd_b: bytes, length: int) -> bytes:
    token = crypto.encrypt(key, rnd_a + crypto.rotated(rnd_b))
    return crypto.decrypt(key, handshake.proof(session, token, length))
