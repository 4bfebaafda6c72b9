"""The chip's side of the three-pass authentications with AES."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass

from hwsim.desfire import crypto, statuses
from hwsim.desfire.messaging import Ev1Messaging, Ev2Messaging, ev2_keys
from hwsim.desfire.statuses import RefusalError

AES = 0xAA
EV2_FIRST = 0x71
EV2_NON_FIRST = 0x77
_CAPABILITIES = bytes(6)


@dataclass
class Challenge:
    """An authentication the chip has answered once."""

    ins: int
    key_number: int
    key: bytes
    rnd_b: bytes
    before: Ev2Messaging | None
    """The transaction that a non-first authentication goes on with."""
    capabilities: bytes = _CAPABILITIES
    """PCDcap2, which the proof repeats."""

    def sent(self) -> bytes:
        """RndB enciphered."""
        return crypto.cbc_encrypt(self.key, self.rnd_b)

    def proved(
        self, token: bytes, chance: Callable[[int], bytes]
    ) -> tuple[bytes, Ev1Messaging | Ev2Messaging]:
        """The chip's own proof, and what holds from now on. Raises RefusalError.

        `token` holds RndA and the rotated RndB; `chance` gives so many random octets.
        """
        if len(token) != 2 * crypto.BLOCK:
            raise RefusalError(statuses.LENGTH)
        vector = self.sent() if self.ins == AES else crypto.ZEROS
        plain = crypto.cbc_decrypt(self.key, token, vector)
        rnd_a, shown = plain[: crypto.BLOCK], plain[crypto.BLOCK :]
        if not hmac.compare_digest(shown, crypto.rotated(self.rnd_b)):
            raise RefusalError(statuses.NOT_AUTHENTICATED)
        own = crypto.rotated(rnd_a)
        if self.ins == AES:
            proof = crypto.cbc_encrypt(self.key, own, token[-crypto.BLOCK :])
            return proof, Ev1Messaging(self.key_number, rnd_a, self.rnd_b)
        keys = ev2_keys(self.key, rnd_a, self.rnd_b)
        if self.before is not None:
            proof = crypto.cbc_encrypt(self.key, own)
            return proof, Ev2Messaging(self.key_number, keys, self.before.ti, self.before.counter)
        ti = chance(4)
        proof = crypto.cbc_encrypt(self.key, ti + own + _CAPABILITIES + self.capabilities)
        return proof, Ev2Messaging(self.key_number, keys, ti)
