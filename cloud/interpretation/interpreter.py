"""Records into registrations: in small turns behind custody, and all over again when asked.

An epoch is interpreted in the order of its seqs, up to a cursor that moves in the transaction of
the registrations it stands for: a crash between the two cannot happen. What cannot be understood
goes to `waiting` with its reason, and is tried again by `reinterpret`.
"""

import logging
from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, delete, select, update

from cloud.custody.tables import epochs, records, waiting
from cloud.interpretation import people, times, turns
from cloud.interpretation.attribution import attribute
from cloud.interpretation.places import Places
from cloud.interpretation.reattribution import reattribute_some
from cloud.interpretation.times import When
from cloud.interpretation.unsealing import Tap, Unsealer, WaitingError
from cloud.interpretation.writing import Draft, correct, write
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from protocol.bodies import Body, Direction, Kind
from protocol.errors import MalformedError
from protocol.seals import SealingKey

_log = logging.getLogger("pointeuse.interpretation")
_SILENT = frozenset({Kind.START, Kind.GAP, Kind.KEY})
"""Kinds that say something about the chain, and nothing about anybody's time."""


class _Epoch(msgspec.Struct, frozen=True):
    """An epoch with records beyond its cursor."""

    id: int
    terminal_id: int
    status: str
    interpreted_seq: int
    terminal: bytes
    epoch: bytes


class Interpreter:
    """Interprets one database. Used by one thread, the one that writes."""

    def __init__(self, engine: Engine, keys: Sequence[SealingKey]) -> None:
        """`keys` are the platform's private sealing keys, old ones too."""
        self._engine = engine
        self._unsealer = Unsealer(keys)
        self._people = people.People()
        self._places: dict[int, Places] = {}
        self._served = 0

    def step(self, limit: int) -> bool:
        """Interpret up to `limit` records and some re-attribution; whether more is to do."""
        try:
            with self._engine.begin() as conn:
                return self._turn(conn, limit)
        except BaseException:
            # Badges entered in a transaction that was undone have ids that others will get.
            self._forget()
            raise

    def run_to_end(self, limit: int = 2000) -> None:
        """Interpret everything there is."""
        while self.step(limit):
            continue

    # -- one turn ----------------------------------------------------------------------------

    def _turn(self, conn: Connection, limit: int) -> bool:
        served = turns.take(conn)
        changed = reattribute_some(conn, limit)
        if changed:
            served += 1
            turns.note(conn, served)
        if served != self._served:
            self._forget()
            self._served = served
        epoch = self._next(conn)
        if epoch is not None:
            self._interpret(conn, epoch, limit)
        return changed or epoch is not None

    def _forget(self) -> None:
        self._people.clear()
        self._places.clear()

    def _next(self, conn: Connection) -> _Epoch | None:
        row = conn.execute(
            select(
                epochs.c.id,
                epochs.c.terminal_id,
                terminals.c.status,
                epochs.c.interpreted_seq,
                terminals.c.thumbprint,
                epochs.c.epoch,
            )
            .join(terminals, terminals.c.id == epochs.c.terminal_id)
            .where(epochs.c.branch == 0, epochs.c.interpreted_seq < epochs.c.head_seq)
            # The least behind first: a backlog being drained makes nobody else wait.
            .order_by(epochs.c.head_seq - epochs.c.interpreted_seq)
            .limit(1)
        ).first()
        return None if row is None else _Epoch(*row)

    def _interpret(self, conn: Connection, epoch: _Epoch, limit: int) -> None:
        rows = conn.execute(
            select(records.c.seq, records.c.body, records.c.blob, records.c.received_ms)
            .where(records.c.epoch_id == epoch.id, records.c.seq > epoch.interpreted_seq)
            .order_by(records.c.seq)
            .limit(limit)
        ).all()
        if not rows:
            raise LookupError(f"epoch {epoch.id} has a head beyond its records")
        # What was said of these records at an earlier try is said again, or no longer true.
        conn.execute(
            delete(waiting).where(
                waiting.c.epoch_id == epoch.id, waiting.c.seq.between(rows[0].seq, rows[-1].seq)
            )
        )
        taps: list[Tap] = []
        clocks: list[Body] = []
        for seq, raw, blob, received_ms in rows:
            try:
                body = self._read(epoch, raw, seq)
                if body.kind == Kind.TAP:
                    badge = self._unsealer.open(conn, epoch.id, body, blob)
                    taps.append(Tap(epoch.id, seq, body, badge, received_ms))
                else:
                    self._take_note(body, clocks)
            except WaitingError as error:
                _wait(conn, epoch.id, seq, error)
        self._register(conn, epoch, taps, clocks)
        done = update(epochs).where(epochs.c.id == epoch.id)
        conn.execute(done.values(interpreted_seq=rows[-1].seq))

    def _take_note(self, body: Body, clocks: list[Body]) -> None:
        """A record that is no tap, and what it says about taps."""
        if body.kind == Kind.SEAL:
            self._unsealer.learn(body)
        elif body.kind == Kind.CLOCK:
            clocks.append(body)
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
        self, conn: Connection, epoch: _Epoch, taps: Sequence[Tap], clocks: Sequence[Body]
    ) -> None:
        known = self._people.know(conn, [tap.badge for tap in taps])
        places = self._places.get(epoch.terminal_id)
        if places is None:
            places = self._places[epoch.terminal_id] = Places(conn, [epoch.terminal_id])
        drafts = []
        for tap in taps:
            when = self._when(tap.body, clocks)
            person = known[tap.badge.profile, tap.badge.number]
            attribution = attribute(
                person,
                places.at(epoch.terminal_id, when.tapped_ms),
                when.tapped_ms,
                clock_unsure=when.unsure,
                disputed=epoch.status == "revoked",
            )
            drafts.append(
                Draft(
                    epoch_id=epoch.id,
                    seq=tap.seq,
                    terminal_id=epoch.terminal_id,
                    reader=tap.body.reader,
                    badge_id=person.badge_id,
                    assurance=int(tap.badge.assurance),
                    flags=tap.badge.flags,
                    direction=_direction(tap.body.direction),
                    received_ms=tap.received_ms,
                    when=when,
                    attribution=attribution,
                )
            )
        write(conn, drafts)
        for clock in clocks:
            correct(conn, epoch.id, epoch.terminal_id, clock)

    @staticmethod
    def _when(body: Body, clocks: Sequence[Body]) -> When:
        for clock in clocks:
            if clock.seq > body.seq and (found := times.corrected(body, clock)) is not None:
                return found
        return times.as_told(body)


def _direction(number: int | None) -> str:
    try:
        return Direction(number or 0).name.lower().replace("_", "-")
    except ValueError:
        return "auto"


def _wait(conn: Connection, epoch_id: int, seq: int, error: WaitingError) -> None:
    """Note a record that cannot be understood."""
    values: dict[str, Any] = {"reason": error.reason, "detail": str(error).replace("\0", "")}
    conn.execute(waiting.insert().values(epoch_id=epoch_id, seq=seq, tried_ms=now_ms(), **values))
