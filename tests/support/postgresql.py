"""The PostgreSQL of the simulator, under the name the tests know it by, and who waits in it."""

from sqlalchemy import Engine, text

from hwsim.postgresql import Cluster

__all__ = ["Cluster", "waits_for_a_lock"]


def waits_for_a_lock(engine: Engine) -> bool:
    """Whether somebody waits for a lock that another transaction holds."""
    with engine.connect() as conn:
        query = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return bool(conn.execute(query).scalar_one())
