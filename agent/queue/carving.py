"""Records found in the raw bytes of a journal, whatever SQLite can still make of them.

A record's body begins with bytes nobody else writes: its version and this terminal's thumbprint.
In SQLite's file and log alike, a row's record header stands right before it (SQLite's file format,
section 2.1). So no page needs to be whole but for the row itself. What is found is a claim:
`agent.queue.proofs` says which of it is true.
"""

from collections.abc import Iterator
from typing import BinaryIO

import msgspec

from protocol.bodies import MAX_BODY, Body
from protocol.errors import MalformedError

_CHUNK = 4 * 1024 * 1024
_LARGEST_ROW = MAX_BODY + 1024
_LONGEST_HEADER = 12
_LINK, _SIGNATURE = 12 + 2 * 32, 12 + 2 * 64
"""Serial types of blobs of 32 and 64 octets."""


class Found(msgspec.Struct, frozen=True):
    """A row as it stood in the bytes. `link` and `signature` are what the row says, unproved."""

    epoch: bytes
    seq: int
    body: bytes
    blob: bytes | None
    link: bytes
    signature: bytes | None


def carve(data: bytes, terminal: bytes) -> Iterator[Found]:
    """Every row in `data` that looks like one of `terminal`'s records, in the order of bytes."""
    # After the body's map header: version 1, then the terminal.
    sign = b"\x00\x01\x01\x58\x20" + terminal
    at = data.find(sign)
    while at != -1:
        found = _row(data, at - 1)
        if found is not None:
            yield found
        at = data.find(sign, at + 1)


def carve_file(file: BinaryIO, terminal: bytes) -> Iterator[Found]:
    """As `carve`, from a file of any length."""
    kept = b""
    while chunk := file.read(_CHUNK):
        data = kept + chunk
        yield from carve(data, terminal)
        # A row across the border is found with the next chunk; one before it, twice.
        kept = data[-_LARGEST_ROW:]


def _row(data: bytes, start: int) -> Found | None:
    """The row whose body begins at `start`."""
    for length in range(6, _LONGEST_HEADER + 1):
        begin = start - length
        if begin >= 0 and data[begin] == length and data[begin + 1] == 0:
            types = _varints(data[begin + 2 : start])
            if types is not None and len(types) == 4:
                return _read(data, start, *types)
    return None


def _read(data: bytes, start: int, body: int, blob: int, link: int, signature: int) -> Found | None:
    if link != _LINK or signature not in {0, _SIGNATURE} or not (_is_blob(body) and _is_blob(blob)):
        return None
    parts: list[bytes | None] = []
    for serial_type in (body, blob, link, signature):
        size = max(0, serial_type - 12) // 2
        parts.append(data[start : start + size] if serial_type else None)
        start += size
    raw, sealed, link_column, signature_column = parts
    if raw is None or link_column is None or start > len(data):
        return None
    try:
        told = Body.decode(raw)
    except MalformedError:
        return None
    return Found(told.epoch, told.seq, raw, sealed, link_column, signature_column)


def _is_blob(serial_type: int) -> bool:
    """Whether it stands for NULL, or for a blob that may be a column of a record."""
    return serial_type == 0 or (serial_type % 2 == 0 and 12 <= serial_type <= 12 + 2 * MAX_BODY)


def _varints(data: bytes) -> list[int] | None:
    """SQLite's variable-length integers, none longer than three octets; None if cut short."""
    found, value = [], 0
    for octet in data:
        value = value << 7 | octet & 0x7F
        if octet < 0x80:
            found.append(value)
            value = 0
    return found if not data or data[-1] < 0x80 else None
