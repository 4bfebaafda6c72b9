"""Beside a server: what somebody asked for at once, and what is past its time once a day."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, select, update

from cloud import failures
from cloud.custody.tables import platform
from cloud.exports import withdrawing
from cloud.retention import asking, redo
from cloud.retention.job import Run
from cloud.rows import insert_absent
from cloud.settings import Retention
from cloud.times import now_ms

EVERY_S = 10.0
DAY_MS = 86_400_000
_KEY = "retention-ran"
_log = logging.getLogger("pointeuse.retention")


class Keeper:
    """A thread that erases what is to be, from `start` to `stop`; no error ends it."""

    def __init__(
        self,
        engine: Engine,
        directory: Path,
        limits: Retention,
        *,
        every_s: float = EVERY_S,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`engine` writes."""
        self._engine, self._directory, self._limits = engine, directory, limits
        self._every_s, self._clock = every_s, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="retention", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, once the batch in hand is done."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def run(self) -> None:
        """Look every few seconds, until `stop`."""
        while not self._stop.is_set():
            try:
                self.once()
            except Exception as error:  # noqa: BLE001 - the database may be away; another time
                _log.warning("nothing was erased: %s", failures.where(error))
            self._stop.wait(self._every_s)

    def once(self) -> bool:
        """Do what was asked for, and if a day is over, what is past its time; whether it was."""
        at_ms = self._clock()
        with self._engine.begin() as conn:
            due = _claim(conn, at_ms)
            asked = bool(asking.approved(conn))
            waiting = withdrawing.waiting(conn)
        if due:
            run = Run(self._engine, self._directory, self._limits, at_ms=at_ms, stop=self._stop)
            try:
                tally = run.run()
            except Exception:
                with self._engine.begin() as conn:
                    _give_back(conn)
                raise
            _log.info("retention: %d rows erased", tally.total())
            return True
        if asked or redo.behind(self._engine, self._directory):
            redo.catch_up(self._engine, self._directory, self._limits)
        for company in waiting:
            while not self._stop.is_set() and withdrawing.take_out(self._engine, company):
                continue
        return False


def _claim(conn: Connection, at_ms: int) -> bool:
    """Whether the day's run is to begin, which of several processes one is told."""
    insert_absent(conn, platform, [{"key": _KEY, "value": "0"}], ["key"])
    this = platform.c.key == _KEY
    held = conn.execute(select(platform.c.value).where(this).with_for_update()).scalar_one()
    if at_ms - int(held) < DAY_MS:
        return False
    conn.execute(update(platform).where(this).values(value=str(at_ms)))
    return True


def _give_back(conn: Connection) -> None:
    """Have the run begin anew as soon as may be: it was cut short."""
    conn.execute(update(platform).where(platform.c.key == _KEY).values(value="0"))
