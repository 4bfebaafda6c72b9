"""Content keys: random, short-lived, HPKE-encrypted (RFC 9180, base mode, one shot) to two keys.

A seal record carries one content key for two recipients: the platform, and an offline recovery
key. What a terminal has in memory opens only the current seal's taps; what it has on disk opens
nothing.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from protocol.errors import MalformedError, SealError
from protocol.fields import as_array, as_bytes, as_map

_INFO = b"pointeuse/1/seal"
_KID = b"pointeuse/1/sealing-key"

X25519 = 0x0020
"""HPKE KEM identifier of DHKEM(X25519, HKDF-SHA256), RFC 9180 section 7.1."""
MLKEM768_X25519 = 0x647A
"""HPKE KEM identifier of ML-KEM-768 with X25519 (draft-ietf-hpke-pq)."""
_KDF_HKDF_SHA256 = 0x0001
_AEAD_AES_256_GCM = 0x0002

_SUITES = {
    X25519: Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
    MLKEM768_X25519: Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM),
}
_MLKEM_PUBLIC = 1184
_PROBE = x25519.X25519PrivateKey.from_private_bytes(bytes(32))


def _x25519_public(raw: bytes) -> x25519.X25519PublicKey:
    """Raises ValueError, also for a point of small order, to which nothing can be encrypted."""
    key = x25519.X25519PublicKey.from_public_bytes(raw)
    _PROBE.exchange(key)
    return key


class SealingPublicKey:
    """A key things are sealed to. `kid` is 32 bytes over the KEM and the public key."""

    __slots__ = ("_key", "kem", "kid", "raw")

    def __init__(self, kem: int, raw: bytes) -> None:
        """`raw`: 32 octets for X25519; ML-KEM-768's 1184 then X25519's 32 for the hybrid.

        Raises MalformedError.
        """
        self._key: x25519.X25519PublicKey | MLKEM768X25519PublicKey
        try:
            if kem == X25519:
                self._key = _x25519_public(raw)
            elif kem == MLKEM768_X25519:
                self._key = MLKEM768X25519PublicKey(
                    mlkem.MLKEM768PublicKey.from_public_bytes(raw[:_MLKEM_PUBLIC]),
                    _x25519_public(raw[_MLKEM_PUBLIC:]),
                )
            else:
                raise MalformedError(f"unknown HPKE KEM {kem:#06x}")
        except ValueError as error:
            raise MalformedError(f"not a public key of KEM {kem:#06x}: {error}") from error
        self.kem = kem
        self.raw = raw
        self.kid = hashlib.sha256(_KID + kem.to_bytes(2, "big") + raw).digest()

    def encrypt(self, plaintext: bytes, info: bytes) -> bytes:
        """HPKE one-shot: enc || ciphertext."""
        return _SUITES[self.kem].encrypt(plaintext, self._key, info)

    def __repr__(self) -> str:
        return f"SealingPublicKey({self.kem:#06x}, {self.kid.hex()[:16]})"


class SealingKey:
    """A private key that opens what was sealed to its public half; never shown by `repr`."""

    __slots__ = ("_key", "parts", "public")

    def __init__(
        self, key: x25519.X25519PrivateKey, mlkem_key: mlkem.MLKEM768PrivateKey | None = None
    ) -> None:
        self._key: x25519.X25519PrivateKey | MLKEM768X25519PrivateKey
        self.parts = (key, mlkem_key)
        public = key.public_key().public_bytes_raw()
        if mlkem_key is None:
            self._key = key
            self.public = SealingPublicKey(X25519, public)
        else:
            self._key = MLKEM768X25519PrivateKey(mlkem_key, key)
            self.public = SealingPublicKey(
                MLKEM768_X25519, mlkem_key.public_key().public_bytes_raw() + public
            )

    @classmethod
    def generate(cls, kem: int = X25519) -> "SealingKey":
        """Make a new key."""
        hybrid = mlkem.MLKEM768PrivateKey.generate() if kem == MLKEM768_X25519 else None
        return cls(x25519.X25519PrivateKey.generate(), hybrid)

    def decrypt(self, sealed: bytes, info: bytes) -> bytes:
        """Open enc || ciphertext. Raises SealError."""
        try:
            return _SUITES[self.public.kem].decrypt(sealed, self._key, info)
        except (InvalidTag, ValueError) as error:
            raise SealError(f"sealing key {self.public.kid.hex()[:16]} does not open it") from error

    def __repr__(self) -> str:
        return f"SealingKey({self.public!r})"


@dataclass(frozen=True)
class ContentKey:
    """A 32-byte key under which taps are sealed, and the 16-byte id of the seal carrying it."""

    seal_id: bytes
    key: bytes = field(repr=False)

    @cached_property
    def mac(self) -> hmac.HMAC:
        """HMAC-SHA256 under the key, to be copied: its two first blocks are done once."""
        return hmac.new(self.key, digestmod="sha256")

    @classmethod
    def generate(cls) -> "ContentKey":
        """A fresh random key."""
        return cls(secrets.token_bytes(16), secrets.token_bytes(32))


def _info(terminal: bytes, epoch: bytes, seq: int, kid: bytes) -> bytes:
    return _INFO + terminal + epoch + seq.to_bytes(8, "big") + kid


def make_seal(
    content: ContentKey,
    recipients: Iterable[SealingPublicKey],
    *,
    terminal: bytes,
    epoch: bytes,
    seq: int,
) -> dict[int, Any]:
    """The `data` of the seal record `seq`: the content key, encrypted to each recipient."""
    return {
        0: content.seal_id,
        1: [
            [
                key.kid,
                [key.kem, _KDF_HKDF_SHA256, _AEAD_AES_256_GCM],
                key.encrypt(content.key, _info(terminal, epoch, seq, key.kid)),
            ]
            for key in recipients
        ],
    }


def open_seal(
    data: Any, keys: Iterable[SealingKey], *, terminal: bytes, epoch: bytes, seq: int
) -> ContentKey:
    """The content key of a seal record's `data`, by whichever of `keys` is a recipient.

    Raises MalformedError; SealError when none is, or when it does not open.
    """
    fields = as_map(data, "a seal")
    seal_id = as_bytes(fields.get(0), "seal id", 16)
    by_kid = {key.public.kid: key for key in keys}
    kids = []
    for item in as_array(fields.get(1), "the recipients of a seal"):
        kid, suite, sealed = as_array(item, "a recipient", 3)
        kids.append(as_bytes(kid, "kid", 32))
        key = by_kid.get(kid)
        if key is None:
            continue
        if suite != [key.public.kem, _KDF_HKDF_SHA256, _AEAD_AES_256_GCM]:
            raise SealError(f"seal {seal_id.hex()} names suite {suite!r}, its key another")
        opened = key.decrypt(as_bytes(sealed, "a sealed key"), _info(terminal, epoch, seq, kid))
        return ContentKey(seal_id, as_bytes(opened, "a content key", 32))
    names = ", ".join(kid.hex()[:16] for kid in kids) or "nobody"
    raise SealError(f"seal {seal_id.hex()} is for {names}; none of these keys is at hand")
