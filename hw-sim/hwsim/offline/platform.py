"""What the platform's SQLite database says, read beside the platform: a million rows at once.

`hwsim` never imports `cloud`; the columns are those of cloud/registrations/tables.py.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from hwsim.offline.findings import Registered

_REGISTERED = """
    SELECT badges.number, tapped_ms, earliest_ms, latest_ms, corrected, reason
    FROM registrations JOIN badges ON badges.id = registrations.badge_id
"""
_BEHIND = "SELECT count(*) FROM epochs WHERE interpreted_seq < head_seq"
_ASKED = "SELECT count(*) FROM reattribution"
_WAITING = "SELECT count(*) FROM waiting"


class Database:
    """The platform's database, read only."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def settled(self) -> bool:
        """Whether everything in custody has been interpreted, and nothing is to be done again."""
        with self._open() as conn:
            return not any(conn.execute(query).fetchone()[0] for query in (_BEHIND, _ASKED))

    def waiting(self) -> int:
        """How many records nobody could interpret."""
        with self._open() as conn:
            count: int = conn.execute(_WAITING).fetchone()[0]
            return count

    def registered(self, first: int) -> Iterator[Registered]:
        """Every registration; `first` is the number of badge 0."""
        with self._open() as conn:
            for number, tapped, earliest, latest, corrected, reason in conn.execute(_REGISTERED):
                unsure = "clock-unsure" in (reason or "").split()
                badge = int(number, 16) - first
                yield Registered(badge, tapped, earliest, latest, bool(corrected), unsure)

    @contextlib.contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        address = f"{self._path.resolve().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(address, uri=True, timeout=30)) as conn:
            yield conn
