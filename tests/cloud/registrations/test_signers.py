"""Corrections keep who entered and decided them, across the migration that let programs do so."""

import pytest
from sqlalchemy import Engine, inspect, select, text, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from cloud import db, migrations
from cloud.accounts import api_tokens
from cloud.accounts.scopes import Scope
from cloud.audit.service import Actor
from cloud.registrations import correcting
from cloud.registrations.tables import correction_decisions, registration_corrections
from cloud.visibility.rules import program, viewer
from tests.cloud.console.company import Company
from tests.cloud.console.tapping import Gates

MAY = frozenset({Scope.CORRECTIONS_WRITE, Scope.CORRECTIONS_DECIDE})
TABLES = (registration_corrections, correction_decisions)


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """Migrated, and the test's own."""
    engine = db.writer_engine(empty_database_url)
    migrations.upgrade(engine)
    engine.dispose()
    return empty_database_url


def test_they_go_there_and_back_with_their_guards(engine: Engine) -> None:
    company = Company(engine)
    first, second = (Gates(company).tap(time) for time in ("07:00", "08:00"))
    with engine.begin() as conn:
        token, _ = api_tokens.make(conn, "erp", company=company.ours, may=MAY)
        account = viewer(conn, company.who["administrator"], company.ours)
        robot = program(company.ours, token=token, may=MAY)
        for who, number in ((account, first), (robot, second)):
            correcting.correct(
                conn, who, Actor("api"), number, direction=None, reason="x", second=True
            )
        correcting.decide(conn, account, Actor("console"), 2, approve=True)
        correcting.decide(conn, robot, Actor("api"), 1, approve=False)

    def kept() -> list[tuple[object, ...]]:
        """Without who signed it."""
        with engine.connect() as conn:
            return [
                tuple(row)
                for table in TABLES
                for row in conn.execute(
                    select(*(c for c in table.c if c.name not in ("account_id", "token_id")))
                )
            ]

    def signers(table: str) -> list[int]:
        with engine.connect() as conn:
            query = text(f"SELECT account_id FROM {table} ORDER BY at_ms, 1")  # noqa: S608 - ours
            return sorted(conn.execute(query).scalars())

    before = kept()
    migrations.downgrade(engine, "0019")
    migrations.downgrade(engine, "-1")
    with engine.connect() as conn:
        names = {column["name"] for column in inspect(conn).get_columns(TABLES[0].name)}
    assert "token_id" not in names
    assert kept() == before
    for table in TABLES:
        assert signers(table.name) == [0, account.account_id]
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as conn:
            conn.execute(update(table).values(account_id=9))
    migrations.upgrade(engine)
    assert kept() == before
    for table in TABLES:
        with pytest.raises(DBAPIError, match="append-only"), engine.begin() as conn:
            conn.execute(update(table).values(account_id=9))


def test_each_has_one_signer(engine: Engine) -> None:
    company = Company(engine)
    with engine.begin() as conn:
        row = {
            "company_id": company.ours, "kind": "add", "worker_id": company.worker,
            "tapped_ms": 0, "direction": "in", "reason": "x", "second": False, "at_ms": 0,
        }  # fmt: skip
        token, _ = api_tokens.make(conn, "erp", company=company.ours)
    for signer in ({}, {"account_id": 1, "token_id": token}):
        with pytest.raises(IntegrityError, match="signer"), engine.begin() as conn:
            conn.execute(registration_corrections.insert().values({**row, **signer}))
