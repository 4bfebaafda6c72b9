"""Whether a batch is what a terminal signed: head, links and blobs. Reads no meaning."""

from collections.abc import Sequence

import msgspec

from protocol import batches, chain
from protocol.blobs import blob_hash
from protocol.bodies import peek_blob_hash
from protocol.errors import LinkError, SealError
from protocol.keys import VerifyKey


class Proven(msgspec.Struct, frozen=True):
    """A batch whose head, links and blobs were checked. `links[i]` is the link of record i."""

    batch: batches.Batch
    links: Sequence[bytes]

    @property
    def last(self) -> int:
        """Seq of its last record, where its head stands."""
        return self.batch.first + len(self.links) - 1

    def link(self, seq: int) -> bytes:
        """The link at `seq`, from the one before its first record to its last."""
        if seq == self.batch.first - 1:
            return self.batch.link
        return self.links[seq - self.batch.first]


def verify_batch(batch: batches.Batch, terminal: bytes, key: VerifyKey) -> Proven:
    """Check one batch against the terminal's registered key.

    Raises MalformedError, SignatureError, LinkError, SealError.
    """
    head = chain.verify_head(batch.head, key)
    if (head.terminal, head.epoch) != (terminal, batch.epoch):
        raise LinkError("the head belongs to another terminal or epoch than the batch")
    link, links = batch.link, []
    for offset, (body, blob) in enumerate(batch.records):
        link = chain.next_link(link, body)
        links.append(link)
        if blob is not None and not _belongs(body, blob):
            raise SealError(f"record {batch.first + offset} names another blob than it came with")
    if head.seq != batch.first + len(links) - 1 or head.link != link:
        raise LinkError("the head does not cover the records it came with")
    return Proven(batch, links)


def _belongs(body: bytes, blob: bytes) -> bool:
    named = peek_blob_hash(body)
    # A body nobody can read is kept with its blob: custody comes before meaning.
    return named is None or named == blob_hash(blob)
