"""Journals put aside: damaged, or in doubt, and kept as evidence until all in them is elsewhere.

`journal.sqlite` becomes `journal.sqlite.damaged-N`, its write-ahead log `...damaged-N-wal`. The log
goes first: cut short between the two, the next start finds a file whose log is gone, and goes on.
"""

from pathlib import Path

from agent.queue.file import wal_of
from protocol.durable import sync_directory

_MARK = ".damaged-"


def put_aside(path: Path) -> int:
    """Rename the journal at `path`, durably; its number.

    Raises OSError: then it stays where it was, in whole or in part, and this can be called again.
    """
    wal = wal_of(path)
    number = _number(path, wal)
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


def limit_fact(number: int) -> str:
    """The fact that tells epoch (16 octets) and seq (8) of the last record committed to it."""
    return f"limit-{number}"


def read_limit(fact: bytes | None) -> tuple[bytes, int] | None:
    """Epoch and seq that such a fact tells, if there is one."""
    return None if fact is None else (fact[:16], int.from_bytes(fact[16:], "big"))


def since(path: Path, number: int) -> float:
    """When journal `number` was put aside, in seconds since 1970. Raises OSError."""
    return aside_of(path, number).stat().st_ctime


def clear(path: Path) -> None:
    """Remove what a failed attempt to begin a journal at `path` left. Raises OSError."""
    wal_of(path).unlink(missing_ok=True)
    path.unlink(missing_ok=True)


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
