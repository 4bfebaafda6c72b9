"""What PostgreSQL itself shows of a table to somebody, beside what the rules say."""

import pytest
from sqlalchemy import Connection, Engine, Table, insert, or_, select, text
from sqlalchemy.exc import ProgrammingError

from cloud.accounts.roles import Role
from cloud.audit.service import Actor, note
from cloud.audit.tables import audit
from cloud.registrations.tables import registration_history, registrations
from cloud.visibility import registrations as why
from cloud.visibility import row_security, rules
from cloud.visibility.rules import Operator, Viewer, program
from cloud.workers.tables import workers
from tests.cloud.visibility.test_rules import ACCESS, GRANTS, ids, someone
from tests.cloud.visibility.world import World

pytestmark = pytest.mark.integration


@pytest.fixture
def backend() -> str:
    return "postgresql"


def shown(conn: Connection, table: Table, column: str = "id") -> set[int]:
    """All that a query gives that asks for everything."""
    return set(conn.execute(select(table.c[column])).scalars())


def named(conn: Connection, seen_by: Viewer) -> set[int]:
    """Workers on the list, and those whose registrations are seen."""
    seen = select(registrations.c.worker_id).where(rules.visible_registrations(seen_by))
    return ids(conn, workers, or_(rules.visible_workers(seen_by), workers.c.id.in_(seen)))


@pytest.mark.parametrize("access", ACCESS, ids=lambda it: f"{it[0]}{'-external' * it[1]}")
@pytest.mark.parametrize(("divisions", "places"), GRANTS)
def test_the_database_shows_what_the_rules_give(
    conn: Connection,
    world: World,
    access: tuple[Role, bool],
    divisions: tuple[int, ...],
    places: tuple[int, ...],
) -> None:
    seen_by = someone(conn, world, access, (divisions, places))
    note(conn, Actor("console", seen_by.account_id), "worker", "look", company_id=world.ours)
    note(conn, Actor("console", seen_by.account_id), "worker", "look", company_id=world.theirs)
    expected = ids(conn, registrations, rules.visible_registrations(seen_by)), named(conn, seen_by)
    row_security.enter(conn, seen_by)
    assert (shown(conn, registrations), shown(conn, workers)) == expected
    companies = {world.ours} if seen_by.reads_trail else set()
    assert shown(conn, audit, "company_id") == companies


def test_a_program_is_shown_its_company(conn: Connection, world: World) -> None:
    seen_by = program(world.ours)
    note(conn, Actor("console"), "worker", "look", company_id=world.ours)
    expected = ids(conn, registrations, rules.visible_registrations(seen_by))
    row_security.enter(conn, seen_by)
    assert shown(conn, registrations) == expected
    assert shown(conn, audit) == set()


def test_the_role_alone_is_shown_nothing(conn: Connection, world: World) -> None:
    conn.execute(
        insert(registration_history).values(
            registration_id=1, version=1, company_id=world.ours, at_ms=0, why="test"
        )
    )
    note(conn, Actor("console"), "worker", "look", company_id=world.ours)
    tables = {registrations: "id", registration_history: "registration_id", workers: "id"}
    assert all(shown(conn, table, column) for table, column in tables.items())
    conn.execute(text(f"SET LOCAL ROLE {row_security.ROLE}"))
    assert not any(shown(conn, table, column) for table, column in tables.items())
    assert not shown(conn, audit)


def test_an_account_without_a_part_in_the_company_is_shown_nothing(
    conn: Connection, world: World
) -> None:
    forged = Viewer(
        world.account(conn), world.ours, Role.ADMINISTRATOR, False, frozenset(), frozenset()
    )
    row_security.enter(conn, forged)
    assert not shown(conn, registrations)
    assert not shown(conn, workers)


def test_nothing_can_be_written(conn: Connection, world: World) -> None:
    row_security.enter(conn, world.member(conn, Role.ADMINISTRATOR))
    with pytest.raises(ProgrammingError, match="permission denied"):
        conn.execute(workers.delete())


def test_it_ends_with_the_transaction(engine: Engine) -> None:
    with engine.begin() as conn:
        world = World(conn)
        seen_by = world.member(conn, Role.VIEWER)
    with engine.connect() as conn:
        row_security.enter(conn, seen_by)
        assert not shown(conn, registrations)
        conn.rollback()
        assert shown(conn, registrations) == set(world.taps)


def test_an_operator_is_shown_everything(conn: Connection, world: World) -> None:
    row_security.enter(conn, Operator())
    assert shown(conn, registrations) == set(world.taps)


def test_explaining_counts_the_hidden_and_hides_it_again(conn: Connection, world: World) -> None:
    seen_by = world.member(conn, Role.VIEWER, sites=(world.places[2][2],))
    hidden = next(number for number, tap in world.taps.items() if tap.site == world.places[0][2])
    row_security.enter(conn, seen_by)
    before = shown(conn, registrations)
    said = why.explain(conn, seen_by, hidden).as_json()
    assert "Nord / Quai" in str(said)
    assert shown(conn, registrations) == before != set(world.taps)
