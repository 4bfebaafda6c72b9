"""Batches: a run of records of one epoch, ending at a signed head."""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import cbor
from protocol.bodies import MAX_BODY
from protocol.errors import MalformedError
from protocol.fields import as_array, as_bytes, as_map, as_uint, version

MAX_BATCH = 128 * 1024
"""Octets of a batch message at most; a smaller maximum packet of the broker goes first."""
MAX_RECORDS = 4096
_LARGEST_BLOB = 192
OVERHEAD = 512
"""Octets of a batch beside its records, with room to spare."""

Record = tuple[bytes, bytes | None]
"""A raw body, and its blob: None where there is none, or where it was erased."""


def record_size(body: bytes, blob: bytes | None) -> int:
    """Octets a record takes in a batch, rounded up."""
    return len(body) + len(blob or b"") + 8


@dataclass(frozen=True, slots=True)
class Batch:
    """Records `first`, `first`+1... of `epoch`, continuing `link` = link(first-1).

    `head` is the COSE_Sign1 of the head at the last record; `nonce` (16 bytes) is echoed by the
    receipt.
    """

    nonce: bytes
    epoch: bytes
    first: int
    link: bytes
    records: Sequence[Record]
    head: bytes

    def encode(self) -> bytes:
        """Deterministic CBOR."""
        return cbor.encode(
            {
                0: 1,
                1: self.nonce,
                2: self.epoch,
                3: self.first,
                4: self.link,
                5: [[body, blob] for body, blob in self.records],
                6: self.head,
            }
        )

    @classmethod
    def decode(cls, raw: bytes) -> "Batch":
        """Read a batch; the bodies in it are bytes and stay unread. Raises MalformedError."""
        fields = as_map(cbor.decode(raw), "a batch")
        version(fields, "a batch")
        first = as_uint(fields.get(3), "first", 2**62)
        if first == 0:
            raise MalformedError("a batch begins at seq 0; the first record is 1")
        records = as_array(fields.get(5), "the records of a batch")
        if not 0 < len(records) <= MAX_RECORDS:
            raise MalformedError(f"a batch of {len(records)} records")
        return cls(
            as_bytes(fields.get(1), "nonce", 16),
            as_bytes(fields.get(2), "epoch", 16),
            first,
            as_bytes(fields.get(4), "link", 32),
            [_record(item) for item in records],
            as_bytes(fields.get(6), "head"),
        )


def _record(item: object) -> Record:
    body, blob = as_array(item, "a record", 2)
    if len(as_bytes(body, "a body")) > MAX_BODY:
        raise MalformedError(f"a body of {len(body)} bytes; {MAX_BODY} is the most")
    if blob is not None and len(as_bytes(blob, "a blob")) > _LARGEST_BLOB:
        raise MalformedError(f"a blob of {len(blob)} bytes; {_LARGEST_BLOB} is the most")
    return body, blob
