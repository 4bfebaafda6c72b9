import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from cloud import db, migrations
from cloud.errors import DatabaseError
from cloud.schema import metadata

_CATALOG = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL SELECT table_name, column_name,
        concat_ws(' ', ordinal_position, data_type, is_nullable, column_default)
        FROM information_schema.columns WHERE table_schema = 'public'
    ORDER BY 1, 2, 3
"""


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """Migrated, and the test's own."""
    engine = db.writer_engine(empty_database_url)
    migrations.upgrade(engine)
    engine.dispose()
    return empty_database_url


def catalog(conn: Connection) -> list[tuple[str, ...]]:
    """Everything the database itself knows of its schema, but for Alembic's table."""
    if conn.dialect.name == "postgresql":
        rows = conn.execute(text(_CATALOG))
    else:
        rows = conn.execute(text("SELECT tbl_name, name, sql FROM sqlite_master ORDER BY 1, 2"))
    found = [tuple(re.sub(r"\s+", " ", str(value)) for value in row) for row in rows]
    return [row for row in found if row[0] != "alembic_version"]


def test_the_migrated_schema_is_the_one_the_code_declares(engine: Engine) -> None:
    with engine.connect() as conn:
        migrated = catalog(conn)
    migrations.downgrade(engine)
    with engine.begin() as conn:
        metadata.create_all(conn)
        declared = catalog(conn)
    # SQLite keeps constraints in the order they were written, and quotes the name of a table that
    # was written again: neither means anything.
    assert [_sorted_words(row) for row in migrated] == [_sorted_words(row) for row in declared]


def test_alembic_finds_no_difference(engine: Engine) -> None:
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_migrating_again_changes_nothing(engine: Engine) -> None:
    with engine.connect() as conn:
        before = catalog(conn)
    migrations.upgrade(engine)
    with engine.connect() as conn:
        assert catalog(conn) == before
        assert migrations.current(conn) == migrations.head()


def test_the_newest_revision_is_the_one_that_alembic_finds() -> None:
    config = Config()
    config.set_main_option("script_location", "cloud:migrations")
    assert ScriptDirectory.from_config(config).get_heads() == [migrations.head()]


def test_down_to_nothing_and_up_again(engine: Engine) -> None:
    with engine.connect() as conn:
        before = catalog(conn)
    migrations.downgrade(engine)
    with engine.connect() as conn:
        assert inspect(conn).get_table_names() == ["alembic_version"]
    migrations.upgrade(engine)
    with engine.connect() as conn:
        assert catalog(conn) == before


def test_an_old_schema_is_refused_with_the_fix(empty_database_url: str) -> None:
    engine = db.writer_engine(empty_database_url)
    with (
        engine.connect() as conn,
        pytest.raises(DatabaseError, match=r"revision none.*pointeuse cloud migrate"),
    ):
        migrations.require_current(conn)
    migrations.upgrade(engine)
    with engine.connect() as conn:
        migrations.require_current(conn)
    engine.dispose()


_PROGRAM_S_WEBHOOK = """
    INSERT INTO companies (id, vat, name, private, created_ms)
        VALUES (1, 'BE0403019261', 'Solvay', false, 0);
    INSERT INTO api_tokens (id, name, token_hash, company_id, whole_badges, created_ms)
        VALUES (7, 'erp', 'x', 1, false, 0);
    INSERT INTO webhooks (id, company_id, name, url, scopes, sealed, active, seen_registration,
            seen_change, created_ms)
        VALUES (1, 1, 'x', 'x', '', 'x', true, 0, 0, 0), (2, 1, 'x', 'x', '', 'x', true, 0, 0, 0);
    INSERT INTO audit (at_ms, tag, company_id, target_id, detail)
        VALUES (0, 'api:webhook:create', 1, 1, '{"token": 7}'),
            (0, 'console:webhook:create', 1, 2, '{}')
"""


def test_a_webhook_that_a_program_made_answers_to_it(empty_database_url: str) -> None:
    engine = db.writer_engine(empty_database_url)
    migrations.upgrade(engine, "0029")
    with engine.begin() as conn:
        for statement in _PROGRAM_S_WEBHOOK.split(";"):
            conn.exec_driver_sql(statement)
    migrations.upgrade(engine)
    with engine.connect() as conn:
        rows = conn.execute(text("SELECT id, token_id, name FROM webhooks ORDER BY id"))
        assert [tuple(row) for row in rows] == [(1, 7, "x"), (2, None, "x")]
    migrations.downgrade(engine, "0029")
    with engine.connect() as conn:
        assert conn.execute(text("SELECT count(*) FROM webhooks")).scalar() == 2
    engine.dispose()


def _sorted_words(row: tuple[str, ...]) -> list[str]:
    return sorted(re.findall(r'[^\s,()"]+', " ".join(row)))
