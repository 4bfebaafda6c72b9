"""The chains in custody: which records of an epoch are held, and where a batch fits.

A batch continues the chain, repeats it, leaves a gap, or contradicts it. A chain that contradicts
the first one is kept as a *branch*: whichever is the terminal's, neither is lost.
"""

import logging
from collections.abc import Callable

import msgspec
from sqlalchemy import Connection, insert, select, update

from cloud.custody import branches, gaps
from cloud.custody.gaps import Hole
from cloud.custody.tables import epochs, heads, records
from cloud.ingest import filling
from cloud.ingest.holding import Chain, Holding
from cloud.ingest.verify import Proven
from cloud.rows import insert_absent
from cloud.times import now_ms
from protocol.chain import epoch_link
from protocol.receipts import Verdict

_log = logging.getLogger("pointeuse.ingest")


class Placed(msgspec.Struct, frozen=True):
    """What became of a batch: the verdict, where its chain stands now, and what is wanted next."""

    verdict: Verdict
    seq: int
    link: bytes
    resume: int | None = None


class Anchor(msgspec.Struct, frozen=True):
    """The oldest record a terminal still has, as its hello said: link(`first`-1) is `link`."""

    first: int
    link: bytes


class Chains:
    """The chains of one terminal, within one transaction that holds their rows locked."""

    def __init__(
        self, conn: Connection, holding: Holding, terminal_id: int, terminal: bytes
    ) -> None:
        """`terminal` is its thumbprint; what is placed is written when `holding` is flushed."""
        self._conn, self._terminal_id, self._terminal = conn, terminal_id, terminal
        self._received_ms = now_ms()
        self._holding = holding
        self._chains = holding.of(terminal_id)

    def main(self, epoch: bytes) -> Chain | None:
        """The chain of an epoch that is attributed, if any of it is held."""
        found = self._chains.get(epoch)
        return found[0] if found else None

    def place(self, proven: Proven, anchor: Callable[[], Anchor | None]) -> Placed:
        """Put a batch where it belongs; `anchor` says where its epoch begins on the terminal."""
        epoch = proven.batch.epoch
        main = self.main(epoch) or self._open(epoch, 0)
        for chain in self._chains[epoch]:
            if self._continues(chain, proven):
                # What is sent again may hold what custody went on without.
                if proven.batch.first > chain.head_seq or not self._fill(chain, proven):
                    self._append(chain, proven)
                verdict = Verdict.BRANCH if chain.branch else Verdict.STORED
                # Not where the chain stands: of a batch sent again, a fork may come later in it,
                # and the terminal could not tell that its own records are held.
                return Placed(verdict, proven.last, proven.links[-1])
        if proven.batch.first <= main.head_seq + 1:
            if self._fill(main, proven):
                return Placed(Verdict.STORED, proven.last, proven.links[-1])
            return self._branch(epoch, proven)
        if self._accept_gap(main, proven, anchor()):
            self._append(main, proven)
            return Placed(Verdict.STORED, main.head_seq, main.head_link)
        return Placed(Verdict.RESUME, main.head_seq, main.head_link, main.head_seq + 1)

    def note_ordinal(self, epoch: bytes, ordinal: int) -> None:
        """Remember the number people know an epoch by."""
        self._conn.execute(
            update(epochs)
            .where(epochs.c.terminal_id == self._terminal_id, epochs.c.epoch == epoch)
            .where(epochs.c.ordinal.is_(None))
            .values(ordinal=ordinal)
        )

    # -- where a batch fits ------------------------------------------------------------------

    def _continues(self, chain: Chain, proven: Proven) -> bool:
        """Whether the batch agrees with `chain` where both speak, and leaves no gap after it."""
        first = proven.batch.first
        if not chain.first_seq <= first <= chain.head_seq + 1:
            return False
        shared = min(chain.head_seq, proven.last)
        return self._link(chain, shared) == proven.link(shared)

    def _link(self, chain: Chain, seq: int) -> bytes | None:
        if seq == chain.head_seq:
            return chain.head_link
        self._holding.flush()
        link: bytes | None = self._conn.execute(
            select(records.c.link).where(records.c.epoch_id == chain.id, records.c.seq == seq)
        ).scalar()
        return link

    def _append(self, chain: Chain, proven: Proven) -> None:
        """Add what `chain` does not hold yet; nothing for a batch sent again."""
        known = chain.head_seq - proven.batch.first + 1
        if known > 0:
            _log.info("%d records are known already", min(known, len(proven.links)))
        if known >= len(proven.links):
            return
        seq = chain.head_seq
        for (body, blob), link in zip(
            proven.batch.records[known:], proven.links[known:], strict=True
        ):
            seq += 1
            self._holding.add((chain.id, seq, body, blob, link, self._received_ms))
        chain.head_seq, chain.head_link = seq, proven.links[-1]
        self._holding.add_head(chain, proven.batch.head)

    def _accept_gap(self, chain: Chain, proven: Proven, anchor: Anchor | None) -> bool:
        """Begin anew at the oldest record the terminal still has; what is missing is shown."""
        first = proven.batch.first
        if anchor is None or (anchor.first, anchor.link) != (first, proven.batch.link):
            return False
        hole = Hole(chain.head_seq + 1, first - 1, proven.batch.link)
        gaps.note(self._conn, self._terminal_id, chain.id, hole)
        if chain.head_seq == 0:
            chain.first_seq = first
        chain.head_seq, chain.head_link = first - 1, proven.batch.link
        self._holding.changed(chain)
        return True

    def _fill(self, chain: Chain, proven: Proven) -> bool:
        """Add records that `chain` went on without, if they are the ones; whether they are."""
        self._holding.flush()
        start = epoch_link(self._terminal, proven.batch.epoch)
        head = (chain.head_seq, chain.head_link)
        holes = filling.holes_filled(self._conn, chain.id, start, head, proven)
        if not holes:
            return False
        found = filling.missed(holes, proven)
        for seq in found:
            body, blob = proven.record(seq)
            self._holding.add((chain.id, seq, body, blob, proven.link(seq), self._received_ms))
        for hole in holes:
            rest = filling.left_of(hole, proven)
            gaps.close(self._conn, self._terminal_id, chain.id, hole, rest)
        filling.interpret_from(self._conn, chain.id, found[0])
        if found[0] < chain.first_seq:
            chain.first_seq = found[0]
            self._holding.changed(chain)
        if proven.last > chain.head_seq:
            self._append(chain, proven)
        else:
            at_head = {"epoch_id": chain.id, "seq": proven.last, "head": proven.batch.head}
            insert_absent(self._conn, heads, [at_head], ["epoch_id", "seq"])
        return True

    def _branch(self, epoch: bytes, proven: Proven) -> Placed:
        branch = self._open(epoch, len(self._chains[epoch]))
        branch.first_seq = proven.batch.first
        branch.head_seq, branch.head_link = proven.batch.first - 1, proven.batch.link
        first = proven.batch.first
        branches.alarm(self._conn, self._terminal_id, epoch, branch.branch, first)
        self._append(branch, proven)
        return Placed(Verdict.BRANCH, branch.head_seq, branch.head_link)

    def _open(self, epoch: bytes, branch: int) -> Chain:
        start = epoch_link(self._terminal, epoch)
        result = self._conn.execute(
            insert(epochs)
            .values(
                terminal_id=self._terminal_id,
                epoch=epoch,
                branch=branch,
                head_link=start,
                created_ms=self._received_ms,
            )
            .returning(epochs.c.id)
        )
        chain = Chain(result.scalar_one(), branch, 1, 0, start)
        self._chains.setdefault(epoch, []).append(chain)
        return chain
