"""No id is given twice, whatever was erased: others remember up to which they know."""

import pytest
from sqlalchemy import Engine, delete, func, select, text

from cloud import db, migrations
from cloud.audit.service import Actor
from cloud.errors import DatabaseError
from cloud.exports import service as exporting
from cloud.registrations import correcting
from cloud.registrations.tables import registration_corrections, registrations
from cloud.visibility.rules import viewer
from tests.cloud.console.company import Company
from tests.cloud.console.tapping import Gates


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """Migrated, and the test's own."""
    engine = db.writer_engine(empty_database_url)
    migrations.upgrade(engine)
    engine.dispose()
    return empty_database_url


def erase_newest(engine: Engine) -> int:
    with engine.begin() as conn:
        newest = conn.execute(select(func.max(registrations.c.id))).scalar_one()
        conn.execute(delete(registrations).where(registrations.c.id == newest))
        return int(newest)


def test_the_newest_one_s_is_not_given_again(engine: Engine) -> None:
    gates = Gates(Company(engine))
    first, second = gates.tap("07:00"), gates.tap("08:00")
    assert erase_newest(engine) == second
    assert gates.tap("09:00") > second > first


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_nor_is_one_that_went_before_ids_were_counted_on(engine: Engine, reader: Engine) -> None:
    company = Company(engine)
    gates = Gates(company)
    numbers = [gates.tap(f"0{hour}:00") for hour in range(5)]
    with engine.begin() as conn:
        administrator = viewer(conn, company.who["administrator"], company.ours)
        for number in numbers[:2]:
            correcting.correct(
                conn,
                administrator,
                Actor("console"),
                number,
                direction=None,
                reason="x",
                second=False,
            )
    migrations.downgrade(engine, "0028")
    exporting.make(reader, engine, administrator, Actor("console"))
    assert erase_newest(engine) == numbers[-1]
    migrations.upgrade(engine)
    assert gates.tap("09:00") == numbers[-1] + 1
    with engine.begin() as conn:
        kept = conn.execute(select(registrations.c.id).order_by(registrations.c.id)).scalars().all()
        about = conn.execute(select(registration_corrections.c.registration_id)).scalars().all()
    assert kept == [*numbers[:-1], numbers[-1] + 1]
    assert sorted(n for n in about if n is not None) == numbers[:2]


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
def test_a_migration_leaves_no_row_that_refers_to_nothing(engine: Engine) -> None:
    gates = Gates(Company(engine))
    gates.tap("07:00")
    migrations.downgrade(engine, "0028")
    with engine.connect() as conn:
        raw = conn.connection.driver_connection
        assert raw is not None
        raw.execute("PRAGMA foreign_keys = OFF")
        conn.execute(text("UPDATE registrations SET badge_id = 999"))
        conn.commit()
        raw.execute("PRAGMA foreign_keys = ON")
    with pytest.raises(DatabaseError, match="registrations would refer to one of badges"):
        migrations.upgrade(engine)
    with engine.connect() as conn:
        assert migrations.current(conn) == "0028"
        raw = conn.connection.driver_connection
        assert raw is not None
        assert raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
