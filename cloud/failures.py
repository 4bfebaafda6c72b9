"""Unexpected errors as a log may show them: where and what, never with whose data."""

import traceback
from pathlib import Path

from sqlalchemy.exc import DBAPIError

_OURS = Path(__file__).parent


def where(error: BaseException) -> str:
    """The error's type and place, for example `KeyError in attribute (attribution.py:31)`.

    Not its message: that may quote what a badge or a person is called. Of a database's error the
    first line is kept, which names a constraint or a type and quotes no row.
    """
    frames = traceback.extract_tb(error.__traceback__)
    name = type(error).__name__
    if isinstance(error, DBAPIError):
        name = f"{name}: {first_line(error)}"
    if not frames:
        return name
    last = frames[-1]
    return f"{name} in {last.name} ({Path(last.filename).name}:{last.lineno})"


def through(error: BaseException) -> str:
    """As `where`, and through which of our lines it came: `..., by create (workers.py:161)`."""
    ours = [
        f"{frame.name} ({Path(frame.filename).name}:{frame.lineno})"
        for frame in traceback.extract_tb(error.__traceback__)
        if Path(frame.filename).is_relative_to(_OURS)
    ]
    return ", by ".join([where(error), *reversed(ours)])


def first_line(error: DBAPIError) -> str:
    """What the database says of an error, in one line."""
    lines = str(error.orig).strip().splitlines()
    return lines[0] if lines else type(error.orig).__name__
