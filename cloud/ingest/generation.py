"""The platform's generation: it rises with each restore from a backup.

A terminal sends again what it had been receipted for only to a platform of a newer generation. So
the number is kept in the database and, since the database is what gets restored, in a file too.
"""

from pathlib import Path

from sqlalchemy import Engine, insert, select, update

from cloud.custody.tables import platform

_KEY = "generation"


def settle(engine: Engine, directory: Path) -> int:
    """The generation to work under: the larger of both, which both hold afterwards."""
    path = directory / "generation"
    outside = int(path.read_text()) if path.exists() else 1
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
    path.write_text(f"{generation}\n")
    return generation
