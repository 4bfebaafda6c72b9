"""A private company that nothing names goes; one that somebody asked for is there to be decided."""

from sqlalchemy import Engine, delete

from cloud.accounts import claims, service
from cloud.accounts.tables import access_requests
from cloud.companies.service import private_companies
from cloud.retention import leftovers


def test_what_somebody_asked_for_stays(engine: Engine) -> None:
    with engine.begin() as conn:
        private = private_companies(conn, ["BE0999910642"])["BE0999910642"]
        claims.claim(conn, service.create(conn, "ann@example.be", "Ann"), private, "Dakwerken")
        assert leftovers.unregistered(conn, [private]) == 0
        conn.execute(delete(access_requests))
        assert leftovers.unregistered(conn, [private]) == 1
