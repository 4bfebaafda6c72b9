"""What the platform's database says, read beside the platform, in plain SQL.

`hwsim` never imports `cloud`; the columns are those of the modules `tables.py` there.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

import psycopg

from hwsim.chaos.entrance import FIRST

_BADGES = """
    SELECT badges.number FROM registrations JOIN badges ON badges.id = registrations.badge_id
"""
_UNSETTLED = """
    SELECT (SELECT count(*) FROM epochs WHERE branch = 0 AND interpreted_seq < head_seq)
         + (SELECT count(*) FROM reattribution)
"""
_COUNTS = """
    SELECT (SELECT count(*) FROM waiting), (SELECT count(*) FROM rejected),
           (SELECT count(*) FROM epochs WHERE branch > 0)
"""
_PAGE = 10_000


class Database:
    """The platform's database."""

    def __init__(self, url: str) -> None:
        """`url` is the one the platform has, or leads to the same place by another way."""
        self._url = url

    def settled(self) -> bool:
        """Whether everything in custody has been interpreted; False when nobody answers."""
        try:
            return self._one(_UNSETTLED) == (0,)
        except (psycopg.OperationalError, sqlite3.OperationalError):
            return False

    def odd(self) -> dict[str, int]:
        """How many records wait, how many messages were rejected, how many branches there are."""
        return dict(zip(("waiting", "rejected", "branches"), self._one(_COUNTS), strict=True))

    def taps(self) -> int:
        """How many taps are registered by now; 0 when nobody answers."""
        try:
            return int(self._one("SELECT count(*) FROM registrations")[0])
        except (psycopg.OperationalError, sqlite3.OperationalError):
            return 0

    def badges(self) -> Iterator[int]:
        """The badge of every registration."""
        with self.open() as conn, contextlib.closing(_cursor(conn)) as cursor:
            cursor.execute(_BADGES)
            while rows := cursor.fetchmany(_PAGE):
                for (number,) in rows:
                    yield int(number, 16) - FIRST

    @contextlib.contextmanager
    def open(self) -> Iterator[Any]:
        """A connection of the database's own driver; what was done is committed at the end."""
        scheme, _, path = self._url.partition("://")
        if scheme == "sqlite":
            with contextlib.closing(sqlite3.connect(path, timeout=30)) as sqlite, sqlite:
                yield sqlite
        else:
            with psycopg.connect(self._url, connect_timeout=10) as conn:
                yield conn

    def _one(self, query: str) -> tuple[Any, ...]:
        with self.open() as conn:
            found: tuple[Any, ...] = conn.execute(query).fetchone()
            return found


def _cursor(conn: Any) -> Any:
    """PostgreSQL gives all rows at once to a cursor without a name."""
    return conn.cursor() if isinstance(conn, sqlite3.Connection) else conn.cursor("badges")
