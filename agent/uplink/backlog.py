"""The journal as the uplink sees it: what to send next, and what a receipt changes.

Every method runs in the gate's thread, between two commits: the uplink never touches the journal.
"""

import logging
import time
from collections.abc import Callable, Sequence

from agent.queue.journal import Journal
from agent.queue.rows import Epoch, Row
from agent.recorder import Recorder
from agent.uplink.verdicts import Back, CloseEpoch, Forward, Hold, Ignore, Meaning, judge
from protocol import batches, chain
from protocol.errors import ProtocolError
from protocol.hello import EpochState
from protocol.receipts import Leaf, Verdict

_PAGE = 512
_log = logging.getLogger("pointeuse.uplink")


class Backlog:
    """What the platform does not have yet."""

    def __init__(
        self, journal: Journal, recorder: Recorder, closed: Callable[[], None] = lambda: None
    ) -> None:
        """`closed` is called when an epoch was closed with records that are still owed."""
        self._journal, self._recorder, self._closed = journal, recorder, closed
        self._sent: batches.Batch | None = None
        """The last batch made."""
        self._sent_from: dict[bytes, int] = {}
        self._sent_to: dict[bytes, int] = {}
        self.resends = 0
        """Records that were sent more than once, counted each time."""
        self._refilling: set[bytes] = set()
        """Epochs of which a restored platform has not yet said that it holds all of them again."""
        self._heard = 0
        """The newest generation that answered us."""

    def epochs(self) -> list[EpochState]:
        """What `hello` says of each retained epoch, newest first."""
        return [
            EpochState(e.epoch, e.ordinal, e.first, e.anchor, e.head, e.head_link, e.acked)
            for e in reversed(self._journal.epochs())
        ]

    def generation(self) -> int:
        """The newest generation of the platform that holds everything acknowledged."""
        return self._journal.number("generation")

    def next_batch(self, nonce: bytes, limit: int) -> batches.Batch | None:
        """The oldest records not receipted: at most `limit` octets, ending at a head; or None.

        Of a closed epoch, nothing is sent but what the platform held once: the rest is carried over
        into a later one.
        """
        epochs = self._journal.epochs()
        for epoch in epochs:
            first = max(self._sent_from.get(epoch.epoch, epoch.acked + 1), epoch.first)
            last = _last_to_send(epoch, epochs)
            if first <= last:
                return self._batch(epoch, first, last, nonce, limit)
        return None

    def receive(self, leaf: Leaf, leaf_hash: bytes, message: bytes, nonce: bytes) -> Meaning:
        """Apply a verified receipt. Raises CannotStoreError."""
        epoch = next((e for e in self._journal.epochs() if e.epoch == leaf.epoch), None)
        generation = self.generation()
        mine = leaf.nonce == nonce
        if mine and leaf.verdict is Verdict.BAD_SIGNATURE:
            self._doubt_what_was_sent(nonce)
        meaning = judge(
            leaf,
            terminal=self._recorder.terminal,
            nonce=nonce,
            generation=generation,
            heard=self._heard,
            first=epoch.first if epoch else 1,
            acked=epoch.acked if epoch else 0,
            link_at=self._links(epoch),
        )
        answered = mine and not isinstance(meaning, Ignore | Hold)
        newer = answered and leaf.generation > generation
        if newer and leaf.generation > self._heard:
            self._offer_again()
        if answered:
            self._heard = max(self._heard, leaf.generation)
        if isinstance(meaning, Forward) and epoch is not None:
            self._forward(epoch, meaning.seq, leaf, leaf_hash, message, mine=mine)
        elif isinstance(meaning, Back) and epoch is not None:
            self._sent_from[epoch.epoch] = meaning.seq + 1
        elif isinstance(meaning, CloseEpoch):
            meaning = self._close(leaf, meaning, epoch)
        if newer and not self._refilling:
            self._journal.set_fact("generation", b"%d" % leaf.generation)
        return meaning

    def _doubt_what_was_sent(self, nonce: bytes) -> None:
        """The platform refuses a batch: if it is wrong here too, the journal is damaged."""
        batch = self._sent
        if batch is None or batch.nonce != nonce:
            return
        try:
            batch.prove(self._recorder.public, self._recorder.terminal)
        except ProtocolError as error:
            self._journal.distrust(f"the journal holds a damaged record: {error}")

    def _offer_again(self) -> None:
        """A restored platform may lack anything: offer every epoch from its oldest record on.

        It answers the first batch of each with where it stands. The new generation is noted only
        once it took something of each, so that a refill cut short goes on where it stopped; one
        that a second restore cuts short begins anew.
        """
        epochs = self._journal.epochs()
        self._refilling.clear()
        for epoch in epochs:
            if epoch.first <= _last_to_send(epoch, epochs):
                self._sent_from[epoch.epoch] = epoch.first
                self._refilling.add(epoch.epoch)

    def _forward(
        self, epoch: Epoch, seq: int, leaf: Leaf, leaf_hash: bytes, message: bytes, *, mine: bool
    ) -> None:
        if mine:  # what was said before a restore moves nothing on
            self._sent_from[epoch.epoch] = seq + 1
            if seq >= epoch.acked:
                self._refilling.discard(epoch.epoch)
        if seq <= epoch.acked:
            return
        now_ms = time.time_ns() // 1_000_000
        self._journal.acknowledge(epoch.ordinal, seq, leaf.link, message, leaf_hash, now_ms)
        self._recorder.receipt_hash = leaf_hash

    def _close(self, leaf: Leaf, meaning: CloseEpoch, epoch: Epoch | None) -> Meaning:
        self._refilling.discard(leaf.epoch)
        if leaf.epoch != self._recorder.epoch:
            if leaf.verdict is Verdict.RESUME and epoch is not None:
                # Offered from its oldest record, what is mine becomes a branch.
                self._sent_from[epoch.epoch] = epoch.first
                return Back(epoch.first - 1)
            return Ignore("that epoch is closed already")
        self._recorder.new_epoch(meaning.why)
        self._closed()
        return meaning

    def _links(self, epoch: Epoch | None) -> Callable[[int], bytes | None]:
        if epoch is None:
            return lambda _: None
        known = epoch
        return lambda seq: self._journal.link(known, seq)

    def _batch(
        self, epoch: Epoch, first: int, last_seq: int, nonce: bytes, limit: int
    ) -> batches.Batch:
        rows = self._whole_groups(epoch, first, last_seq, limit - batches.OVERHEAD)
        link = self._journal.link(epoch, first - 1)
        last = rows[-1] if rows and rows[0].seq == first else None
        if link is None or last is None or last.signature is None:
            reason = f"record {first} of epoch {epoch.ordinal}, or its head, is not in the journal"
            self._journal.distrust(reason)
            raise LookupError(reason)
        self._note_sent(epoch.epoch, first, last.seq)
        head = chain.Head(self._recorder.terminal, epoch.epoch, last.seq, last.link)
        self._sent = batches.Batch(
            nonce,
            epoch.epoch,
            first,
            link,
            [(row.body, row.blob) for row in rows],
            chain.assemble_head(head, self._recorder.public, last.signature),
        )
        return self._sent

    def _note_sent(self, epoch: bytes, first: int, last: int) -> None:
        before = self._sent_to.get(epoch, 0)
        again = min(before, last)
        if again >= first:
            self.resends += again - first + 1
            _log.info("records %d to %d are sent again", first, again)
        self._sent_to[epoch] = max(before, last)

    def _whole_groups(self, epoch: Epoch, first: int, last: int, limit: int) -> list[Row]:
        rows: list[Row] = []
        size = whole = 0
        for row in self._journal.rows(epoch.ordinal, first, _PAGE):
            size += batches.record_size(row.body, row.blob)
            if row.seq > last or (size > limit and whole):
                break
            rows.append(row)
            if row.signature is not None:
                whole = len(rows)
        return rows[:whole]


def _last_to_send(epoch: Epoch, epochs: Sequence[Epoch]) -> int:
    """What a closed epoch never delivered is not sent: it is carried over into a later one."""
    return epoch.head if epoch is epochs[-1] else epoch.acked
