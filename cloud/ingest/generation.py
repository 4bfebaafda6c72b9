"""The platform's generation: it rises with each restore from a backup.

A terminal sends again what it had been receipted for only to a platform of a newer generation. So
the number is kept in the database and, since the database is what gets restored, in a file too.
"""

from pathlib import Path

from sqlalchemy import Engine, insert, select, update

from cloud.custody.alarms import raise_alarm
from cloud.custody.saying import What
from cloud.custody.tables import platform
from cloud.errors import CloudError
from protocol.durable import write_durably

_KEY = "generation"


class GenerationError(CloudError):
    """The file that holds the generation outside the database cannot be used."""


def settle(engine: Engine, directory: Path) -> int:
    """The generation to work under: the larger of both, which both hold afterwards.

    A database behind the file was most likely restored: that is an alarm. Raises GenerationError.
    """
    path = directory / "generation"
    outside = _read(path)
    with engine.begin() as conn:
        stored = conn.execute(select(platform.c.value).where(platform.c.key == _KEY)).scalar()
        inside = int(stored or 0)
        generation = max(inside, outside)
        if stored is None:
            conn.execute(insert(platform).values(key=_KEY, value=str(generation)))
        elif inside < generation:
            conn.execute(
                update(platform).where(platform.c.key == _KEY).values(value=str(generation))
            )
        if 0 < inside < outside or (stored is None and outside > 1):
            raise_alarm(conn, None, What.RESTORED, inside=inside, outside=outside)
    if generation != outside or not path.exists():
        _write(path, generation)
    return generation


def outside(directory: Path) -> int:
    """The generation in the file beside the platform's keys. Raises GenerationError."""
    return _read(directory / "generation")


def raise_above(directory: Path, known: int) -> int:
    """Raise the file's number above itself and `known`; the new number. Raises GenerationError."""
    number = max(known, outside(directory)) + 1
    _write(directory / "generation", number)
    return number


def _read(path: Path) -> int:
    try:
        text = path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        return 1
    except (OSError, UnicodeDecodeError) as error:
        raise GenerationError(f"cannot read {path}: {error}") from error
    if not text.isdecimal() or not 0 < int(text) < 2**62:
        raise GenerationError(
            f"{path} holds no generation: write into it a number above every one the platform had"
        )
    return int(text)


def _write(path: Path, generation: int) -> None:
    """Put the number there as a whole or not at all, power cut or not."""
    try:
        write_durably(path, b"%d\n" % generation)
    except OSError as error:
        raise GenerationError(f"cannot write {path}: {error.strerror}") from error
