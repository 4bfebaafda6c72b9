"""Deterministic CBOR (RFC 8949 section 4.2.1), restricted to what the protocol uses.

The restriction is what makes hostile input dull: unsigned-integer map keys in rising order, no
floats, no tags, no indefinite lengths, one encoding for each value, nothing after it.

Reading is done here and not by a general decoder: such a one acts on tags before anybody can
refuse them, and 250 octets of shared references cost it seconds, a regular expression more.
"""

import hashlib
import io
import threading
from typing import Any

import cbor2

from protocol.errors import MalformedError

MAX_DEPTH = 8
"""Arrays and maps inside one another at most."""
MAX_MESSAGE = 256 * 1024
"""Octets of anything decoded at most, looked at before all else."""

_UINT, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG = range(7)
_LONGER = {24: (1, 24), 25: (2, 1 << 8), 26: (4, 1 << 16), 27: (8, 1 << 32)}
"""From additional information to the argument's octets, and the least that needs so many."""
_SIMPLE = {0xF4: False, 0xF5: True, 0xF6: None}


class _Encoders(threading.local):
    """Each thread's own: to make one takes longer than to encode a record."""

    def __init__(self) -> None:
        self.plain = cbor2.CBOREncoder(io.BytesIO())
        self.canonical = cbor2.CBOREncoder(io.BytesIO(), canonical=True)


_encoders = _Encoders()


def digest(data: bytes) -> bytes:
    """H of the protocol: SHA-256, 32 bytes."""
    return hashlib.sha256(data).digest()


def encode(value: Any) -> bytes:
    """Encode `value` deterministically.

    cbor2's canonical mode orders keys by length first (RFC 7049); with the unsigned-integer keys
    used here that order and RFC 8949's are the same.
    """
    return _encoders.canonical.encode_to_bytes(value)


def encode_in_order(value: Any) -> bytes:
    """The bytes of `encode`, at half the cost, for a value whose maps are written in key order."""
    return _encoders.plain.encode_to_bytes(value)


def decode(data: bytes) -> Any:
    """Decode `data`, refusing whatever `encode` would not have written.

    Raises MalformedError, and nothing else, in time linear in the length.
    """
    if len(data) > MAX_MESSAGE:
        raise MalformedError(f"{len(data)} bytes of CBOR; {MAX_MESSAGE} is the most")
    try:
        value, end = _item(data, 0, MAX_DEPTH)
    except IndexError:
        raise MalformedError("the CBOR ends too early") from None
    if end != len(data):
        raise MalformedError(f"{len(data) - end} more bytes follow the CBOR")
    return value


def decode_next(data: bytes, at: int) -> tuple[Any, int]:
    """One value of a CBOR sequence (RFC 8742) that starts at `at`, and where the next one starts.

    `data` must hold the rest of the sequence, or MAX_MESSAGE octets of it. Raises MalformedError,
    also for a value that is longer than that.
    """
    try:
        value, end = _item(data, at, MAX_DEPTH)
    except IndexError:
        raise MalformedError("the CBOR ends too early") from None
    if end - at > MAX_MESSAGE:
        raise MalformedError(f"{end - at} bytes of CBOR; {MAX_MESSAGE} is the most")
    return value, end


def _item(data: bytes, at: int, depth: int) -> tuple[Any, int]:
    # What is met most comes first: small numbers, then octets of up to 255.
    first = data[at]
    at += 1
    if first < 24:
        return first, at
    argument = first & 31
    if argument == 24 and data[at] >= 24:
        argument = data[at]
        at += 1
    elif argument > 23:
        argument, at = _long_argument(data, at, argument)
    major = first >> 5
    if major == _BYTES:
        end = at + argument
        if end > len(data):
            raise MalformedError("the CBOR ends too early")
        return data[at:end], end
    if major == _UINT:
        return argument, at
    if major in (_ARRAY, _MAP):
        if depth == 0:
            raise MalformedError(f"nested deeper than {MAX_DEPTH} levels")
        read = _array if major == _ARRAY else _map
        return read(data, at, argument, depth - 1)
    return _seldom(data, at, first, argument)


def _seldom(data: bytes, at: int, first: int, argument: int) -> tuple[Any, int]:
    major = first >> 5
    if major == _TEXT:
        raw, at = _slice(data, at, argument)
        try:
            return raw.decode(), at
        except UnicodeDecodeError as error:
            raise MalformedError(f"text that is not UTF-8: {error}") from error
    if major == _NEGATIVE:
        return -1 - argument, at
    if first not in _SIMPLE:
        what = "a tag" if major == _TAG else "a float or an unknown simple value"
        raise MalformedError(f"{what} (octet {first:#04x}) has no place in this protocol")
    return _SIMPLE[first], at


def _long_argument(data: bytes, at: int, information: int) -> tuple[int, int]:
    if information not in _LONGER:
        raise MalformedError("an indefinite length, or a reserved one")
    size, least = _LONGER[information]
    raw, at = _slice(data, at, size)
    argument = int.from_bytes(raw, "big")
    if argument < least:
        raise MalformedError(f"{argument} is not written in its shortest form")
    return argument, at


def _slice(data: bytes, at: int, length: int) -> tuple[bytes, int]:
    end = at + length
    if end > len(data):
        raise MalformedError("the CBOR ends too early")
    return data[at:end], end


def _array(data: bytes, at: int, count: int, depth: int) -> tuple[list[Any], int]:
    items = []
    for _ in range(count):
        item, at = _item(data, at, depth)
        items.append(item)
    return items, at


def _map(data: bytes, at: int, count: int, depth: int) -> tuple[dict[int, Any], int]:
    fields: dict[int, Any] = {}
    last = -1
    for _ in range(count):
        key = data[at]
        if key < 24:
            at += 1
        else:
            key, at = _item(data, at, 0)
        if type(key) is not int or key < 0:
            raise MalformedError("a map key is not an unsigned integer")
        if key <= last:
            raise MalformedError(f"map key {key} comes twice or out of order")
        last = key
        fields[key], at = _item(data, at, depth)
    return fields, at
