"""Configuration from the platform: signed, numbered, encrypted to the one terminal it is for."""

from dataclasses import dataclass

from protocol import cbor, cose
from protocol.errors import SignatureError
from protocol.fields import as_bytes, as_map, as_uint, version
from protocol.keys import SigningKey
from protocol.seals import SealingKey, SealingPublicKey

_AAD = b"pointeuse/1/config"


def _info(terminal: bytes, number: int, kid: bytes) -> bytes:
    return _AAD + terminal + number.to_bytes(8, "big") + kid


@dataclass(frozen=True, slots=True)
class Configuration:
    """One configuration: `body` as `protocol.configured` has it; `number` never falls."""

    terminal: bytes
    number: int
    body: bytes

    def sign(self, key: SigningKey, recipient: SealingPublicKey) -> bytes:
        """A COSE_Sign1 whose payload carries the body, HPKE-encrypted to the terminal."""
        info = _info(self.terminal, self.number, recipient.kid)
        payload = cbor.encode(
            {
                0: 1,
                1: self.terminal,
                2: self.number,
                3: recipient.kid,
                4: recipient.encrypt(self.body, info),
            }
        )
        return cose.sign1(key, payload, _AAD)

    @classmethod
    def verify(
        cls,
        message: bytes,
        lookup: cose.KeyLookup,
        *,
        terminal: bytes,
        newer_than: int,
        sealing_key: SealingKey,
    ) -> "Configuration":
        """Open a configuration for `terminal`.

        Raises MalformedError, SealError; SignatureError also for another terminal's, or one that
        is not newer than `newer_than`.
        """
        payload, _ = cose.verify1(message, lookup, _AAD)
        fields = as_map(cbor.decode(payload), "a configuration")
        version(fields, "a configuration")
        number = as_uint(fields.get(2), "number", 2**62)
        if as_bytes(fields.get(1), "terminal", 32) != terminal:
            raise SignatureError("this configuration is for another terminal")
        if number <= newer_than:
            raise SignatureError(
                f"configuration {number} is too old: {newer_than + 1} or a later one is wanted"
            )
        kid = as_bytes(fields.get(3), "kid", 32)
        sealed = as_bytes(fields.get(4), "the sealed body")
        return cls(terminal, number, sealing_key.decrypt(sealed, _info(terminal, number, kid)))
