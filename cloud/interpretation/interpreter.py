"""Records into registrations: in small turns behind custody, and all over again when asked.

An epoch is interpreted in the order of its seqs, up to a cursor that moves in the transaction of
the registrations it stands for: a crash between the two cannot happen. What cannot be understood
goes to `waiting` with its reason, and is tried again by `reinterpret`.
"""

import logging
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, select, update

from cloud import failures
from cloud.custody.alarms import raise_alarm
from cloud.custody.branches import is_attributed
from cloud.custody.tables import epochs, records, waiting
from cloud.db import unavailable
from cloud.interpretation import carrying, clocks, people, times, turns
from cloud.interpretation.corrections import Corrector, reach
from cloud.interpretation.drafts import draft, is_disputed, moment
from cloud.interpretation.places import Places
from cloud.interpretation.reattribution import drop_oldest, reattribute_some
from cloud.interpretation.unsealing import Tap, Unsealer, WaitingError
from cloud.interpretation.writing import existing, write
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from protocol import cbor
from protocol.bodies import Body, Kind
from protocol.errors import MalformedError
from protocol.seals import SealingKey

_MOST = 4096
"""Records in one turn at most."""
_EPOCHS = 256
"""Epochs in one turn at most."""
_REQUEST = (0, 0, 0)
_log = logging.getLogger("pointeuse.interpretation")
_SILENT = frozenset({Kind.CLOCK, Kind.KEY})
"""Kinds that say something about the chain, and nothing about anybody's time."""


class _Epoch(msgspec.Struct, frozen=True):
    """An epoch with records beyond its cursor."""

    id: int
    terminal_id: int
    status: str
    interpreted_seq: int
    head_seq: int
    terminal: bytes
    epoch: bytes
    branch: int


_Meaning = tuple[Body, Body | None]
"""What a record says, and the record that carries it, if one does."""


class Interpreter:
    """Interprets one database. Used by one thread, the one that writes."""

    def __init__(self, engine: Engine, keys: Sequence[SealingKey]) -> None:
        """`keys` are the platform's private sealing keys, old ones too."""
        self._engine = engine
        self._unsealer = Unsealer(keys)
        self._people = people.People()
        self._places: dict[int, Places] = {}
        self._served = 0
        self._most = _MOST
        self._doing: tuple[int, int, int] | None = None
        """Epoch, seq and the epoch's cursor of the record being interpreted, or _REQUEST."""
        self._failing: tuple[int, int, int] | None = None
        """What failed in the last turn."""
        self._corrector = Corrector()

    def step(self, limit: int) -> bool:
        """Interpret up to `limit` records and some re-attribution; whether more is to do.

        A record that cannot be written, whatever it does to the database or to this code, is found
        by ever shorter turns, and waits when it fails twice alone. Raises what
        `cloud.db.unavailable` knows, and an error that is no record's.
        """
        limit = min(limit, self._most)
        try:
            with self._engine.begin() as conn:
                more = self._turn(conn, limit)
        except BaseException as error:
            # Badges entered in a transaction that was undone have ids that others will get.
            self._forget()
            if not isinstance(error, Exception) or unavailable(error):
                raise
            doing, self._failing = self._failing, self._doing
            if limit == 1 and doing == self._doing:
                self._set_aside(error)
            self._most = max(1, limit // 2)
            return True
        self._most = min(self._most * 2, _MOST)
        self._failing = None
        return more

    def run_to_end(self, limit: int = 2000) -> None:
        """Interpret everything there is."""
        while self.step(limit):
            continue

    # -- one turn ----------------------------------------------------------------------------

    def _turn(self, conn: Connection, limit: int) -> bool:
        self._doing = None
        served = turns.take(conn)
        self._doing = _REQUEST
        changed = reattribute_some(conn, limit)
        self._doing = None
        if changed:
            served += 1
            turns.note(conn, served)
        if served != self._served:
            self._forget()
            self._served = served
        left = limit
        for epoch in self._behind(conn):
            left -= self._interpret(conn, epoch, left)
            if left <= 0:
                break
        return changed or left < limit

    def _forget(self) -> None:
        self._people.clear()
        self._places.clear()

    def _set_aside(self, error: Exception) -> None:
        """Let the one record that was being interpreted wait, visibly, and go on after it.

        A request that cannot be served goes, and leaves an alarm.
        """
        if self._doing is None:
            raise error
        if self._doing == _REQUEST:
            with self._engine.begin() as conn:
                drop_oldest(conn)
                raise_alarm(conn, None, "reattribution", failures.where(error))
            return
        epoch_id, seq, cursor = self._doing
        found = WaitingError("failed", failures.where(error))
        _log.error("record %d of epoch %d cannot be interpreted: %s", seq, epoch_id, found)
        with self._engine.begin() as conn:
            conn.execute(
                delete(waiting).where(waiting.c.epoch_id == epoch_id, waiting.c.seq == seq)
            )
            _wait(conn, epoch_id, seq, found)
            _done(conn, epoch_id, cursor, seq)

    def _behind(self, conn: Connection) -> list[_Epoch]:
        rows = conn.execute(
            select(
                epochs.c.id,
                epochs.c.terminal_id,
                terminals.c.status,
                epochs.c.interpreted_seq,
                epochs.c.head_seq,
                terminals.c.thumbprint,
                epochs.c.epoch,
                epochs.c.branch,
            )
            .join(terminals, terminals.c.id == epochs.c.terminal_id)
            .where(is_attributed(), epochs.c.interpreted_seq < epochs.c.head_seq)
            # The least behind first: a backlog being drained makes nobody else wait.
            .order_by(epochs.c.head_seq - epochs.c.interpreted_seq)
            .limit(_EPOCHS)
        )
        return [_Epoch(*row) for row in rows]

    def _interpret(self, conn: Connection, epoch: _Epoch, limit: int) -> int:
        """Interpret up to `limit` records of one epoch; how many were read, at least one."""
        rows = conn.execute(
            select(records.c.seq, records.c.body, records.c.blob, records.c.received_ms)
            .where(records.c.epoch_id == epoch.id, records.c.seq > epoch.interpreted_seq)
            .order_by(records.c.seq)
            .limit(limit)
        ).all()
        if not rows:
            what = f"records {epoch.interpreted_seq + 1} to {epoch.head_seq} of epoch {epoch.id}"
            raise_alarm(conn, epoch.terminal_id, "custody", f"{what} are not in the database")
            _done(conn, epoch.id, epoch.interpreted_seq, epoch.head_seq)
            return 1
        first: int = rows[0].seq
        last = first
        elsewhere = carrying.counted_elsewhere(
            conn, epoch.terminal_id, epoch.epoch, first, rows[-1].seq
        )
        carrying.read_again(conn, epoch.terminal_id, epoch.epoch, first, rows[-1].seq)
        carries: dict[bytes, int] = {}
        taps: list[Tap] = []
        waits: list[tuple[int, WaitingError]] = []
        boots: list[tuple[int, bytes]] = []
        clock: Body | None = None
        clock_seq = 0
        for seq, raw, blob, received_ms in rows:
            self._doing = (epoch.id, seq, epoch.interpreted_seq)
            try:
                body, carrier = self._meaning(conn, epoch, raw, seq)
                if carrier is not None:
                    carries[body.epoch] = max(body.seq, carries.get(body.epoch, 0))
                if times.is_set(body):
                    # It has a turn of its own, for the taps of earlier turns.
                    if seq == first:
                        carrying.note_carriers(conn, epoch.terminal_id, epoch.id, carries)
                        return self._correct(conn, epoch, seq, body, limit)
                    clock, clock_seq = body, seq
                    break
                boots.append((seq, body.time.boot))
                if body.kind != Kind.TAP:
                    self._take_note(conn, epoch, body)
                elif self._counts(conn, epoch, seq, raw, carrier, elsewhere):
                    badge = self._unsealer.open(conn, _places(conn, epoch, seq, body), body, blob)
                    taps.append(Tap(epoch.id, seq, body, badge, received_ms))
            except WaitingError as error:
                waits.append((seq, error))
            last = seq
        self._register(conn, epoch, taps, clock, reach(boots, clock_seq, clock) if clock else 0)
        carrying.note_carriers(conn, epoch.terminal_id, epoch.id, carries)
        # What was said of these records at an earlier try is said again, or no longer true.
        conn.execute(
            delete(waiting).where(
                waiting.c.epoch_id == epoch.id, waiting.c.seq.between(first, last)
            )
        )
        for seq, why in waits:
            _wait(conn, epoch.id, seq, why)
        _done(conn, epoch.id, epoch.interpreted_seq, last)
        return len(rows)

    def _correct(self, conn: Connection, epoch: _Epoch, seq: int, clock: Body, limit: int) -> int:
        """Correct taps before a clock record, some in each turn, until all are; then pass it."""
        clocks.note(conn, epoch.id, seq, clock)
        place = (epoch.id, epoch.epoch, seq)
        read, complete = self._corrector.apply(conn, epoch.terminal_id, place, clock, limit)
        if complete:
            _done(conn, epoch.id, epoch.interpreted_seq, seq)
        return max(read, 1)

    def _meaning(self, conn: Connection, epoch: _Epoch, raw: bytes, seq: int) -> _Meaning:
        """What a record says; of one that carries another, what that says."""
        body = self._read(epoch, raw, seq)
        if body.kind != Kind.SALVAGED:
            return body, None
        inner = carrying.meant(body)
        carrying.note_unproved(conn, epoch.terminal_id, body)
        return inner, body

    @staticmethod
    def _counts(
        conn: Connection,
        epoch: _Epoch,
        seq: int,
        raw: bytes,
        carrier: Body | None,
        elsewhere: Collection[tuple[int, bytes]],
    ) -> bool:
        """Whether a tap counts here, and in no other record."""
        if carrier is not None:
            return carrying.counts(conn, epoch.terminal_id, (epoch.id, seq), carrier)
        if epoch.branch and carrying.counted_in_another(conn, epoch.id, epoch.epoch, seq, raw):
            return False
        return not elsewhere or (seq, cbor.digest(raw)) not in elsewhere

    def _take_note(self, conn: Connection, epoch: _Epoch, body: Body) -> None:
        """A record that is no tap."""
        if body.kind == Kind.SEAL:
            self._unsealer.learn(body)
        elif body.kind == Kind.GAP:
            carrying.note_gap(conn, epoch.terminal_id, body)
        elif body.kind == Kind.START:
            carrying.note_ordinal(conn, epoch.terminal_id, body)
        elif body.kind not in _SILENT:
            raise WaitingError("unknown-kind", f"records of kind {body.kind} are unknown")

    @staticmethod
    def _read(epoch: _Epoch, raw: bytes, seq: int) -> Body:
        try:
            body = Body.decode(raw)
        except MalformedError as error:
            raise WaitingError("undecodable", str(error)) from error
        if body.seq != seq:
            raise WaitingError("undecodable", f"the body says seq {body.seq}, its place is {seq}")
        # Whoever saw another's taps could put them into a chain of his own, seals and all.
        if (body.terminal, body.epoch) != (epoch.terminal, epoch.epoch):
            raise WaitingError(
                "undecodable", "the body names another terminal or epoch than its own"
            )
        return body

    def _register(
        self,
        conn: Connection,
        epoch: _Epoch,
        taps: Sequence[Tap],
        clock: Body | None,
        corrected_from: int,
    ) -> None:
        """`clock` is the clock record that comes next, if one was seen."""
        if not taps:
            return
        known = self._people.know(conn, [tap.badge for tap in taps])
        places = self._places.get(epoch.terminal_id)
        if places is None:
            places = self._places[epoch.terminal_id] = Places(conn, [epoch.terminal_id])
        there = existing(conn, epoch.id, taps[0].seq, taps[-1].seq)
        told = clocks.Clocks(conn, epoch.id, taps[0].seq, [tap.body.time for tap in taps])
        drafts = []
        for tap in taps:
            row = there.get(tap.seq)
            following = clock.time if clock and tap.seq >= corrected_from else None
            when = moment(tap.body, following or told.of(tap.body.time), row)
            drafts.append(
                draft(
                    tap,
                    epoch.terminal_id,
                    when,
                    known[tap.badge.profile, tap.badge.number],
                    places.at(epoch.terminal_id, when.tapped_ms),
                    disputed=is_disputed(epoch.status, row),
                )
            )
        write(conn, drafts, there)


def _places(conn: Connection, epoch: _Epoch, seq: int, body: Body) -> Sequence[tuple[int, int]]:
    """Where the seal of a tap at `seq` may stand: before it, and before where it stood first."""
    here = (epoch.id, seq)
    if body.epoch == epoch.epoch and not epoch.branch:
        return [here]
    chains = carrying.chains_of(conn, epoch.terminal_id, body.epoch)
    return [here, *((chain.id, body.seq) for chain in chains if chain.id != epoch.id)]


def _wait(conn: Connection, epoch_id: int, seq: int, error: WaitingError) -> None:
    """Note a record that cannot be understood."""
    values: dict[str, Any] = {"reason": error.reason, "detail": str(error).replace("\0", "")}
    conn.execute(waiting.insert().values(epoch_id=epoch_id, seq=seq, tried_ms=now_ms(), **values))


def _done(conn: Connection, epoch_id: int, cursor: int, seq: int) -> None:
    """Move an epoch's cursor from `cursor` to `seq`; if it was sent back meanwhile, leave it."""
    conn.execute(
        update(epochs)
        .where(epochs.c.id == epoch_id, epochs.c.interpreted_seq == cursor)
        .values(interpreted_seq=seq)
    )
