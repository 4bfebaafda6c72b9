"""Signing keys: Ed25519 (RFC 8032), and ES256 (FIPS 186-5, P-256) with low S.

A key's *thumbprint* is its COSE Key Thumbprint (RFC 9679), 32 bytes; it is the `kid` of
everything the key signs, and, for an identity key, the terminal itself.
"""

import hashlib
from enum import IntEnum
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)

from protocol import cbor
from protocol.errors import MalformedError, SignatureError

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_ECDSA = ec.ECDSA(hashes.SHA256())

# What stands before x, and before y, in the thumbprint form of a COSE_Key (RFC 9053 section 7).
_ED25519_KEY = bytes.fromhex("a301012006215820")
_P256_KEY = bytes.fromhex("a401022001215820")
_P256_Y = bytes.fromhex("225820")

_ED25519_PRIME = 2**255 - 19
_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_SMALL_ORDER = {
    0,
    1,
    _ED25519_PRIME - 1,
    _Y_OF_ORDER_8,
    _ED25519_PRIME - _Y_OF_ORDER_8,
}
"""The y of every point of order 1, 2, 4 or 8: under such a key one signature fits many messages."""


class Algorithm(IntEnum):
    """COSE algorithm identifiers (RFC 9053 section 2)."""

    ED25519 = -8
    ES256 = -7


class VerifyKey:
    """A public key that verifies; equal when the thumbprints are."""

    __slots__ = ("_key", "algorithm", "protected", "thumbprint")

    def __init__(self, key: ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey) -> None:
        if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name != "secp256r1":
            raise MalformedError(f"a key on {key.curve.name}; of that family P-256 alone is used")
        self._key = key
        self.algorithm = (
            Algorithm.ED25519 if isinstance(key, ed25519.Ed25519PublicKey) else Algorithm.ES256
        )
        self.thumbprint = hashlib.sha256(self.to_cose()).digest()
        self.protected = cbor.encode({1: int(self.algorithm), 4: self.thumbprint})
        """The protected headers of whatever it signs: alg and kid (RFC 9052 section 3.1)."""

    def to_cose(self) -> bytes:
        """The COSE_Key (RFC 9053 section 7) with the members a thumbprint needs, and no other."""
        # The keys 1, -1, -2, -3 are one byte each, so cbor2's order is RFC 8949's here too.
        return cbor.encode(self._members())

    @classmethod
    def from_cose(cls, data: bytes) -> "VerifyKey":
        """Read what `to_cose` wrote. Raises MalformedError, also for a point of small order."""
        if len(data) == 40 and data.startswith(_ED25519_KEY):
            return cls(_ed25519_public(data[8:]))
        if len(data) == 75 and data.startswith(_P256_KEY) and data[40:43] == _P256_Y:
            try:
                point = ec.EllipticCurvePublicKey.from_encoded_point(
                    ec.SECP256R1(), b"\x04" + data[8:40] + data[43:]
                )
            except ValueError as error:
                raise MalformedError(f"not a P-256 key: {error}") from error
            return cls(point)
        raise MalformedError(
            "a COSE_Key is neither Ed25519 nor P-256, or not in its thumbprint form (RFC 9679)"
        )

    def public_pem(self) -> bytes:
        """SubjectPublicKeyInfo in PEM, for other programs."""
        return self._key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def verify(self, signature: bytes, message: bytes) -> None:
        """Check a 64-byte signature. Raises SignatureError, also for ES256 with high S."""
        try:
            if isinstance(self._key, ed25519.Ed25519PublicKey):
                self._key.verify(signature, message)
            else:
                self._key.verify(_der_from_raw(signature), message, _ECDSA)
        except InvalidSignature:
            raise SignatureError(f"not signed by key {self.thumbprint.hex()[:16]}") from None

    def _members(self) -> dict[int, Any]:
        if isinstance(self._key, ed25519.Ed25519PublicKey):
            return {1: 1, -1: 6, -2: self._key.public_bytes_raw()}
        numbers = self._key.public_numbers()
        return {1: 2, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VerifyKey) and self.thumbprint == other.thumbprint

    def __hash__(self) -> int:
        return hash(self.thumbprint)

    def __repr__(self) -> str:
        return f"VerifyKey({self.algorithm.name}, {self.thumbprint.hex()[:16]})"


class SigningKey:
    """A private key that signs; never shown by `repr`."""

    __slots__ = ("_key", "public")

    def __init__(self, key: ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        self._key = key
        self.public = VerifyKey(key.public_key())

    @classmethod
    def generate(cls, algorithm: Algorithm = Algorithm.ED25519) -> "SigningKey":
        """Make a new key."""
        if algorithm is Algorithm.ED25519:
            return cls(ed25519.Ed25519PrivateKey.generate())
        return cls(ec.generate_private_key(ec.SECP256R1()))

    def sign(self, message: bytes) -> bytes:
        """A 64-byte signature: RFC 8032's, or r || s of FIPS 186-5 with s in the lower half."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(message)
        r, s = decode_dss_signature(self._key.sign(message, _ECDSA))
        s = min(s, _P256_ORDER - s)
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")

    def private_pem(self) -> bytes:
        """PKCS #8 in PEM, unencrypted: for `protocol.keyfiles` alone."""
        return self._key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def __repr__(self) -> str:
        return f"SigningKey({self.public!r})"


def _ed25519_public(raw: bytes) -> ed25519.Ed25519PublicKey:
    y = int.from_bytes(raw, "little") & (2**255 - 1)
    if y >= _ED25519_PRIME or y in _SMALL_ORDER:
        raise MalformedError("an Ed25519 key of small order, or not in its only encoding")
    return ed25519.Ed25519PublicKey.from_public_bytes(raw)


def _der_from_raw(signature: bytes) -> bytes:
    if len(signature) != 64:
        raise InvalidSignature
    r = int.from_bytes(signature[:32], "big")
    s = int.from_bytes(signature[32:], "big")
    if not 0 < s <= _P256_ORDER // 2:
        raise InvalidSignature
    return encode_dss_signature(r, s)
