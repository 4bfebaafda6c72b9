"""Doing what the log of erasures says, and the database has not done: the one way to erase on word.

Whoever erases writes a line into the log and has this done. A crash in between, or a database that
was put back from an older backup, leaves it to whoever comes next: ingest and serve do it before
anything is taken or shown. Several at once do it one after the other, and twice does no harm.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, RowMapping, select, update

from cloud import db
from cloud.accounts import closing
from cloud.companies.tables import companies
from cloud.custody import erasure
from cloud.custody.alarms import raise_alarm
from cloud.custody.erasure import Copies, Sealed
from cloud.custody.saying import What
from cloud.interpretation import turns
from cloud.metadata import handle
from cloud.registrations.tables import registrations
from cloud.retention import asking, leftovers, presences, removal
from cloud.retention.erasing import Erasure
from cloud.retention.log import Entry, Log, done, note_done
from cloud.retention.presences import Tally
from cloud.rows import whole_numbers
from cloud.settings import Retention
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from cloud.workers.tables import workers

_log = logging.getLogger("pointeuse.retention")


def catch_up(engine: Engine, directory: Path, limits: Retention) -> int:
    """Do what is in the log and not done, after what was approved is in it; how many entries.

    Raises ErasureLogError.
    """
    log = Log(directory)
    with engine.connect() as conn:
        before, written = done(conn), log.last()
        decided = asking.approved(conn)
    if written < before:
        with engine.begin() as conn:
            raise_alarm(
                conn,
                None,
                What.ERASURES,
                written=written,
                before=before,
            )
    for request in decided:
        with engine.begin() as conn:
            _write(conn, log, request)
    count = 0
    # What is erased on the way is written down as well, and done with nothing left to do.
    while entries := list(log.after(before)):
        for entry in entries:
            _log.info("erasure %d (%s)", entry.n, entry.what)
            _do(engine, log, limits, entry)
            with engine.begin() as conn:
                note_done(conn, entry.n)
            count += 1
            before = entry.n
    if count:
        db.scrub(engine)
    return count


def behind(engine: Engine, directory: Path) -> int:
    """How many entries of the log a database has not done. Raises ErasureLogError."""
    with engine.connect() as conn:
        number = done(conn)
    return sum(1 for _ in Log(directory).after(number))


def _write(conn: Connection, log: Log, request: RowMapping) -> None:
    """Put an approved request into the log; one that is there twice does no harm.

    Unless the worker has become active since.
    """
    company, worker = request["company_id"], request["worker_id"]
    if asking.is_active(conn, company, worker):
        asking.drop(conn, request)
        return
    vat = conn.execute(select(companies.c.vat).where(companies.c.id == company)).scalar_one()
    row = conn.execute(
        select(workers.c.handle).where(workers.c.id == worker).with_for_update()
    ).one_or_none()
    if row is None:
        # Its time was over meanwhile.
        asking.finish(conn, company, worker, None)
        return
    named = row.handle or handle()
    if row.handle is None:
        conn.execute(update(workers).where(workers.c.id == worker).values(handle=named))
    log.person(vat, named, request["at_ms"], above=done(conn))


def _do(engine: Engine, log: Log, limits: Retention, entry: Entry) -> None:
    match entry.what:
        case "person":
            _erase_person(engine, log, limits, entry)
        case "account":
            with engine.begin() as conn:
                closing.erase(conn, bytes.fromhex(entry.handle or ""))
        case "records":
            _erase_records(engine, entry)
        case _:
            _log.warning("erasure %d is of a kind unknown here: %s", entry.n, entry.what)


def _erase_person(engine: Engine, log: Log, limits: Retention, entry: Entry) -> Tally:
    with engine.connect() as conn:
        company = conn.execute(
            select(companies.c.id).where(companies.c.vat == entry.company)
        ).scalar()
        worker = conn.execute(
            select(workers.c.id).where(workers.c.handle == bytes.fromhex(entry.handle or ""))
        ).scalar()
    if company is None or worker is None:
        return Counter()
    erased = Erasure(
        engine, log, limits, company=company, worker=worker, at_ms=entry.at_ms, now_ms=now_ms()
    )
    return erased.run()


def _erase_records(engine: Engine, entry: Entry) -> None:
    """Empty the sealed parts of records, and take away what was registered of them."""
    with engine.begin() as conn:
        turns.note(conn, turns.take(conn) + 1)
        known = {
            bytes(row.thumbprint): row.id
            for row in conn.execute(select(terminals.c.thumbprint, terminals.c.id))
        }
        found = [
            Sealed(
                known.get(bytes.fromhex(terminal), 0),
                *(bytes.fromhex(terminal), bytes.fromhex(epoch), seq, bytes.fromhex(digest)),
            )
            for terminal, epoch, seq, digest in entry.records
        ]
        erasure.mark(conn, found)
        copies = Copies()
        places = erasure.blank(conn, found, copies)
        rows = _registered(conn, places)
        removal.remove(conn, rows, found, copies, now_ms())
        leftovers.orphans(conn, {row.badge_id for row in rows})


def _registered(conn: Connection, places: Sequence[tuple[int, int]]) -> Sequence[Row[Any]]:
    """What was registered of the records at places."""
    if not places:
        return []
    wanted = whole_numbers(conn, ("epoch_id", "seq"), places)
    here = (registrations.c.epoch_id == wanted.c.epoch_id) & (registrations.c.seq == wanted.c.seq)
    return conn.execute(presences.selected().join(wanted, here)).all()
