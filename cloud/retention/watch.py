"""Beside a server: what somebody asked for at once, and what is past its time once a day."""

from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine, select, update

from cloud.beside import Beside
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


class Keeper(Beside):
    """Erases what is to be."""

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
        super().__init__("retention", every_s, "nothing was erased")
        self._engine, self._directory, self._limits = engine, directory, limits
        self._clock = clock

    def turn(self) -> bool:
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
            self._log.info("retention: %d rows erased", tally.total())
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
