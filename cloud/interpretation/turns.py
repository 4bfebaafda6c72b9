"""Turns: interpreters of one database, in any process, work one after the other.

Each remembers what it knows of badges and places. Serving a request for re-attribution ends what
all of them remember, and the request is gone afterwards: so it is counted, and whoever has the next
turn sees that the count has changed.
"""

from sqlalchemy import Connection, select, update

from cloud.custody.tables import platform
from cloud.rows import insert_absent

_KEY = "requests-served"


def take(conn: Connection) -> int:
    """Wait for our turn, which lasts as long as the transaction; requests served so far."""
    query = select(platform.c.value).where(platform.c.key == _KEY).with_for_update()
    served = conn.execute(query).scalar()
    if served is None:
        insert_absent(conn, platform, [{"key": _KEY, "value": "0"}], ["key"])
        served = conn.execute(query).scalar_one()
    return int(served)


def note(conn: Connection, served: int) -> None:
    """Say how many requests have been served."""
    conn.execute(update(platform).where(platform.c.key == _KEY).values(value=str(served)))
