"""A backlog through Mosquitto into custody, and on into registrations; beside bare inserts.

One terminal comes back with 100,000 taps nobody has yet. The floor inserts the same rows into the
same database as fast as its driver takes them, with no broker, cryptography or meaning.
"""

import secrets
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, func, select

from agent.clock import Clock
from agent.queue.journal import Journal
from agent.reads import BadgeRead
from agent.recorder import GROUP_READS, Recorder
from agent.trust_store import TrustStore
from cloud.db import reader_engine
from cloud.registrations.tables import registrations
from hwsim.processes import wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal
from protocol.badges import Assurance
from protocol.keyfiles import load_sealing_key, load_signing_key

TAPS = 100_000
BADGES = 500
_CHUNK = 1000


def run(taps: int = TAPS) -> dict[str, Any]:
    """Records per second on SQLite and on PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="bench-drain-", dir=Path.cwd()) as directory:
        root = Path(directory)
        (root / "sqlite").mkdir()
        found = {"sqlite": _measure(root / "sqlite", None, taps)}
        with _postgresql() as url:
            (root / "postgresql").mkdir()
            found["postgresql"] = _measure(root / "postgresql", url, taps)
    return found


def _measure(directory: Path, database: str | None, taps: int) -> dict[str, float]:
    with Stack(directory, database=database) as stack:
        stack.prepare()
        terminal = stack.add_terminal("bench")
        stack.register(terminal)
        rows = _fill(terminal, taps)
        stack.start_broker()
        stack.start_ingest()
        with SerialReader(directory / "reader", "rdm6300") as reader:
            terminal.configure(
                '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
                f'device = "{reader.device}"\n'
            )
            terminal.agent.start()
            wait_for(lambda: _queue(terminal) not in {None, 0}, "the agent does not answer")
            begun, waiting = time.monotonic(), _queue(terminal) or 0
            wait_for(lambda: _queue(terminal) == 0, "the backlog does not drain", 300)
            engine = reader_engine(stack.database)
            drained = time.monotonic() - begun
            wait_for(lambda: _registered(engine) >= taps, "the backlog is not attributed", 300)
            attributed = time.monotonic() - begun
            engine.dispose()
    floor = (
        _sqlite_floor(directory, rows) if database is None else _postgresql_floor(database, rows)
    )
    return {
        "records_per_s": round(waiting / drained),
        "attributed_per_s": round(waiting / attributed),
        "floor_per_s": round(floor),
    }


def _queue(terminal: Terminal) -> int | None:
    status = terminal.status()
    return None if status is None else status["queue"]


def _registered(engine: Engine) -> int:
    with engine.connect() as conn:
        return conn.execute(select(func.count()).select_from(registrations)).scalar_one()


def _fill(terminal: Terminal, taps: int) -> list[tuple[bytes, bytes | None, bytes]]:
    """Write the backlog with the agent's own recorder, each tap alone under its head."""
    state = terminal.state
    key = load_signing_key(state / "identity.key")
    journal = Journal(state / "journal.sqlite")
    # The rows are what matters here; flushing each would take the machine a minute for nothing.
    journal.file.db.execute("PRAGMA synchronous=OFF").fetchone()
    seal_to = TrustStore(state, load_sealing_key(state / "sealing.key")).current.seal_to
    recorder = Recorder(journal, key, Clock(), seal_to)
    badges = [secrets.token_hex(5).upper() for _ in range(BADGES)]
    reads = [BadgeRead("in", badge, "em4100", Assurance.UID, "in") for badge in badges]
    for number in range(0, taps, GROUP_READS):
        group = [reads[n % BADGES] for n in range(number, min(taps, number + GROUP_READS))]
        recorder.record(group)
    rows = [(row.body, row.blob, row.link) for row in journal.rows(1, 1, taps * 2)]
    journal.close()
    return rows


def _sqlite_floor(directory: Path, rows: list[tuple[bytes, bytes | None, bytes]]) -> float:
    db = sqlite3.connect(directory / "floor.sqlite", isolation_level=None)
    db.execute("PRAGMA journal_mode=wal").fetchone()
    db.execute("PRAGMA synchronous=full").fetchone()
    db.execute("CREATE TABLE rows (seq INTEGER PRIMARY KEY, body, blob, link)")
    begun = time.monotonic()
    for first in range(0, len(rows), _CHUNK):
        db.execute("BEGIN")
        chunk = rows[first : first + _CHUNK]
        db.executemany("INSERT INTO rows (body, blob, link) VALUES (?, ?, ?)", chunk)
        db.execute("COMMIT")
    taken = time.monotonic() - begun
    db.close()
    return len(rows) / taken


def _postgresql_floor(url: str, rows: list[tuple[bytes, bytes | None, bytes]]) -> float:
    import psycopg

    with psycopg.connect(url) as db:
        db.execute(
            "CREATE TABLE floor (seq bigserial PRIMARY KEY, body bytea, blob bytea, link bytea)"
        )
        db.commit()
        begun = time.monotonic()
        for first in range(0, len(rows), _CHUNK):
            with db.cursor().copy("COPY floor (body, blob, link) FROM STDIN") as copy:
                for row in rows[first : first + _CHUNK]:
                    copy.write_row(row)
            db.commit()
        return len(rows) / (time.monotonic() - begun)


@contextmanager
def _postgresql() -> Iterator[str]:
    from tests.support.postgresql import Cluster

    cluster = Cluster()
    try:
        yield cluster.url(cluster.database())
    finally:
        cluster.stop()
