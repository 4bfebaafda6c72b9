"""Erasing what is past its time: everything there is, in batches, each a transaction of its own.

Cut short, it goes on where it was; two at once share the work. What a batch erased the trail of its
company says, by count, in the same transaction.
"""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from sqlalchemy import Connection, Engine

from cloud import db
from cloud.audit.service import Actor, note
from cloud.custody.erasure import Copies
from cloud.exports import withdrawing
from cloud.interpretation import turns
from cloud.retention import asking, erasing, leftovers, redo, restricting, sweep, tidying
from cloud.retention.presences import Tally
from cloud.retention.terms import Terms
from cloud.retention.tidying import Kind
from cloud.settings import Retention
from cloud.times import now_ms

BATCH = 500
_ACTOR = Actor("command")

Step = Callable[[Connection], tuple[Tally, bool]]
"""Does some; what went, and whether there is more."""


class Run:
    """One run. `stop` ends it after the batch in hand."""

    def __init__(
        self,
        engine: Engine,
        directory: Path | None,
        limits: Retention,
        *,
        at_ms: int | None = None,
        batch: int = BATCH,
        stop: threading.Event | None = None,
        progress: Callable[[Tally], None] = lambda _: None,
    ) -> None:
        """Without a `directory` nothing that somebody asked for is done. `at_ms`: as of when."""
        self._engine, self._directory, self._limits = engine, directory, limits
        self._at_ms = now_ms() if at_ms is None else at_ms
        self._batch, self._progress = batch, progress
        self._stop = stop or threading.Event()
        self._copies = Copies()
        self.tally: Tally = Counter()

    def run(self) -> Tally:
        """Do all of it; what went, by company and kind."""
        if self._directory is not None:
            redo.catch_up(self._engine, self._directory, self._limits)
        with self._engine.connect() as conn:
            terms = Terms.of(conn, self._limits, self._at_ms)
        for step in self._steps(terms):
            self._repeat(step)
        self._take_out()
        if self.tally:
            db.scrub(self._engine)
        return self.tally

    def _steps(self, terms: Terms) -> Iterator[Step]:
        batch, copies = self._batch, self._copies
        for months in terms.classes:
            yield partial(sweep.presences, terms=terms, months=months, copies=copies, batch=batch)
        yield partial(sweep.undated, terms=terms, copies=copies, batch=batch)
        for company in sorted(terms.months):
            yield partial(sweep.corrections, terms=terms, company=company, batch=batch)
        yield partial(_workers, terms=terms)
        yield partial(_requests, terms=terms)
        yield partial(_badges, batch=batch)
        yield partial(_unread, terms=terms, batch=batch)
        yield partial(_exports, terms=terms)
        for kind in tidying.KINDS:
            yield partial(_tidy, terms=terms, kind=kind, batch=batch)

    def _repeat(self, step: Step) -> None:
        more = True
        while more and not self._stop.is_set():
            with self._engine.begin() as conn:
                # As a turn of interpretation: nobody registers anew what goes.
                served = turns.take(conn)
                tally, more = step(conn)
                if tally:
                    turns.note(conn, served + 1)
                    _note(conn, tally)
            self.tally += tally
            self._progress(self.tally)

    def _take_out(self) -> None:
        """Take what is shown no more out of snapshots, a part in each transaction."""
        with self._engine.connect() as conn:
            waiting = withdrawing.waiting(conn)
        for company in waiting:
            while not self._stop.is_set() and withdrawing.take_out(self._engine, company):
                self._progress(self.tally)


def _counted(kind: str, number: int, batch: int) -> tuple[Tally, bool]:
    return Counter({(None, kind): number} if number else {}), number >= batch


def _note(conn: Connection, tally: Tally) -> None:
    """A line of the trail for each company, and one for what is no company's."""
    by_company: dict[int | None, dict[str, int]] = {}
    for (company, kind), number in sorted(tally.items(), key=str):
        by_company.setdefault(company, {})[kind] = number
    for company, counts in by_company.items():
        note(conn, _ACTOR, "retention", "erase", company_id=company, detail=counts)


def _workers(conn: Connection, terms: Terms) -> tuple[Tally, bool]:
    """Workers that are inactive for long, and of whom nothing is kept."""
    restricting.note_ends(conn, terms)
    for company, worker in restricting.overdue(conn, terms):
        restricting.restrict(conn, company, worker, terms.at_ms)
    tally, freed = leftovers.end(conn, terms, restricting.restricted(conn))
    leftovers.orphans(conn, freed)
    return tally, False


def _requests(conn: Connection, terms: Terms) -> tuple[Tally, bool]:
    """Requests of which nothing is left."""
    for request in asking.restricted(conn):
        company, worker = request["company_id"], request["worker_id"]
        until = erasing.last_kept_ms(conn, terms, company, worker)
        if until != request["until_ms"]:
            asking.finish(conn, company, worker, until)
    return Counter(), False


def _badges(conn: Connection, batch: int) -> tuple[Tally, bool]:
    """Badges of nobody that anything names; they are counted with nothing."""
    return Counter(), leftovers.orphans(conn, None, batch) >= batch


def _unread(conn: Connection, terms: Terms, batch: int) -> tuple[Tally, bool]:
    return _counted("sealed", tidying.unread(conn, terms, batch), batch)


def _exports(conn: Connection, terms: Terms) -> tuple[Tally, bool]:
    return _counted("exports", int(tidying.one_export(conn, terms)), 1)


def _tidy(conn: Connection, terms: Terms, kind: Kind, batch: int) -> tuple[Tally, bool]:
    return _counted(kind.name, tidying.some(conn, terms, kind, batch), batch)
