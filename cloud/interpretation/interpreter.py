"""Records into registrations: in small turns behind custody, and all over again when asked.

An epoch is interpreted in the order of its seqs, up to a cursor that moves in the transaction of
the registrations it stands for: a crash between the two cannot happen. What cannot be understood
goes to `waiting` with its reason, and is tried again by `reinterpret`.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Engine, delete, select, update

from cloud import failures
from cloud.custody.alarms import raise_alarm
from cloud.custody.saying import What
from cloud.custody.tables import epochs, waiting
from cloud.db import unavailable
from cloud.interpretation import carrying, clocks, people, reading, times, turns
from cloud.interpretation.corrections import Corrector
from cloud.interpretation.drafts import Draft, draft, is_disputed, moment
from cloud.interpretation.places import Places
from cloud.interpretation.reading import Epoch
from cloud.interpretation.reattribution import drop_oldest, reattribute_some
from cloud.interpretation.understanding import Span, Understanding
from cloud.interpretation.unsealing import Unsealer, WaitingError
from cloud.interpretation.writing import existing_of, write
from cloud.rows import among
from cloud.times import now_ms
from protocol.bodies import Body
from protocol.seals import SealingKey

_MOST = 4096
"""Records in one turn at most."""
_REQUEST = (0, 0, 0)
_log = logging.getLogger("pointeuse.interpretation")


class Interpreter:
    """Interprets one database. Used by one thread, the one that writes."""

    def __init__(self, engine: Engine, keys: Sequence[SealingKey]) -> None:
        """`keys` are the platform's private sealing keys, old ones too."""
        self._engine = engine
        self._understanding = Understanding(Unsealer(keys))
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
        waiting = reading.behind(conn)
        while waiting and left > 0:
            lot = reading.lot(waiting, left)
            waiting = waiting[len(lot) :]
            left -= self._interpret(conn, lot, left)
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
                raise_alarm(conn, None, What.REATTRIBUTION, where=failures.where(error))
            return
        epoch_id, seq, cursor = self._doing
        found = WaitingError("failed", failures.where(error))
        _log.error("record %d of epoch %d cannot be interpreted: %s", seq, epoch_id, found)
        with self._engine.begin() as conn:
            conn.execute(
                delete(waiting).where(waiting.c.epoch_id == epoch_id, waiting.c.seq == seq)
            )
            _wait(conn, epoch_id, seq, found)
            conn.execute(
                update(epochs)
                .where(epochs.c.id == epoch_id, epochs.c.interpreted_seq == cursor)
                .values(interpreted_seq=seq)
            )

    def _interpret(self, conn: Connection, lot: Sequence[Epoch], limit: int) -> int:
        """Interpret up to `limit` records of some epochs; how many were read, at least one."""
        read = reading.read(conn, lot, limit)
        carried = carrying.carried_epochs(conn, [epoch.terminal_id for epoch in lot])
        spans: list[Span] = []
        counted = 0
        for epoch in lot:
            rows = read[epoch.id]
            counted += max(1, len(rows))
            if not rows:
                self._miss(conn, epoch)
                continue
            elsewhere = set()
            if (epoch.terminal_id, epoch.epoch) in carried:
                place = (epoch.terminal_id, epoch.epoch, rows[0].seq, rows[-1].seq)
                elsewhere = carrying.counted_elsewhere(conn, *place)
                carrying.read_again(conn, *place)
            span = self._understanding.of(conn, epoch, rows, elsewhere, self._begin)
            if isinstance(span, Span):
                spans.append(span)
            else:
                counted += self._correct(conn, epoch, rows[0].seq, span, limit)
        self._register(conn, spans)
        for span in spans:
            terminal_id = span.epoch.terminal_id
            carrying.note_carriers(conn, terminal_id, span.epoch.id, span.carries)
        _note_waiting(conn, spans)
        reading.pass_by(conn, [(span.epoch, span.last) for span in spans])
        return counted

    def _begin(self, epoch: Epoch, seq: int) -> None:
        self._doing = (epoch.id, seq, epoch.interpreted_seq)

    @staticmethod
    def _miss(conn: Connection, epoch: Epoch) -> None:
        """Pass by records that are not where they should be, and raise the alarm."""
        first, last = epoch.interpreted_seq + 1, epoch.head_seq
        raise_alarm(conn, epoch.terminal_id, What.ABSENT, first=first, last=last, epoch=epoch.id)
        reading.pass_by(conn, [(epoch, epoch.head_seq)])

    def _correct(self, conn: Connection, epoch: Epoch, seq: int, clock: Body, limit: int) -> int:
        """Correct taps before a clock record, some in each turn, until all are; then pass it."""
        clocks.note(conn, epoch.id, seq, clock)
        place = (epoch.id, epoch.epoch, seq)
        read, complete = self._corrector.apply(conn, epoch.terminal_id, place, clock, limit)
        if complete:
            reading.pass_by(conn, [(epoch, seq)])
        return read

    def _register(self, conn: Connection, spans: Sequence[Span]) -> None:
        spans = [span for span in spans if span.taps]
        if not spans:
            return
        known = self._people.know(conn, [tap.badge for span in spans for tap in span.taps])
        absent = {span.epoch.terminal_id for span in spans} - self._places.keys()
        if absent:
            self._places |= dict.fromkeys(absent, Places(conn, absent))
        there = existing_of(
            conn, [(span.epoch.id, span.taps[0].seq, span.taps[-1].seq) for span in spans]
        )
        write(
            conn, [each for span in spans for each in self._drafts(conn, span, known, there)], there
        )

    def _drafts(
        self,
        conn: Connection,
        span: Span,
        known: Mapping[tuple[str, str], people.Person],
        there: Mapping[tuple[int, int], Any],
    ) -> Iterator[Draft]:
        """The registrations of a span's taps, beside those that are `there` already.

        A clock record corrects as it would if it came in a later turn: one that is only set leaves
        alone what an earlier one corrects.
        """
        epoch, clock = span.epoch, span.clock
        told = clocks.Clocks(conn, epoch.id, span.first, [tap.body.time for tap in span.taps])
        for tap in span.taps:
            row = there.get((epoch.id, tap.seq))
            right = told.of(tap.body.time)
            if (
                clock
                and tap.seq >= span.corrected_from
                and (right is None or times.is_synchronised(clock))
            ):
                right = clock.time
            when = moment(tap.body, right, row)
            yield draft(
                tap,
                epoch.terminal_id,
                when,
                known[tap.badge.profile, tap.badge.number],
                self._places[epoch.terminal_id].at(epoch.terminal_id, when.tapped_ms),
                disputed=is_disputed(epoch.status, row),
                row=row,
            )


def _note_waiting(conn: Connection, spans: Sequence[Span]) -> None:
    """Note the records that cannot be understood.

    What was said of them at an earlier try is said again, or no longer true.
    """
    ids = [span.epoch.id for span in spans]
    known = set(
        conn.execute(
            select(waiting.c.epoch_id).where(among(conn, waiting.c.epoch_id, ids)).distinct()
        ).scalars()
    )
    for span in spans:
        if span.epoch.id in known:
            here = waiting.c.seq.between(span.first, span.last)
            conn.execute(delete(waiting).where(waiting.c.epoch_id == span.epoch.id, here))
        for seq, why in span.waits:
            _wait(conn, span.epoch.id, seq, why)


def _wait(conn: Connection, epoch_id: int, seq: int, error: WaitingError) -> None:
    """Note a record that cannot be understood."""
    values: dict[str, Any] = {"reason": error.reason, "detail": str(error).replace("\0", "")}
    conn.execute(waiting.insert().values(epoch_id=epoch_id, seq=seq, tried_ms=now_ms(), **values))
