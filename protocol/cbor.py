"""Deterministic CBOR (RFC 8949 section 4.2.1), restricted to what the protocol uses.

The restriction is what makes hostile input dull: unsigned-integer map keys, no floats, no tags,
no indefinite lengths, no duplicate keys, nothing after the value.
"""

import hashlib
from typing import Any

import cbor2

from protocol.errors import MalformedError

MAX_DEPTH = 8
_MAX_INT = 2**64


def digest(data: bytes) -> bytes:
    """H of the protocol: SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def encode(value: Any) -> bytes:
    """Encode `value` deterministically.

    cbor2's canonical mode orders keys by length first (RFC 7049); with the unsigned-integer keys
    used here that order and RFC 8949's are the same.
    """
    return cbor2.dumps(value, canonical=True)


def encode_in_order(value: Any) -> bytes:
    """The bytes of `encode`, at half the cost, for a value whose maps are written in key order."""
    return cbor2.dumps(value)


def decode_loosely(data: bytes) -> Any:
    """Decode without the checks of `decode`: for reading a field of bytes that are kept anyway."""
    try:
        return cbor2.loads(data)
    except Exception as error:  # cbor2 raises what its tag decoders raise
        raise MalformedError(f"not CBOR: {error}") from error


def decode(data: bytes) -> Any:
    """Decode `data`, refusing whatever `encode` would not have written.

    Raises MalformedError.
    """
    value = decode_loosely(data)
    _check(value, MAX_DEPTH)
    if cbor2.dumps(value, canonical=True) != data:
        raise MalformedError("not deterministic CBOR, or followed by more bytes")
    return value


def _check(value: Any, depth: int) -> None:
    kind = type(value)
    if kind is bytes or kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -_MAX_INT <= value < _MAX_INT:
            raise MalformedError("an integer is beyond 64 bits")
        return
    if depth == 0:
        raise MalformedError(f"nested deeper than {MAX_DEPTH} levels")
    if kind is list:
        for item in value:
            _check(item, depth - 1)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not int or key < 0:
                raise MalformedError("a map key is not an unsigned integer")
            _check(item, depth - 1)
    else:
        raise MalformedError(f"a {kind.__name__} has no place in this protocol")
