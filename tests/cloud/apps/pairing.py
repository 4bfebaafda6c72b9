"""Apps that are paired, without anybody who hands over a code."""

from sqlalchemy import Connection, Engine, select

from cloud.apps import pairing
from cloud.apps.pairing import Paired
from cloud.workers.tables import workers


def pair(conn: Connection, worker: int, name: str = "telephone") -> Paired:
    """A new app of a worker."""
    company = conn.execute(select(workers.c.company_id).where(workers.c.id == worker)).scalar_one()
    code, _ = pairing.offer(conn, company, worker)
    found = pairing.exchange(conn, code, name)
    assert isinstance(found, Paired)
    return found


def paired(engine: Engine, worker: int, name: str = "telephone") -> Paired:
    """The same, in a transaction of its own."""
    with engine.begin() as conn:
        return pair(conn, worker, name)


def bearer(token: str) -> dict[str, str]:
    """The header that an app sends (RFC 6750)."""
    return {"authorization": f"Bearer {token}"}
