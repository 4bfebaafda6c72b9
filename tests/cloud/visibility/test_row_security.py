"""What PostgreSQL itself shows of a table to somebody, beside what the rules say."""

import json
import re
from itertools import product

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    Table,
    func,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.exc import ProgrammingError

from cloud.accounts import passkeys as passkeys_
from cloud.accounts import recovery
from cloud.accounts import sessions as sessions_
from cloud.accounts.roles import Role
from cloud.accounts.scopes import Scope
from cloud.accounts.tables import passkeys, recovery_codes, sessions, totps
from cloud.api.tables import idempotency_keys
from cloud.apps import service as devices
from cloud.apps.tables import apps, pairing_codes, technical_accounts
from cloud.audit.service import Actor, note
from cloud.audit.tables import audit
from cloud.exports import queries
from cloud.exports.tables import export_parts, exports
from cloud.registrations.tables import (
    correction_decisions,
    registration_corrections,
    registration_history,
    registrations,
)
from cloud.retention.tables import erasure_requests
from cloud.schema import metadata
from cloud.visibility import registrations as why
from cloud.visibility import row_security, rules
from cloud.visibility.rules import App, Operator, Viewer, program
from cloud.webhooks.tables import webhook_deliveries, webhook_events, webhooks
from cloud.workers.tables import restrictions, workers
from tests.cloud.apps.pairing import pair
from tests.cloud.visibility.test_rules import ACCESS, GRANTS, ids, someone
from tests.cloud.visibility.world import Tap, World

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


def corrected(conn: Connection, world: World, *, workers: int = 1) -> None:
    """A correction of each company at every place, of the first workers, each with a decision."""
    for number, ((_, division, site), company, worker) in enumerate(
        product(world.places, world.companies, world.workers[:workers]), 1
    ):
        conn.execute(
            insert(registration_corrections).values(
                id=number, company_id=company, kind="add", worker_id=worker,
                division_id=division, site_id=site, tapped_ms=0, direction="in", reason="Seen",
                second=True, account_id=1, at_ms=0,
            )
        )  # fmt: skip
        conn.execute(
            insert(correction_decisions).values(
                correction_id=number, approved=True, account_id=1, at_ms=0
            )
        )


def exported(conn: Connection, world: World) -> None:
    """Snapshots of each company for everyone there may be, each of one part."""
    first, dock, sud, mine = (place[1:] for place in world.places[:4])
    grants = [*product(([], [first[0]]), ([], [sud[1]], [mine[1]], [first[1], dock[1]]))]
    granted = [{"divisions": parts, "sites": sites} for parts, sites in grants]
    scopes = [json.dumps(scope) for scope in ({"whole": True}, *granted)]
    for number, (scope, company) in enumerate(product(scopes, world.companies), 1):
        conn.execute(
            insert(exports).values(
                id=number, company_id=company, number=number, last_registration=0,
                scope=scope, last_correction=0,
                last_decision_ms=0, until_ms=0, incomplete="[]", at_ms=0, finished_ms=0,
            )
        )  # fmt: skip
        conn.execute(insert(export_parts).values(export_id=number, part=0, content=b""))


@pytest.mark.parametrize("access", ACCESS, ids=lambda it: f"{it[0]}{'-external' * it[1]}")
@pytest.mark.parametrize(("divisions", "places"), GRANTS)
def test_corrections_and_exports_too_with_what_hangs_on_them(
    conn: Connection,
    world: World,
    access: tuple[Role, bool],
    divisions: tuple[int, ...],
    places: tuple[int, ...],
) -> None:
    corrected(conn, world)
    exported(conn, world)
    seen_by = someone(conn, world, access, (divisions, places))
    entered = ids(conn, registration_corrections, rules.visible_corrections(seen_by))
    made = {row["id"] for row in queries.listed(conn, seen_by)}
    assert made
    row_security.enter(conn, seen_by)
    assert shown(conn, registration_corrections) == entered
    assert shown(conn, correction_decisions, "correction_id") == entered
    assert shown(conn, exports) == made
    assert shown(conn, export_parts, "export_id") == made


def test_they_are_shown_to_the_company_s_program_and_not_to_the_role_alone(
    conn: Connection, world: World
) -> None:
    corrected(conn, world)
    exported(conn, world)
    tables = {
        registration_corrections: "id",
        correction_decisions: "correction_id",
        exports: "id",
        export_parts: "export_id",
    }
    whole = {table: len(shown(conn, table, column)) for table, column in tables.items()}
    row_security.enter(conn, program(world.ours))
    for table, column in tables.items():
        assert len(shown(conn, table, column)) * 2 == whole[table]
    conn.execute(text("SELECT set_config('pointeuse.company', '', true)"))
    assert not any(shown(conn, table, column) for table, column in tables.items())


def hooked(conn: Connection, world: World) -> None:
    """A webhook of each company, with an event and a delivery."""
    for company in world.companies:
        conn.execute(
            insert(webhooks).values(
                id=company, company_id=company, name="x", url="https://example.be/", scopes="",
                sealed=b"", seen_registration=0, seen_change=0, created_ms=0,
            )
        )  # fmt: skip
        conn.execute(insert(webhook_events).values(webhook_id=company, event="worker.changed"))
        conn.execute(
            insert(webhook_deliveries).values(
                webhook_id=company, message=str(company), event="test", at_ms=0, due_ms=0
            )
        )


WEBHOOKS = {webhooks: "id", webhook_events: "webhook_id", webhook_deliveries: "webhook_id"}


@pytest.mark.parametrize("access", ACCESS, ids=lambda it: f"{it[0]}{'-external' * it[1]}")
def test_webhooks_are_shown_to_administrators(
    conn: Connection, world: World, access: tuple[Role, bool]
) -> None:
    hooked(conn, world)
    seen_by = someone(conn, world, access, ((), ()))
    expected = ids(conn, webhooks, rules.visible_webhooks(seen_by))
    assert expected == ({world.ours} if access[0] is Role.ADMINISTRATOR else set())
    row_security.enter(conn, seen_by)
    for table, column in WEBHOOKS.items():
        assert shown(conn, table, column) == expected


def test_webhooks_are_shown_to_the_company_s_program_and_not_to_the_role_alone(
    conn: Connection, world: World
) -> None:
    hooked(conn, world)
    may = frozenset({Scope.WEBHOOKS_READ})
    seen_by = program(world.ours, token=1, may=may)
    assert ids(conn, webhooks, rules.visible_webhooks(seen_by)) == {world.ours}
    assert not ids(conn, webhooks, rules.visible_webhooks(program(world.ours, token=1)))
    row_security.enter(conn, seen_by)
    for table, column in WEBHOOKS.items():
        assert shown(conn, table, column) == {world.ours}
    conn.execute(text("SELECT set_config('pointeuse.company', '', true)"))
    assert not any(shown(conn, table, column) for table, column in WEBHOOKS.items())


@pytest.mark.parametrize(
    "column",
    [webhooks.c.sealed, webhooks.c.sealed_before, webhook_deliveries.c.body],
    ids=str,
)
def test_neither_secrets_nor_what_was_sent_is_read(
    conn: Connection, world: World, column: Column[bytes]
) -> None:
    hooked(conn, world)
    row_security.enter(conn, world.member(conn, Role.ADMINISTRATOR))
    with pytest.raises(ProgrammingError, match="permission denied"):
        conn.execute(select(column))


def test_what_was_answered_to_programs_is_not_read(conn: Connection, world: World) -> None:
    row_security.enter(conn, program(world.ours))
    with pytest.raises(ProgrammingError, match="permission denied"):
        conn.execute(select(idempotency_keys))


READABLE = {
    "accounts": {"id", "email", "name"},
    "sessions": {"id", "account_id", "company_id", "created_ms", "seen_ms", "half"},
    "totps": {"account_id", "confirmed_ms"},
    "recovery_codes": {"account_id", "used_ms"},
    "passkeys": {
        "id", "account_id", "rp_id", "synced", "name", "created_ms", "used_ms", "stopped_ms",
    },
    "passkey_challenges": set(),
    "api_tokens": {"id", "name"},
    "invitations": {
        "id", "company_id", "email", "role", "external", "created_ms", "expires_ms", "closed_ms",
    },
    "links": set(),
    "mails": set(),
}  # fmt: skip
"""Of what lets somebody in: the columns that pages show."""
SECRET = re.compile(r"password|token_hash|code_hash|secret|credential|challenge$")


def readable(conn: Connection) -> dict[str, set[str]]:
    """The columns of each table that the role may read."""
    found: dict[str, set[str]] = {table.name: set() for table in metadata.sorted_tables}
    for table in metadata.sorted_tables:
        for column in table.c:
            may = func.has_column_privilege(row_security.ROLE, table.name, column.name, "SELECT")
            if conn.execute(select(may)).scalar_one():
                found[table.name].add(column.name)
    return found


def test_nothing_that_lets_somebody_in_is_read(conn: Connection) -> None:
    found = readable(conn)
    assert {table: found[table] for table in READABLE} == READABLE
    secrets = {f"{table}.{name}" for table in found for name in found[table] if SECRET.search(name)}
    assert secrets == set()


def test_of_sessions_and_second_factors_one_s_own_are_shown(conn: Connection, world: World) -> None:
    mine, other = world.member(conn, Role.ADMINISTRATOR), world.member(conn, Role.VIEWER)
    for number, each in enumerate((mine, other), 1):
        account = each.account_id
        assert account is not None
        sessions_.begin(conn, account)
        recovery.make(conn, account)
        conn.execute(insert(totps).values(account_id=account, sealed=b"", created_ms=1))
        key = passkeys_.Made(bytes([number]), b"key", 0, synced=False, transports=())
        passkeys_.add(conn, account, "localhost", "Key", key)
    tables = (sessions, totps, recovery_codes, passkeys)
    for table in tables:
        assert shown(conn, table, "account_id") == {mine.account_id, other.account_id}
    row_security.enter(conn, mine)
    for table in tables:
        assert shown(conn, table, "account_id") == {mine.account_id}, table.name
    row_security.enter(conn, program(world.ours))
    for table in tables:
        assert shown(conn, table, "account_id") == set(), table.name


def test_a_program_is_shown_its_company(conn: Connection, world: World) -> None:
    seen_by = program(world.ours)
    note(conn, Actor("console"), "worker", "look", company_id=world.ours)
    expected = ids(conn, registrations, rules.visible_registrations(seen_by))
    row_security.enter(conn, seen_by)
    assert shown(conn, registrations) == expected
    assert shown(conn, audit) == set()


def test_an_app_is_shown_its_worker_s_own(conn: Connection, world: World) -> None:
    corrected(conn, world, workers=2)
    exported(conn, world)
    note(conn, Actor("console"), "worker", "look", company_id=world.ours)
    foreign = Tap(world.theirs, *world.places[4])
    world.tap(conn, foreign, worker_id=world.workers[0])
    own = registrations.c.worker_id == world.workers[0]
    for gone in ({"site_let_go": True}, {"employer_let_go": True}):
        # Of one it keeps its part as employer, and of the other, which was elsewhere, none.
        which = registrations.c.company_id == (
            world.ours if "site_let_go" in gone else world.theirs
        )
        number = min(ids(conn, registrations, own & which))
        conn.execute(update(registrations).where(registrations.c.id == number).values(gone))
    ours, theirs = (pair(conn, worker) for worker in world.workers)
    seen_by = App(ours.app_id, world.workers[0], world.ours)
    seen = ids(conn, registrations, rules.visible_registrations(seen_by))
    entered = ids(conn, registration_corrections, rules.visible_corrections(seen_by))
    assert seen
    assert len(entered) == len(world.places)
    row_security.enter(conn, seen_by)
    assert shown(conn, registrations) == seen
    assert shown(conn, registration_corrections) == entered
    assert shown(conn, correction_decisions, "correction_id") == entered
    assert shown(conn, workers) == {world.workers[0]}
    assert shown(conn, technical_accounts) == {ours.technical_account_id}
    assert shown(conn, apps) == {ours.app_id}
    assert theirs.app_id not in shown(conn, apps)
    for table, column in ((exports, "id"), (export_parts, "export_id"), (audit, "id")):
        assert not shown(conn, table, column)


@pytest.mark.parametrize("ends", ["it is revoked", "the worker is inactive", "there is none"])
def test_an_app_that_ended_is_shown_nothing(conn: Connection, world: World, ends: str) -> None:
    app = pair(conn, world.workers[0])
    number = app.app_id
    if ends == "it is revoked":
        devices.revoke(conn, world.ours, world.workers[0], number)
    elif ends == "the worker is inactive":
        conn.execute(update(workers).values(active=False))
    else:
        number += 1
    row_security.enter(conn, App(number, world.workers[0], world.ours))
    assert not any(shown(conn, table) for table in (registrations, workers, apps))


def test_who_looks_at_a_company_is_not_taken_for_an_app_before(
    conn: Connection, world: World
) -> None:
    app = pair(conn, world.workers[0])
    row_security.enter(conn, App(app.app_id, world.workers[0], world.ours))
    conn.execute(text("SELECT set_config('role', 'none', true)"))
    assert shown(conn, apps) == {app.app_id}
    row_security.enter(conn, program(world.theirs))
    assert not shown(conn, apps)


def test_apps_are_shown_inside_the_company_without_their_tokens(
    conn: Connection, world: World
) -> None:
    ours, _ = (pair(conn, worker) for worker in world.workers)
    inside, outside = (world.member(conn, Role.VIEWER, external=each) for each in (False, True))
    row_security.enter(conn, outside)
    assert not shown(conn, apps)
    conn.execute(text("SELECT set_config('role', 'none', true)"))
    row_security.enter(conn, inside)
    assert shown(conn, apps) == {ours.app_id}
    assert shown(conn, technical_accounts) == {ours.technical_account_id}
    for query in (select(apps.c.token_hash), select(pairing_codes)):
        with pytest.raises(ProgrammingError, match="permission denied"), conn.begin_nested():
            conn.execute(query)


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


@pytest.mark.parametrize("access", ACCESS, ids=lambda it: f"{it[0]}{'-external' * it[1]}")
def test_what_a_company_let_go_of_the_database_hides_as_the_rules_do(
    conn: Connection, world: World, access: tuple[Role, bool]
) -> None:
    corrected(conn, world)
    half = [number for number in world.taps if number % 2]
    third = [number for number in world.taps if number % 3 == 0]
    for flag, numbers in (("site_let_go", half), ("employer_let_go", third)):
        change = update(registrations).where(registrations.c.id.in_(numbers))
        conn.execute(change.values({flag: True}))
    ann = world.workers[0]
    conn.execute(insert(restrictions).values(company_id=world.ours, worker_id=ann, until_ms=0))
    conn.execute(update(workers).where(workers.c.id == ann).values(restricted_ms=1))
    seen_by = someone(conn, world, access, ((world.places[0][1],), ()))
    expected = ids(conn, registrations, rules.visible_registrations(seen_by))
    names = named(conn, seen_by)
    entered = ids(conn, registration_corrections, rules.visible_corrections(seen_by))
    assert not entered
    assert ann not in ids(conn, workers, rules.visible_workers(seen_by))
    row_security.enter(conn, seen_by)
    assert shown(conn, registrations) == expected
    # A name shows with the newest of its registrations that is seen.
    assert shown(conn, workers) == names
    assert shown(conn, registration_corrections) == entered
    assert shown(conn, correction_decisions, "correction_id") == entered


def test_requests_to_erase_are_shown_to_those_who_reach_the_whole_company(
    conn: Connection, world: World
) -> None:
    for company in world.companies:
        conn.execute(insert(erasure_requests).values(company_id=company, worker_id=1, at_ms=1))
    for access in ACCESS:
        seen_by = someone(conn, world, access, ((world.places[0][1],), ()))
        row_security.enter(conn, seen_by)
        found = shown(conn, erasure_requests, "company_id")
        conn.execute(select(func.set_config("role", "none", True)))
        assert found == ({world.ours} if seen_by.whole else set())
    seen_by = world.member(conn, Role.ADMINISTRATOR)
    row_security.enter(conn, seen_by)
    for table in ("withdrawals", "erased_records", "former_holders", "erasing"):
        with pytest.raises(ProgrammingError, match="permission denied"), conn.begin_nested():
            conn.execute(text(f"SELECT * FROM {table}"))  # noqa: S608 - ours
