"""What can be wrong with a journal.

JournalError
├── CannotStoreError     a commit failed: nothing was recorded, and no green may be shown
│   └── BrokenError      and no later commit to this file can be believed
└── CannotOpenError      the file cannot be opened, or does not hold what it must
    ├── NoRoomError      for want of room on the disk: it can once there is some
    └── DamagedError     its pages contradict each other: no later try will read it
"""

import errno
import sqlite3
from collections.abc import Callable

SqliteError = sqlite3.Error | UnicodeDecodeError
SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What Python's sqlite3 raises: a message of SQLite's that quotes damaged octets is no text."""


class JournalError(Exception):
    """Something is wrong with the journal."""


class CannotStoreError(JournalError):
    """A commit failed: nothing was recorded, and no green may be shown."""


class BrokenError(CannotStoreError):
    """A commit failed in a way that leaves the file in doubt: a new one has to be begun."""


class CannotOpenError(JournalError):
    """The journal cannot be opened, or does not hold what it must."""


class NoRoomError(CannotOpenError):
    """The journal cannot be opened for want of room on the disk: it can once there is some."""


class DamagedError(CannotOpenError):
    """The journal's pages contradict each other: no later try will read it.

    `let_go` closes what is still open: only once the file was put aside, since SQLite would tidy
    the log away.
    """

    def __init__(self, message: str, let_go: Callable[[], None]) -> None:
        super().__init__(message)
        self.let_go = let_go


_DAMAGED = (
    sqlite3.SQLITE_CORRUPT,
    sqlite3.SQLITE_NOTADB,
    # Our statements never change: a table they do not find, a key that is taken, a value of
    # another type say that the file is not what we made it.
    sqlite3.SQLITE_ERROR,
    sqlite3.SQLITE_CONSTRAINT,
    sqlite3.SQLITE_MISMATCH,
)


def is_damage(error: SqliteError) -> bool:
    """Whether the file itself is at fault, so that trying again cannot help."""
    return isinstance(error, UnicodeDecodeError) or _code(error) in _DAMAGED


def in_doubt(error: SqliteError) -> bool:
    """Whether, after this, what the file holds and what the disk holds may differ.

    After a failed fsync Linux marks the pages clean: they read back, and then vanish. A disk that
    is full is not of this kind: SQLite has undone what it wrote.
    """
    return is_damage(error) or _code(error) == sqlite3.SQLITE_IOERR


def is_full(error: BaseException | None) -> bool:
    """Whether this, or what caused it, is a want of room on the disk."""
    if isinstance(error, JournalError):
        return isinstance(error, NoRoomError) or is_full(error.__cause__)
    if isinstance(error, sqlite3.Error):
        return _code(error) == sqlite3.SQLITE_FULL
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def _code(error: SqliteError) -> int:
    code: int = getattr(error, "sqlite_errorcode", 0)
    return code & 0xFF


def why(error: SqliteError) -> str:
    """What SQLite says, with the name of its code."""
    return f"{error} ({getattr(error, 'sqlite_errorname', 'SQLITE_ERROR')})"
