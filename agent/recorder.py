"""From what readers saw to records in the journal: sealed, chained, signed, committed.

The recorder owns the keys, the epoch it is writing and the current content key. Its state moves
only once a commit has succeeded; a failed commit drops the content key, since a seal that is not
in the journal must seal nothing.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agent import carrying
from agent.clock import Clock
from agent.clock_records import KEEP_EACH_MS, ClockRecords
from agent.queue.errors import BrokenError, CannotStoreError
from agent.queue.journal import Journal
from agent.queue.rows import Epoch, Row
from agent.queue.salvaged import Item
from agent.reads import BadgeRead
from protocol import blobs, chain, seals
from protocol.badges import Badge
from protocol.bodies import BlobRef, Body, Direction, Kind, Time
from protocol.errors import MalformedError
from protocol.keys import SigningKey, VerifyKey
from protocol.salvaged import Gap

GROUP_READS = chain.MAX_GROUP - 2
"""Taps in one commit at most: a seal and a clock record may have to come before them."""

_DIRECTIONS = {
    "auto": Direction.AUTO,
    "in": Direction.IN,
    "out": Direction.OUT,
    "break-start": Direction.BREAK_START,
    "break-end": Direction.BREAK_END,
}


@dataclass(slots=True)
class _Seal:
    """The current content key, and how much of its life is left."""

    content: seals.ContentKey
    seq: int
    ends_ms: int
    taps_left: int


class Recorder:
    """Writes records at the end of the newest epoch. Used by one thread, the gate's."""

    def __init__(
        self,
        journal: Journal,
        key: SigningKey,
        clock: Clock,
        seal_to: Sequence[seals.SealingPublicKey],
        *,
        seal_ms: int = 3_600_000,
        seal_taps: int = 1000,
        lost: str | None = None,
    ) -> None:
        """Continue the newest epoch, or begin one; `lost` says why an earlier journal is gone.

        Raises CannotStoreError.
        """
        self.terminal = key.public.thumbprint
        newest = journal.fact("receipt-hash")
        # One that decayed would make each record unreadable.
        self.receipt_hash = newest if newest is not None and len(newest) == 32 else None
        self.config_version: int | None = None
        """The configuration in force, for each record to name."""
        self.seal_to = seal_to
        self._journal, self._key, self._clock = journal, key, clock
        self._seal_ms, self._seal_taps = seal_ms, seal_taps
        self._seal: _Seal | None = None
        self._prepared: blobs.TapSealer | None = None
        self._renewing: tuple[str, tuple[bytes, int, bytes]] | None = None
        """Why a new journal is being begun, and where the old one stood."""
        self._clock_records = ClockRecords(clock, journal)
        epochs = journal.epochs()
        if epochs:
            self._continue(epochs[-1])
        else:
            self._begin(lost or "first start", None)

    @property
    def public(self) -> VerifyKey:
        """The key under which heads verify."""
        return self._key.public

    @property
    def live_seal(self) -> int | None:
        """Seq of the current seal record, which pruning must leave."""
        return self._seal.seq if self._seal else None

    @staticmethod
    def check(read: BadgeRead) -> None:
        """Raises MalformedError for a read that no record can hold."""
        blobs.check_badge(_badge(read))

    def record(self, reads: Sequence[BadgeRead]) -> list[int]:
        """Commit one tap record for each read, GROUP_READS at most; their seqs.

        When this returns they are durable and signed. Raises CannotStoreError: then none is.
        """
        group = self._group()
        now, seal = group.now, self._seal
        if seal is None or seal.taps_left < len(reads) or now.boottime_ms >= seal.ends_ms:
            seal = self._add_seal(group, now)
        numbers = []
        # Drawn at once: each call for chance lets other threads in before this one.
        random = secrets.token_bytes(blobs.RANDOM * len(reads))
        for n, read in enumerate(reads):
            numbers.append(group.seq + 1)
            own = random[n * blobs.RANDOM : (n + 1) * blobs.RANDOM]
            self._add_tap(group, now, seal, read, own)
        self._commit(group)
        seal.taps_left -= len(reads)
        self._seal = seal
        return numbers

    def prepare(self) -> None:
        """Do what can be done for the next tap before it comes."""
        if self._seal is not None:
            random = secrets.token_bytes(blobs.RANDOM)
            self._prepared = self._new_sealer(self.seq + 1, self._seal, random)

    def note_clock(self) -> bool:
        """Write a clock record if the wall clock was set, stepped or synchronised; whether it did.

        Now and then it also keeps the time. Raises CannotStoreError.
        """
        group = self._group()
        now, records = group.now, self._clock_records
        records.keep_time(now, KEEP_EACH_MS)
        if not (records.may_come_alone(now) and group.rows):
            return False
        self._commit(group)
        records.came_alone()
        return True

    def keep_time(self) -> None:
        """Keep the time if it is known to be right, for the next boot. Raises CannotStoreError."""
        self._clock_records.keep_time(self._clock.now(), 1)

    def new_epoch(self, reason: str) -> None:
        """Close this epoch and begin another. Raises CannotStoreError."""
        self._begin(reason, (self.epoch, self.seq, self.link))

    def renew(self) -> None:
        """Go on in a new journal file, in a new epoch.

        Raises BrokenError: then nothing can be recorded, and this can be called again.
        """
        reason = self._journal.broken or "renewed"
        if self._renewing is None:
            self._renewing = (reason, (self.epoch, self.seq, self.link))
        reason, last = self._renewing
        self._journal.renew((last[0], last[1]))
        try:
            self._begin(reason, last)
        except CannotStoreError as error:
            self._journal.distrust(str(error))
            raise BrokenError(str(error)) from error
        self._renewing = None

    def carry_over(self, records: Sequence[Item | Gap], source: int | str, up_to: int) -> None:
        """Commit records of another place as SALVAGED and GAP records, MAX_GROUP at most.

        `source` and `up_to` are noted in the same commit, see `Journal.carry_over`. One that no
        body can hold becomes a gap. Raises CannotStoreError.
        """
        group = self._group()
        now = group.now
        for record in records:
            kind, data, blob_ref, blob = carrying.wrapped(record)
            try:
                body = self._body(group, kind, now, data=data, blob_ref=blob_ref)
            except MalformedError as error:
                gap = carrying.gap_for(record, str(error))
                body, blob = self._body(group, Kind.GAP, now, data=gap.data()), None
            group.add(body, blob)
        rows = group.signed(self._head_signature(group))
        self._journal.carry_over(self.ordinal, rows, source, up_to)
        self._committed(group)

    # -- one record each ---------------------------------------------------------------------

    def _add_tap(
        self, group: "_Group", now: Time, seal: _Seal, read: BadgeRead, random: bytes
    ) -> None:
        blob = self._sealer(group.seq + 1, seal, random).seal(_badge(read))
        body = self._body(
            group,
            Kind.TAP,
            now,
            reader=read.reader,
            direction=_DIRECTIONS[read.direction],
            blob_ref=BlobRef(seal.content.seal_id, blobs.blob_hash(blob)),
            receipt_hash=self.receipt_hash,
        )
        group.add(body, blob)

    def _sealer(self, seq: int, seal: _Seal, random: bytes) -> blobs.TapSealer:
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared.place == self._place(seq, seal):
            return prepared
        return self._new_sealer(seq, seal, random)

    def _new_sealer(self, seq: int, seal: _Seal, random: bytes) -> blobs.TapSealer:
        return blobs.TapSealer(seal.content, self._place(seq, seal), random)

    def _place(self, seq: int, seal: _Seal) -> blobs.Place:
        return blobs.Place(self.terminal, self.epoch, seq, seal.content.seal_id)

    def _add_seal(self, group: "_Group", now: Time) -> _Seal:
        content = seals.ContentKey.generate()
        seq = group.seq + 1
        data = seals.make_seal(
            content, self.seal_to, terminal=self.terminal, epoch=self.epoch, seq=seq
        )
        group.add(self._body(group, Kind.SEAL, now, data=data))
        return _Seal(content, seq, now.boottime_ms + self._seal_ms, self._seal_taps)

    def _group(self) -> "_Group":
        """What goes into the next commit: a clock record, if one is owed."""
        now, step = self._clock_records.owed()
        group = _Group(self.seq, self.link, now)
        if step is not None:
            data = {0: step.before_ms, 1: step.after_ms}
            group.add(self._body(group, Kind.CLOCK, now, data=data))
        return group

    def _body(self, group: "_Group", kind: Kind, now: Time, **fields: Any) -> bytes:
        version = self.config_version
        return Body(
            self.terminal, self.epoch, group.seq + 1, kind, now, config_version=version, **fields
        ).encode()

    # -- epochs and commits ------------------------------------------------------------------

    def _continue(self, epoch: Epoch) -> None:
        self.ordinal, self.epoch = epoch.ordinal, epoch.epoch
        self.seq, self.link = epoch.head, epoch.head_link
        told: Time | None = None
        for row in self._journal.rows(epoch.ordinal, epoch.head, 1):
            with suppress(MalformedError):
                told = Body.decode(row.body).time
        self._clock_records.go_on_after(told)

    def _begin(self, reason: str, previous: tuple[bytes, int, bytes] | None) -> None:
        """`previous` is the epoch before, its last seq and link."""
        epoch = secrets.token_bytes(16)
        ordinal = 1 + max((known for known, _ in self._journal.known_epochs()), default=0)
        anchor = chain.epoch_link(self.terminal, epoch)
        now = self._clock.now()
        data: dict[int, Any] = {0: reason, 1: ordinal}
        if previous is not None:
            data |= {2: previous[0], 3: previous[1], 4: previous[2]}
        version = self.config_version
        body = Body(
            self.terminal, epoch, 1, Kind.START, now, config_version=version, data=data
        ).encode()
        link = chain.next_link(anchor, body)
        signature = chain.head_signature(chain.Head(self.terminal, epoch, 1, link), self._key)
        row = Row(1, body, None, link, signature)
        self._journal.open_epoch(ordinal, epoch, anchor, now.wall_ms, row)
        self.ordinal, self.epoch, self.seq, self.link = ordinal, epoch, 1, link
        self._clock_records.go_on_after(now)
        self._seal = None

    def _commit(self, group: "_Group") -> None:
        try:
            self._journal.append(self.ordinal, group.signed(self._head_signature(group)))
        except CannotStoreError:
            self._seal = None
            raise
        self._committed(group)

    def _head_signature(self, group: "_Group") -> bytes:
        head = chain.Head(self.terminal, self.epoch, group.seq, group.link)
        return chain.head_signature(head, self._key)

    def _committed(self, group: "_Group") -> None:
        self.seq, self.link = group.seq, group.link
        self._clock_records.committed(group.now)


def _badge(read: BadgeRead) -> Badge:
    return Badge(read.badge, read.profile, read.assurance, read.flags, read.employer, read.worker)


class _Group:
    """Records on their way into one commit, under one head."""

    __slots__ = ("link", "now", "rows", "seq")

    def __init__(self, seq: int, link: bytes, now: Time) -> None:
        self.seq, self.link, self.now = seq, link, now
        self.rows: list[Row] = []

    def add(self, body: bytes, blob: bytes | None = None) -> None:
        self.seq += 1
        self.link = chain.next_link(self.link, body)
        self.rows.append(Row(self.seq, body, blob, self.link, None))

    def signed(self, signature: bytes) -> list[Row]:
        last = self.rows[-1]
        self.rows[-1] = Row(last.seq, last.body, last.blob, last.link, signature)
        return self.rows
