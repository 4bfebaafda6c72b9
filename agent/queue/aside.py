"""Journals put aside: damaged, or in doubt, and kept as evidence until all in them is elsewhere.

`journal.sqlite` becomes `journal.sqlite.damaged-N`, its write-ahead log `...damaged-N-wal`. The log
goes first: cut short between the two, the next start finds a file whose log is gone, and goes on.
"""

from pathlib import Path

from agent.queue.file import is_empty, sync_directory, wal_of

_MARK = ".damaged-"


def put_aside(path: Path) -> int | None:
    """Rename the journal at `path`, durably; its number, or None when there is none.

    Raises OSError: then it stays where it was, in whole or in part, and this can be called again.
    """
    wal = wal_of(path)
    number = _number(path, wal)
    if is_empty(path) and is_empty(wal):
        return None
    aside = aside_of(path, number)
    if wal.exists():
        wal.replace(wal_of(aside))
    if path.exists():
        path.replace(aside)
    else:
        aside.touch(mode=0o600)
    sync_directory(path.parent)
    return number


def aside_of(path: Path, number: int) -> Path:
    """Where journal `number` put aside is kept."""
    return path.with_name(f"{path.name}{_MARK}{number}")


def numbers(path: Path) -> list[int]:
    """The journals put aside from `path`, oldest first."""
    names = (other.name.rpartition(_MARK) for other in path.parent.glob(f"{path.name}{_MARK}*"))
    return sorted({int(tail.removesuffix("-wal")) for _, _, tail in names if _is_number(tail)})


def discard(path: Path, number: int) -> None:
    """Delete journal `number` put aside. Raises OSError."""
    aside = aside_of(path, number)
    wal_of(aside).unlink(missing_ok=True)
    aside.unlink(missing_ok=True)


def _is_number(tail: str) -> bool:
    return tail.removesuffix("-wal").isdecimal()


def _number(path: Path, wal: Path) -> int:
    """The next number; the last one again when only its log was put aside before a crash."""
    known = numbers(path)
    last = known[-1] if known else 0
    cut_short = last and not aside_of(path, last).exists() and not wal.exists()
    return last if cut_short else last + 1
