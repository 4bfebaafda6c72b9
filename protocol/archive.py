"""Archives: what a terminal holds, in one file, for whoever wants to check it.

A file is a CBOR sequence (RFC 8742): a header, the terminal's trust documents, and for each epoch
its state, its receipts and pages of its records; at the end counts, and H of all before it.
Receipts stand before the records they speak of, so that one pass with little memory checks them.
Who tapped stays sealed: an archive holds what the journal holds.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any, BinaryIO

import msgspec

from protocol import cbor
from protocol.bodies import MAX_BODY
from protocol.errors import MalformedError
from protocol.fields import as_array, as_bytes, as_map, as_uint, version
from protocol.hello import EpochState
from protocol.keys import VerifyKey

MAGIC = "pointeuse/1/archive"
PAGE_BYTES = 64 * 1024
"""Octets of the records of a page at most, unless one alone is longer."""
_TRUST, _EPOCH, _RECEIPT, _RECORDS, _END = 1, 2, 3, 4, 5
_CHUNK = 4 * cbor.MAX_MESSAGE
_LARGEST_BLOB = 192
_MOST = {"trust documents": 4096, "epochs": 65_536, "receipts": 1_000_000}
"""More of these than any terminal has: a verifier keeps something of each in memory."""

Row = tuple[bytes, bytes | None, bytes, bytes | None]
"""A record: raw body; blob, or None where there is none or it was erased; link; and, on the last of
each commit, the 64-octet signature of its head."""


class Header(msgspec.Struct, frozen=True):
    """Whose records follow, and when they were written down: `made_ms` since 1970 UTC."""

    key: VerifyKey
    made_ms: int


class TrustDocument(msgspec.Struct, frozen=True):
    """One of the terminal's trust documents, oldest first."""

    message: bytes


class Receipt(msgspec.Struct, frozen=True):
    """A receipt message; before the first epoch: of an epoch that is no longer there."""

    message: bytes


class Records(msgspec.Struct, frozen=True):
    """Records `first`, `first`+1... of the epoch before them."""

    first: int
    rows: Sequence[Row]


class Counts(msgspec.Struct, frozen=True):
    """How many of each there are: the end of a file that was not cut."""

    trust: int
    epochs: int
    receipts: int
    records: int


Item = Header | TrustDocument | EpochState | Receipt | Records | Counts


def row_size(row: Row) -> int:
    """Octets a record takes in a page, rounded up."""
    return len(row[0]) + len(row[1] or b"") + 110


def checked_rows(rows: Sequence[Sequence[Any]]) -> list[Row]:
    """Rows from elsewhere, found to be of the right types and lengths. Raises MalformedError."""
    return [_row(list(row)) for row in rows]


class ArchiveWriter:
    """Writes an archive, item after item, to a file open for writing."""

    def __init__(self, file: BinaryIO, key: VerifyKey, made_ms: int) -> None:
        self._file = file
        self._hash = hashlib.sha256()
        self._trust = self._epochs = self._receipts = self._records = 0
        self._put({0: 1, 1: MAGIC, 2: key.to_cose(), 3: made_ms})

    def trust(self, message: bytes) -> None:
        """Add a trust document."""
        self._trust += 1
        self._put([_TRUST, message])

    def epoch(self, state: EpochState) -> None:
        """Begin an epoch."""
        self._epochs += 1
        self._put([_EPOCH, *state_fields(state)])

    def receipt(self, message: bytes) -> None:
        """Add a receipt."""
        self._receipts += 1
        self._put([_RECEIPT, message])

    def records(self, first: int, rows: Sequence[Row]) -> None:
        """Add a page of records."""
        self._records += len(rows)
        self._put([_RECORDS, first, [list(row) for row in rows]])

    def end(self) -> Counts:
        """Say that this is all."""
        counts = Counts(self._trust, self._epochs, self._receipts, self._records)
        self._put([_END, *_count_fields(counts), self._hash.digest()])
        return counts

    def _put(self, value: Any) -> None:
        raw = cbor.encode_in_order(value)
        self._hash.update(raw)
        self._file.write(raw)


def read(file: BinaryIO) -> Iterator[Item]:
    """The items of an archive, in order, in memory for a few pages.

    Raises MalformedError where the file is no archive, is cut, or is not as it was written.
    """
    before = hashlib.sha256()
    counts = [0, 0, 0, 0]
    sequence = _sequence(file)
    for number, (value, raw) in enumerate(sequence):
        item = _header(value) if number == 0 else _item(value)
        if isinstance(item, Counts):
            _check_end(value, item, counts, before.digest())
            if next(sequence, None) is not None:
                raise MalformedError("something follows the end of the archive")
            yield item
            return
        before.update(raw)
        _count(counts, item)
        for found, (name, most) in zip(counts, _MOST.items(), strict=False):
            if found > most:
                raise MalformedError(f"the archive has more than {most} {name}")
        yield item
    raise MalformedError("the archive is cut: its end is missing")


def _sequence(file: BinaryIO) -> Iterator[tuple[Any, bytes]]:
    data, at = b"", 0
    while True:
        if len(data) - at < cbor.MAX_MESSAGE:
            data, at = data[at:] + file.read(_CHUNK), 0
        if at == len(data):
            return
        value, end = cbor.decode_next(data, at)
        yield value, data[at:end]
        at = end


def _header(value: Any) -> Header:
    fields = as_map(value, "an archive")
    version(fields, "an archive")
    if fields.get(1) != MAGIC:
        raise MalformedError(f"an archive begins with {MAGIC!r}")
    key = VerifyKey.from_cose(as_bytes(fields.get(2), "the terminal's key"))
    return Header(key, as_uint(fields.get(3), "made_ms", 2**62))


def _item(value: Any) -> Item:
    fields = as_array(value, "an item of an archive")
    match fields:
        case [1, message]:
            return TrustDocument(as_bytes(message, "a trust document"))
        case [2, *state]:
            return read_state(state)
        case [3, message]:
            return Receipt(as_bytes(message, "a receipt"))
        case [4, first, rows]:
            return Records(as_uint(first, "first", 2**40), _rows(rows))
        case [5, trust, epochs, receipts, records, _]:
            return Counts(*(as_uint(n, "a count") for n in (trust, epochs, receipts, records)))
    raise MalformedError("an item of the archive is none of the five there are")


def read_state(value: Any) -> EpochState:
    """An epoch's state from its seven decoded fields. Raises MalformedError."""
    epoch, ordinal, first, anchor, head_seq, head_link, acked = as_array(value, "an epoch", 7)
    return EpochState(
        as_bytes(epoch, "epoch", 16),
        as_uint(ordinal, "ordinal", 2**31),
        as_uint(first, "first", 2**40),
        as_bytes(anchor, "anchor", 32),
        as_uint(head_seq, "head seq", 2**40),
        as_bytes(head_link, "head link", 32),
        as_uint(acked, "acked", 2**40),
    )


def _rows(value: Any) -> list[Row]:
    return [_row(item) for item in as_array(value, "the records of a page")]


def _row(value: Any) -> Row:
    body, blob, link, signature = as_array(value, "a record", 4)
    if len(as_bytes(body, "a body")) > MAX_BODY:
        raise MalformedError(f"a body of {len(body)} bytes; {MAX_BODY} is the most")
    if blob is not None and len(as_bytes(blob, "a blob")) > _LARGEST_BLOB:
        raise MalformedError(f"a blob of {len(blob)} bytes; {_LARGEST_BLOB} is the most")
    as_bytes(link, "a link", 32)
    if signature is not None:
        as_bytes(signature, "a signature", 64)
    return body, blob, link, signature


def state_fields(state: EpochState) -> list[Any]:
    """What `read_state` reads."""
    return [
        state.epoch,
        state.ordinal,
        state.first,
        state.anchor,
        state.head_seq,
        state.head_link,
        state.acked,
    ]


def _count_fields(counts: Counts) -> list[int]:
    return [counts.trust, counts.epochs, counts.receipts, counts.records]


def _count(counts: list[int], item: Item) -> None:
    match item:
        case TrustDocument():
            counts[0] += 1
        case EpochState():
            counts[1] += 1
        case Receipt():
            counts[2] += 1
        case Records():
            counts[3] += len(item.rows)


def _check_end(value: Any, said: Counts, counted: list[int], found: bytes) -> None:
    if _count_fields(said) != counted:
        raise MalformedError(
            f"the archive says that it holds {said.records} records in {said.epochs} epochs;"
            f" it holds {counted[3]} in {counted[1]}"
        )
    if as_bytes(value[5], "H of the archive", 32) != found:
        raise MalformedError("the archive is not as it was written: H of it is another")
