"""COSE_Sign1 and COSE_Sign (RFC 9052 sections 4.1 and 4.2), signed and verified.

Protected headers are `{1: alg, 4: kid}` and nothing else; unprotected headers are empty. The
algorithm is the expected key's: a message naming another is refused.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from protocol import cbor
from protocol.errors import MalformedError, SignatureError
from protocol.fields import as_array, as_bytes, as_map
from protocol.keys import SigningKey, VerifyKey

_SIGN1_TAG = 18
_SIGN_TAG = 98
_TAGS = {_SIGN1_TAG: b"\xd2", _SIGN_TAG: b"\xd8\x62"}
"""The octets of each tag, the only two tags there are: `cbor.decode` knows none."""

SIGNATURE = 64
"""Octets of a signature by any key, which ends a COSE_Sign1."""

KeyLookup = Callable[[bytes], VerifyKey | None]
"""From a `kid` (thumbprint) to the key trusted under it, or None."""


def keyring(keys: Iterable[VerifyKey]) -> KeyLookup:
    """A lookup over a fixed set of keys."""
    return {key.thumbprint: key for key in keys}.get


def sign1(key: SigningKey, payload: bytes, aad: bytes) -> bytes:
    """A tagged COSE_Sign1 over `payload`, with `aad` as external additional data."""
    return assemble1(key.public, payload, signature1(key, payload, aad))


def signature1(key: SigningKey, payload: bytes, aad: bytes) -> bytes:
    """The 64-byte signature alone of a COSE_Sign1: what a journal keeps of a head."""
    return key.sign(cbor.encode_in_order(["Signature1", key.public.protected, aad, payload]))


def check1(key: VerifyKey, payload: bytes, aad: bytes, signature: bytes) -> None:
    """Check a signature kept alone, as `signature1` made it. Raises SignatureError."""
    key.verify(signature, cbor.encode_in_order(["Signature1", key.protected, aad, payload]))


def assemble1(key: VerifyKey, payload: bytes, signature: bytes) -> bytes:
    """The tagged COSE_Sign1 around a signature made earlier by `key`."""
    return _TAGS[_SIGN1_TAG] + cbor.encode_in_order([key.protected, {}, payload, signature])


def verify1(message: bytes, lookup: KeyLookup, aad: bytes) -> tuple[bytes, VerifyKey]:
    """The payload of a COSE_Sign1 and the key that signed it.

    Raises MalformedError, or SignatureError for an unknown key or a wrong signature.
    """
    protected, payload, signature = _parts(message, _SIGN1_TAG, "a COSE_Sign1")
    key = _signer(protected, lookup)
    key.verify(
        as_bytes(signature, "a signature", SIGNATURE),
        cbor.encode(["Signature1", protected, aad, payload]),
    )
    return payload, key


def is_sign1(message: bytes) -> bool:
    """Whether a message begins as a COSE_Sign1 does."""
    return message.startswith(_TAGS[_SIGN1_TAG])


def unverified1(message: bytes) -> bytes:
    """The payload of a COSE_Sign1 that nobody vouches for. Raises MalformedError."""
    _, payload, _ = _parts(message, _SIGN1_TAG, "a COSE_Sign1")
    return payload


def sign(keys: Sequence[SigningKey], payload: bytes, aad: bytes) -> bytes:
    """A tagged COSE_Sign over `payload`: one signature by each of `keys`."""
    signatures = []
    for key in keys:
        protected = key.public.protected
        signed = cbor.encode(["Signature", b"", protected, aad, payload])
        signatures.append([protected, {}, key.sign(signed)])
    return _TAGS[_SIGN_TAG] + cbor.encode_in_order([b"", {}, payload, signatures])


def verify(message: bytes, lookup: KeyLookup, aad: bytes) -> tuple[bytes, frozenset[bytes]]:
    """The payload of a COSE_Sign and the thumbprints, known to `lookup`, that signed it.

    Signatures by unknown keys are passed over; a wrong signature by a known key is an error.
    Raises MalformedError, SignatureError.
    """
    protected, payload, signatures = _parts(message, _SIGN_TAG, "a COSE_Sign")
    if protected != b"":
        raise MalformedError("the body of a COSE_Sign has protected headers")
    signers = set()
    for item in as_array(signatures, "the signatures"):
        header, unprotected, signature = as_array(item, "a COSE_Signature", 3)
        if unprotected != {}:
            raise MalformedError("a COSE_Signature has unprotected headers")
        kid = _kid(as_bytes(header, "protected headers"))
        if lookup(kid) is None:
            continue
        key = _signer(header, lookup)
        signed = cbor.encode(["Signature", b"", header, aad, payload])
        key.verify(as_bytes(signature, "a signature", SIGNATURE), signed)
        signers.add(kid)
    return payload, frozenset(signers)


def _parts(message: bytes, tag: int, what: str) -> tuple[bytes, bytes, Any]:
    prefix = _TAGS[tag]
    if not message.startswith(prefix):
        raise MalformedError(f"not {what} (tag {tag})")
    fields = cbor.decode(message.removeprefix(prefix))
    protected, unprotected, payload, rest = as_array(fields, what, 4)
    if unprotected != {}:
        raise MalformedError(f"{what} has unprotected headers")
    return as_bytes(protected, "protected headers"), as_bytes(payload, "a payload"), rest


def _headers(protected: bytes) -> dict[int, Any]:
    headers = as_map(cbor.decode(protected), "protected headers")
    if set(headers) != {1, 4}:
        raise MalformedError("protected headers are not exactly alg and kid")
    return headers


def _kid(protected: bytes) -> bytes:
    return as_bytes(_headers(protected)[4], "kid", 32)


def _signer(protected: bytes, lookup: KeyLookup) -> VerifyKey:
    headers = _headers(protected)
    kid = as_bytes(headers[4], "kid", 32)
    key = lookup(kid)
    if key is None:
        raise SignatureError(f"key {kid.hex()[:16]} is not one trusted for this")
    if headers[1] != key.algorithm:
        raise SignatureError(
            f"the message names algorithm {headers[1]!r}, its key is {key.algorithm.name}"
        )
    return key
