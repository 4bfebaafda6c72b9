"""Looks through the journal for damage, a few records at a time, round after round.

Storage decays unseen. Found early, most of a page's records can still be read elsewhere, and what
the platform has not receipted can be carried over.
"""

import logging

from agent.queue import proofs
from agent.queue.carving import Found
from agent.queue.errors import SQLITE_ERRORS
from agent.queue.journal import Journal
from agent.queue.rows import Epoch, Row
from protocol.blobs import blob_hash
from protocol.bodies import Body, peek_blob_hash
from protocol.chain import epoch_link, next_link
from protocol.errors import MalformedError
from protocol.keys import VerifyKey

SLICE = 64
"""Records in one step: some milliseconds of a small computer's time."""
_log = logging.getLogger("pointeuse.journal")


class DamageError(Exception):
    """What is wrong with a record."""


class Scrubber:
    """Used by one thread, the gate's."""

    def __init__(self, journal: Journal, terminal: bytes, signer: VerifyKey) -> None:
        self._journal, self._terminal, self._signer = journal, terminal, signer
        self._ordinal = 0
        self._seq = 0
        self._link = b""

    def step(self) -> bool:
        """Look at some records; whether this round goes on. Damage puts the journal in doubt."""
        try:
            epoch = self._next_epoch()
            if epoch is None:
                return False
            self._look(epoch)
        except DamageError as damage:
            self._journal.distrust(f"{self._journal.path} is damaged: {damage}")
            return False
        except SQLITE_ERRORS as error:
            if not self._journal.distrust(error):
                _log.warning("cannot look through %s: %s", self._journal.path, error)
            return False
        return True

    def _next_epoch(self) -> Epoch | None:
        """The epoch to go on in; None at the end of a round, which begins anew after it."""
        for epoch in self._journal.epochs():
            if epoch.ordinal < self._ordinal:
                continue
            if epoch.ordinal > self._ordinal or self._seq < epoch.first:  # also once it was pruned
                self._begin(epoch)
            if self._seq <= epoch.head:
                return epoch
        self._ordinal = 0
        return None

    def _begin(self, epoch: Epoch) -> None:
        self._ordinal, self._seq, self._link = epoch.ordinal, epoch.first, epoch.anchor
        if epoch.first == 1 and epoch.anchor != epoch_link(self._terminal, epoch.epoch):
            raise DamageError(f"epoch {epoch.ordinal} does not begin where it must")
        if epoch.acked >= epoch.first and not self._journal.has_receipt(epoch):
            raise DamageError(f"no receipt says that record {epoch.acked} is acknowledged")

    def _look(self, epoch: Epoch) -> None:
        rows = list(self._journal.rows(epoch.ordinal, self._seq, SLICE))
        if not rows:
            raise DamageError(f"record {self._seq} of epoch {epoch.ordinal} is gone")
        for row in rows:
            if row.seq != self._seq:
                raise DamageError(f"record {self._seq} of epoch {epoch.ordinal} is gone")
            self._check(epoch, row)
            self._seq, self._link = row.seq + 1, row.link
        if rows[-1].seq == epoch.head and rows[-1].signature is None:
            raise DamageError(f"no head stands at record {epoch.head} of epoch {epoch.ordinal}")

    def _check(self, epoch: Epoch, row: Row) -> None:
        name = f"record {row.seq} of epoch {epoch.ordinal}"
        if next_link(self._link, row.body) != row.link:
            raise DamageError(f"{name} does not continue the chain")
        if peek_blob_hash(row.body) != (None if row.blob is None else blob_hash(row.blob)):
            raise DamageError(f"the blob of {name} is not the one its body names")
        found = Found(epoch.epoch, row.seq, row.body, row.blob, row.link, row.signature)
        if row.signature is not None and not proofs.is_signed(found, self._terminal, self._signer):
            raise DamageError(f"the head at {name} is not signed by this terminal")
        try:
            body = Body.decode(row.body)
        except MalformedError as error:
            raise DamageError(f"{name}: {error}") from error
        if (body.epoch, body.seq) != (epoch.epoch, row.seq):
            raise DamageError(f"{name} says that it is another")
