"""Batches: a run of records of one epoch, ending at a signed head."""

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import cbor
from protocol.blobs import blob_hash
from protocol.bodies import MAX_BODY, peek_blob_hash
from protocol.chain import Head, epoch_link, next_link, prove_head
from protocol.errors import LinkError, MalformedError, SealError
from protocol.fields import as_array, as_bytes, as_map, as_uint, version
from protocol.keys import VerifyKey

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

    def prove(self, signer: VerifyKey, terminal: bytes) -> list[bytes]:
        """The link at each record, once the head is found to prove them all.

        `signer` is the key under which `terminal` signs records. Bodies are kept whatever they
        say: only H(blob) is read in them. Blobs stand outside the links, so one that is missing is
        refused like one that was changed: on the way here anybody could have taken it away.

        Raises MalformedError, SignatureError, LinkError; SealError for a wrong or missing blob.
        """
        links = []
        link = self.link
        for body, _ in self.records:
            link = next_link(link, body)
            links.append(link)
        last = self.first + len(links) - 1
        prove_head(self.head, Head(terminal, self.epoch, last, link), signer)
        for seq, (body, blob) in enumerate(self.records, self.first):
            named = peek_blob_hash(body)
            if named != (None if blob is None else blob_hash(blob)):
                raise SealError(f"record {seq}: its blob is missing, or not the one its body names")
        if self.first == 1 and self.link != epoch_link(terminal, self.epoch):
            raise LinkError("the first record does not continue its epoch's own link")
        return links

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
        if len(raw) > MAX_BATCH:
            raise MalformedError(f"a batch of {len(raw)} bytes; {MAX_BATCH} is the most")
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
