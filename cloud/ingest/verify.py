"""A batch that was found to be what a terminal signed, with the link at each record."""

from collections.abc import Sequence

import msgspec

from protocol.batches import Batch, Record
from protocol.keys import VerifyKey


class Proven(msgspec.Struct, frozen=True):
    """A batch whose head, links and blobs were checked. `links[i]` is the link of record i."""

    batch: Batch
    links: Sequence[bytes]

    @property
    def last(self) -> int:
        """Seq of its last record, where its head stands."""
        return self.batch.first + len(self.links) - 1

    def record(self, seq: int) -> Record:
        """Body and blob of the record at `seq`."""
        return self.batch.records[seq - self.batch.first]

    def link(self, seq: int) -> bytes:
        """The link at `seq`, from the one before its first record to its last."""
        if seq == self.batch.first - 1:
            return self.batch.link
        return self.links[seq - self.batch.first]


def verify_batch(batch: Batch, terminal: bytes, key: VerifyKey) -> Proven:
    """Check one batch against the terminal's registered key; reads no meaning.

    Raises MalformedError, SignatureError, LinkError, SealError.
    """
    return Proven(batch, batch.prove(key, terminal))
