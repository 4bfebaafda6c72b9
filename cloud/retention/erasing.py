"""Erasing one person, as far as one company may: in batches, each whole, and done again if need be.

First all that the company knows of the person is *restricted*; then what is older than the law
makes it keep goes, unless another company still keeps it. What is left goes by its age, with the
sweep. `Erasure` is one such work; whoever begins it a second time finds less to do.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, and_, func, select

from cloud.api import forgetting
from cloud.custody import erasure
from cloud.custody.erasure import Copies
from cloud.interpretation import turns
from cloud.registrations.dating import dated
from cloud.registrations.holding import shown_to
from cloud.registrations.tables import registration_corrections, registrations
from cloud.retention import asking, leftovers, presences, removal, restricting
from cloud.retention.log import Log, done
from cloud.retention.presences import Tally
from cloud.retention.terms import Fate, Terms, until_ms
from cloud.settings import Retention
from cloud.workers.tables import restrictions

BATCH = 500
_corrections = registration_corrections


class Erasure:
    """One person, one company, as of a moment."""

    def __init__(
        self,
        engine: Engine,
        log: Log | None,
        limits: Retention,
        *,
        company: int,
        worker: int,
        at_ms: int,
        now_ms: int,
    ) -> None:
        """What was tapped up to `at_ms`. Without a `log` what goes is in the log already."""
        self._engine, self._log, self._limits = engine, log, limits
        self._company, self._worker = company, worker
        self._at_ms, self._now_ms = at_ms, now_ms
        self._copies = Copies()

    def run(self, batch: int = BATCH) -> Tally:
        """Do all of it; how much of each kind was restricted or went."""
        tally: Tally = Counter()
        with self._engine.begin() as conn:
            self._begin(conn, tally)
        for step in (self._restrict, self._remove, self._correct):
            more = True
            while more:
                with self._engine.begin() as conn:
                    # As a turn of interpretation: nobody registers anew what goes.
                    served = turns.take(conn)
                    some: Tally = Counter()
                    more = step(conn, some, batch)
                    asking.count(conn, self._company, self._worker, some)
                    tally += some
                    turns.note(conn, served + 1)
        with self._engine.begin() as conn:
            turns.note(conn, turns.take(conn) + 1)
            self._finish(conn, tally)
        return tally

    def _begin(self, conn: Connection, tally: Tally) -> None:
        turns.note(conn, turns.take(conn) + 1)
        some: Tally = Counter()
        hidden = self._hidden(conn)
        badges = restricting.restrict(conn, self._company, self._worker, self._at_ms)
        for kind, number in (("badges", badges), ("corrections-restricted", hidden)):
            if number:
                some[self._company, kind] += number
        asking.count(conn, self._company, self._worker, some)
        tally += some
        forgetting.of_worker(conn, self._company, self._worker)
        removal.forget_earlier(conn, self._company, self._worker, self._at_ms, self._now_ms)

    def _restrict(self, conn: Connection, tally: Tally, batch: int) -> bool:
        """Hide some presences; whether there may be more."""
        rows = conn.execute(
            presences.selected().where(self._mine(), shown_to(self._company)).limit(batch)
        ).all()
        fates = [
            (
                row,
                Fate(
                    row.company_id == self._company and not row.site_let_go,
                    row.employer_id == self._company and not row.employer_let_go,
                    goes=False,
                ),
            )
            for row in rows
        ]
        tally += removal.let_go(conn, fates, self._now_ms, erased=False)
        return len(rows) == batch

    def _remove(self, conn: Connection, tally: Tally, batch: int) -> bool:
        """Take away some presences that nobody has to keep; whether there may be more."""
        terms = Terms.of(conn, self._limits, self._now_ms)
        rows = [row for row in self._old(conn, terms) if terms.fate(row).goes][:batch]
        found = erasure.sealed(conn, [(row.epoch_id, row.seq) for row in rows])
        if self._log is not None:
            # Before the database does it, which an older backup undoes.
            self._log.records(found, self._now_ms, above=done(conn))
        erasure.mark(conn, found)
        erasure.forget_refused(conn, found)
        tally += removal.remove(conn, rows, found, self._copies, self._now_ms)
        return len(rows) == batch

    def _old(self, conn: Connection, terms: Terms) -> Iterator[Any]:
        """Presences older than the law makes the company keep them."""
        old = dated() < terms.before_ms(self._limits.minimum_months)
        yield from conn.execute(
            presences.selected()
            .where(self._mine(), presences.of_worker(self._worker, self._company), old)
            .order_by(registrations.c.id)
        )

    def _correct(self, conn: Connection, tally: Tally, batch: int) -> bool:
        """Take away old corrections that the company made; hide the others in snapshots."""
        mine, old = self._corrections(conn)
        rows = conn.execute(select(_corrections).where(mine, old).limit(batch)).all()
        tally += removal.remove_corrections(conn, rows, self._now_ms)
        if len(rows) < batch:
            kept = conn.execute(select(_corrections).where(mine, ~old)).all()
            removal.hide_corrections(conn, kept, self._now_ms, erased=False)
        return len(rows) == batch

    def _corrections(self, conn: Connection) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
        """The company's corrections about the person, and those that need not be kept."""
        terms = Terms.of(conn, self._limits, self._now_ms)
        mine = and_(
            _corrections.c.company_id == self._company,
            _corrections.c.worker_id == self._worker,
            _corrections.c.tapped_ms <= self._at_ms,
        )
        return mine, _corrections.c.tapped_ms < terms.before_ms(self._limits.minimum_months)

    def _hidden(self, conn: Connection) -> int:
        """How many corrections are kept, and were not restricted before."""
        mine, old = self._corrections(conn)
        before = select(restrictions.c.until_ms).where(
            restrictions.c.company_id == self._company, restrictions.c.worker_id == self._worker
        )
        since_ms = conn.execute(before).scalar()
        query = select(func.count()).select_from(_corrections).where(mine, ~old)
        if since_ms is not None:
            query = query.where(_corrections.c.tapped_ms > since_ms)
        return int(conn.execute(query).scalar_one())

    def _finish(self, conn: Connection, tally: Tally) -> None:
        terms = Terms.of(conn, self._limits, self._now_ms)
        some, freed = leftovers.end(conn, terms, [self._worker])
        leftovers.orphans(conn, freed)
        asking.count(conn, self._company, self._worker, some)
        tally += some
        asking.finish(
            conn,
            self._company,
            self._worker,
            last_kept_ms(conn, terms, self._company, self._worker),
        )

    def _mine(self) -> ColumnElement[bool]:
        return (registrations.c.worker_id == self._worker) & (dated() <= self._at_ms)


def last_kept_ms(conn: Connection, terms: Terms, company: int, worker: int) -> int | None:
    """When the last that a company keeps of a restricted worker may go; None: it keeps nothing."""
    presence = select(func.max(dated())).where(presences.of_worker(worker, company))
    correction = select(func.max(_corrections.c.tapped_ms)).where(
        _corrections.c.company_id == company, _corrections.c.worker_id == worker
    )
    found = [conn.execute(query).scalar() for query in (presence, correction)]
    newest = max((int(each) for each in found if each is not None), default=None)
    if newest is None:
        return None
    until = until_ms(newest, terms.limits.minimum_months)
    return until if until > terms.at_ms else None
