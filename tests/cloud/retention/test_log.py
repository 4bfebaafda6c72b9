"""The log of erasures: durable, numbered, without a name in it; and done again after a restore."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from cloud import db, migrations
from cloud.accounts import closing, service
from cloud.accounts.tables import accounts, memberships, passkeys, sessions
from cloud.audit.tables import audit
from cloud.backup import service as backup
from cloud.custody import saying
from cloud.custody.tables import alarms, epochs
from cloud.errors import ConflictError
from cloud.exports import queries as exported
from cloud.exports.tables import exports
from cloud.registrations.tables import registrations
from cloud.retention import redo
from cloud.retention.job import Run
from cloud.retention.log import NAME, ErasureLogError, Log, done
from cloud.times import now_ms
from tests.cloud.retention.world import (
    ANN,
    AT_ONCE,
    BOB,
    LAW,
    World,
    files_with,
    found_in,
    identifiers,
)


def test_it_numbers_what_it_is_told_and_survives_a_line_cut_short(tmp_path: Path) -> None:
    log = Log(tmp_path)
    assert (log.last(), list(log.after(0))) == (0, [])
    log.person("BE0403019261", b"h" * 16, 5, above=0)
    log.account(b"a" * 16, 6, above=0)
    path = tmp_path / NAME
    assert path.stat().st_mode & 0o777 == 0o600
    whole = path.read_bytes()
    for cut in range(1, 20):
        path.write_bytes(whole[:-cut])
        assert log.last() == 1
    log.account(b"b" * 16, 7, above=0)
    assert [(entry.n, entry.what) for entry in log.after(0)] == [(1, "person"), (2, "account")]
    assert [entry.handle for entry in log.after(1)] == [(b"b" * 16).hex()]
    log.account(b"c" * 16, 8, above=40)
    assert log.last() == 41


def test_several_who_write_at_once_get_a_number_each(tmp_path: Path) -> None:
    log = Log(tmp_path)
    threads = [
        threading.Thread(target=lambda: log.account(b"a" * 16, 1, above=0)) for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [entry.n for entry in log.after(0)] == list(range(1, 13))


def test_a_line_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / NAME).write_text('{"n": 1, "at_ms": 1, "what": "account"}\nnothing\n')
    with pytest.raises(ErasureLogError, match="line 2"):
        list(Log(tmp_path).after(0))


def test_nobody_is_named_in_it(furnished: World) -> None:
    world = furnished
    world.leave(world.ann)
    world.ask(world.elektro, world.ann)
    assert files_with(world.directory, identifiers(ANN)) == set()
    lines = (world.directory / NAME).read_text().splitlines()
    kinds = [json.loads(line)["what"] for line in lines]
    assert kinds == ["person", "records"]


@pytest.fixture
def database_url(empty_database_url: str) -> str:
    """Migrated, and the test's own: nobody else is connected to it."""
    engine = db.writer_engine(empty_database_url)
    migrations.upgrade(engine)
    engine.dispose()
    return empty_database_url


@pytest.mark.parametrize("limits", [AT_ONCE, LAW])
def test_a_restore_brings_nobody_back(
    furnished: World, database_url: str, tmp_path: Path, limits: Any
) -> None:
    world = furnished
    out = tmp_path / "backup"
    backup.backup(database_url, world.directory, out, None)
    world.leave(world.ann)
    for company in (world.solvay, world.elektro):
        world.ask(company, world.ann, limits)
    Run(world.engine, world.directory, limits).run()
    before = [(row["id"], row["worker_id"], row["site_let_go"]) for row in world.registered()]
    hidden = found_in(world.engine, identifiers(ANN))
    assert bool(hidden) == (limits is LAW)
    world.engine.dispose()
    world.reader.dispose()
    again = backup.restore(database_url, world.directory, out, None, force=True, limits=limits)
    assert again.again >= 2
    Run(world.engine, world.directory, limits).run()
    assert [(r["id"], r["worker_id"], r["site_let_go"]) for r in world.registered()] == before
    assert found_in(world.engine, identifiers(ANN)) == hidden
    assert found_in(world.engine, identifiers(BOB)) != set()
    # What the backup lacks comes again from the terminals: of whoever was erased nothing does.
    world.interpret()
    with world.engine.begin() as conn:
        conn.execute(update(epochs).values(interpreted_seq=0))
    world.interpret()
    assert found_in(world.engine, identifiers(ANN)) == hidden


def test_a_restore_of_an_older_schema_says_that_erasures_wait(
    database_url: str, tmp_path: Path
) -> None:
    directory = tmp_path / "platform"
    directory.mkdir()
    Log(directory).account(b"a" * 16, 1, above=0)
    engine = db.writer_engine(database_url)
    migrations.downgrade(engine, "0021")
    engine.dispose()
    out = tmp_path / "backup"
    backup.backup(database_url, directory, out, None)
    found = backup.restore(database_url, directory, out, None, force=True)
    assert (found.again, found.waiting) == (0, 1)
    migrations.upgrade(engine)
    assert redo.behind(engine, directory) == 1
    assert redo.catch_up(engine, directory, LAW) == 1
    assert redo.behind(engine, directory) == 0
    engine.dispose()


def test_a_row_of_before_is_called_the_same_whenever_it_is_migrated(
    furnished: World, database_url: str
) -> None:
    names = []
    for _ in range(2):
        migrations.downgrade(furnished.engine, "0021")
        migrations.upgrade(furnished.engine)
        names.append(furnished.worker(furnished.ann)["handle"])
    assert names[0] == names[1] != furnished.worker(furnished.bob)["handle"]


def test_a_log_that_was_lost_is_told_and_goes_on(furnished: World) -> None:
    world = furnished
    world.leave(world.ann)
    world.ask(world.elektro, world.ann)
    (world.directory / NAME).unlink()
    redo.catch_up(world.engine, world.directory, AT_ONCE)
    assert "log of erasures" in saying.told(world.rows(alarms)[-1]["detail"])
    world.ask(world.solvay, world.ann)
    assert world.worker(world.ann) is None


def close(world: World, account: int) -> None:
    with world.engine.begin() as conn:
        named = closing.begin(conn, account)
        Log(world.directory).account(named, now_ms(), above=done(conn))
    redo.catch_up(world.engine, world.directory, LAW)


def test_a_closed_account_leaves_its_number_alone(furnished: World) -> None:
    world = furnished
    boss = world.boss[world.elektro]
    with (
        pytest.raises(ConflictError, match="last administrator"),
        world.engine.begin() as conn,
    ):
        closing.begin(conn, boss)
    with world.engine.begin() as conn:
        from cloud.accounts import access
        from cloud.accounts import passkeys as passkeys_
        from cloud.accounts import sessions as sessions_
        from cloud.audit.service import Actor, note

        other = service.create(conn, "other@example.be", "Other")
        service.set_password(conn, other, "correct horse battery staple")
        access.put_membership(conn, other, world.elektro, "administrator")
        sessions_.begin(conn, boss)
        passkeys_.handle(conn, boss)
        key = passkeys_.Made(b"credential", b"key", 0, synced=False, transports=())
        passkeys_.add(conn, boss, "localhost", "Telephone of Bosserella", key)
        conn.execute(update(accounts).where(accounts.c.id == boss).values(name="Bosserella"))
        note(conn, Actor("console", boss), "worker", "read", company_id=world.elektro)
    wanted = {"address": b"boss@example.be", "name": b"Bosserella"}
    assert found_in(world.engine, wanted)
    lines = len(world.rows(audit))
    close(world, boss)
    assert found_in(world.engine, wanted) == set()
    (row,) = world.rows(accounts, accounts.c.id == boss)
    assert (row["email"], row["password"]) == (f"closed-{boss}@closed.invalid", None)
    assert row["disabled_ms"]
    assert row["closed_ms"]
    assert row["passkey_handle"] is None
    for table in (memberships, sessions, passkeys):
        assert world.rows(table, table.c.account_id == boss) == []
    assert len(world.rows(audit)) == lines
    close_again = redo.catch_up(world.engine, world.directory, LAW)
    assert close_again == 0


def test_who_signed_corrections_leaves_the_snapshots_too(furnished: World) -> None:
    world = furnished
    with world.engine.begin() as conn:
        from cloud.accounts import access

        other = service.create(conn, "other@example.be", "Other")
        service.set_password(conn, other, "correct horse battery staple")
        access.put_membership(conn, other, world.elektro, "administrator")
    assert "Boss" in snapshots(world)
    close(world, world.boss[world.elektro])
    Run(world.engine, world.directory, LAW).run()
    assert "Boss" not in snapshots(world)
    assert f"{ANN[0]} forgot" in snapshots(world)


def snapshots(world: World) -> str:
    with world.reader.connect() as conn:
        rows = conn.execute(select(exports).where(exports.c.company_id == world.elektro)).mappings()
        return json.dumps([list(exported.rows(conn, row)) for row in rows.all()])


def test_an_account_whose_company_knows_no_other_administrator_closes_all_the_same(
    furnished: World,
) -> None:
    """As a database from an older backup may have it, in which the other one is not yet."""
    world = furnished
    boss = world.boss[world.elektro]
    with world.engine.begin() as conn:
        Log(world.directory).account(closing.handle_of(conn, boss), 1, above=done(conn))
    redo.catch_up(world.engine, world.directory, LAW)
    assert "has no administrator" in saying.told(world.rows(alarms)[-1]["detail"])
    assert world.registered(registrations.c.worker_id == world.ann)
