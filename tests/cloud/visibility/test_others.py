"""What `explain` says of workers of other employers, and what it never says."""

import json
from typing import Any

import pytest
from sqlalchemy import Connection, delete, update

from cloud.accounts.roles import Role
from cloud.accounts.scopes import Scope
from cloud.companies import service as companies
from cloud.companies.tables import companies as company_table
from cloud.registrations.tables import registrations
from cloud.visibility import workers as about
from cloud.visibility.rules import Viewer, program
from cloud.workers import service
from cloud.workers.tables import workers
from tests.cloud.visibility.world import START_MS, Tap, World


def told(conn: Connection, seen_by: Viewer, who: str = "Bob Maes", **period: int) -> str:
    return json.dumps(about.explain(conn, seen_by, who, **period).as_json(), ensure_ascii=False)


def steps(conn: Connection, seen_by: Viewer, who: str = "Bob Maes", **period: int) -> list[Any]:
    found = about.explain(conn, seen_by, who, **period).as_json()["steps"]
    return [
        (step["verdict"], step["found"])
        for step in found
        if step["check"] in ("worker", "registrations")
    ]


def visitor(world: World, conn: Connection) -> Viewer:
    """Somebody of ours who reaches one site, Nord / Quai."""
    return world.member(conn, Role.VIEWER, sites=(world.places[0][2],))


@pytest.mark.parametrize(
    ("role", "granted", "seen"),
    [
        (Role.ADMINISTRATOR, {}, 4),
        (Role.AUDITOR, {}, 4),
        (Role.MANAGER, {"divisions": (0,)}, 2),
        (Role.VIEWER, {"sites": (0,)}, 1),
        (Role.VIEWER, {"divisions": (0,), "sites": (2,)}, 3),
    ],
)
@pytest.mark.parametrize("who", ["Bob Maes", "maes BOB"])
def test_whom_they_work_for_and_how_often_they_tapped_where_it_is_reached(
    conn: Connection, world: World, role: Role, granted: Any, seen: int, who: str
) -> None:
    seen_by = world.member(
        conn,
        role,
        divisions=tuple(world.places[index][1] for index in granted.get("divisions", ())),
        sites=tuple(world.places[index][2] for index in granted.get("sites", ())),
    )
    assert steps(conn, seen_by, who) == [
        ("stop", "Bob Maes works for Elektro, and is on no list of your company."),
        ("ok", f"{seen} registrations at the sites you reach are visible to you."),
    ]


def test_nothing_else_of_theirs_changes_what_is_said(conn: Connection, world: World) -> None:
    """Not their list, nor their badges, nor what they registered elsewhere."""
    askers = [visitor(world, conn), world.member(conn, Role.ADMINISTRATOR)]
    before = [told(conn, seen_by) for seen_by in askers]
    service.put_worker(conn, world.theirs, "7", "Bob", "Maes", active=False)
    service.link_badge(conn, service.put_badge(conn, "em4100", "00000000FF"), world.workers[1])
    for place in (*world.places[4:], (None, None, None)):
        number = world.tap(conn, Tap(world.theirs, *place))
        world.taps[number] = Tap(world.theirs, *place)
    assert [told(conn, seen_by) for seen_by in askers] == before
    for answer in before:
        assert "(7)" not in answer
        assert "0A1B" not in answer


def test_who_did_not_tap_where_it_is_reached_does_not_exist(conn: Connection, world: World) -> None:
    """At a site that is not granted, at another company's alone, or let go of."""
    seen_by = visitor(world, conn)
    there = registrations.c.worker_id == world.workers[1]
    at_quai = there & (registrations.c.site_id == world.places[0][2])
    for hide in (
        update(registrations).where(at_quai).values(site_let_go=True),
        update(registrations).where(at_quai).values(company_id=world.theirs),
        delete(registrations).where(at_quai),
        delete(registrations).where(there, registrations.c.company_id == world.ours),
        delete(registrations).where(there),
    ):
        with conn.begin_nested() as undone:
            conn.execute(hide)
            nobody = told(conn, seen_by, "Dob Maes")
            assert "Create the worker" in nobody
            assert told(conn, seen_by).replace("Bob", "Dob") == nobody
            undone.rollback()
    assert "works for Elektro" in told(conn, seen_by)
    nothing = world.member(conn, Role.VIEWER)
    assert told(conn, nothing).replace("Bob", "Dob") == told(conn, nothing, "Dob Maes")


@pytest.mark.parametrize("who", ["Bob", "Maes B", "77", "Bob Mae", "b maes"])
def test_a_number_or_a_part_of_a_name_finds_nobody_of_others(
    conn: Connection, world: World, who: str
) -> None:
    service.put_worker(conn, world.theirs, "77", "Carl", "Thys")
    conn.execute(update(workers).where(workers.c.company_id == world.ours).values(given_name="X"))
    assert "Elektro" not in told(conn, world.member(conn, Role.ADMINISTRATOR), who)


def test_a_program_is_told_only_with_the_scope_for_registrations(
    conn: Connection, world: World
) -> None:
    for may, said in (
        (frozenset({Scope.EXPLAIN_READ, Scope.WORKERS_READ}), False),
        (frozenset({Scope.EXPLAIN_READ, Scope.REGISTRATIONS_READ}), True),
    ):
        assert ("Elektro" in told(conn, program(world.ours, token=1, may=may))) == said


def test_one_s_own_are_no_others_where_the_list_is_not_read(conn: Connection, world: World) -> None:
    may = frozenset({Scope.EXPLAIN_READ, Scope.REGISTRATIONS_READ})
    answer = told(conn, program(world.ours, token=1, may=may), "Ann Maes")
    assert "The company has no worker Ann Maes" in answer


def test_what_they_registered_elsewhere_for_us_is_not_at_our_sites(
    conn: Connection, world: World
) -> None:
    world.tap(conn, Tap(world.theirs, *world.places[4]), employer_id=world.ours)
    found = steps(conn, world.member(conn, Role.ADMINISTRATOR))
    assert found[1][1].startswith("4 registrations at the sites you reach")


def test_somebody_external_is_told_nothing(conn: Connection, world: World) -> None:
    seen_by = world.member(conn, Role.VIEWER, external=True, sites=(world.places[0][2],))
    assert told(conn, seen_by) == told(conn, seen_by, "Carl Thys")


def test_a_period_without_their_taps(conn: Connection, world: World) -> None:
    seen_by = world.member(conn, Role.ADMINISTRATOR)
    assert steps(conn, seen_by, until_ms=START_MS)[1] == (
        "stop", "Nothing is registered for the worker in this period at the sites you reach.",
    )  # fmt: skip
    first = min(number for number, tap in world.taps.items() if tap.employer == world.theirs)
    end_ms = START_MS + 60_000 * first + 1
    assert steps(conn, seen_by, until_ms=end_ms)[1][1].startswith("1 registrations")


def test_of_a_private_company(conn: Connection, world: World) -> None:
    conn.execute(
        update(company_table).where(company_table.c.id == world.theirs).values(private=True)
    )
    found = about.explain(conn, visitor(world, conn), "Bob Maes")
    assert "Bob Maes works for Elektro, a private company" in found.as_json()["steps"][1]["found"]


def test_each_namesake_who_tapped_here(conn: Connection, world: World) -> None:
    for vat, name, place in (
        ("BE0999910642", "Third", world.places[0]),
        ("BE0417497106", "Fourth", world.places[4]),
    ):
        other = companies.register(conn, vat, name)
        bob = service.put_worker(conn, other, "7", "Bob", "Maes")
        number = world.tap(conn, Tap(world.theirs, *place), worker_id=bob, employer_id=other)
        world.taps[number] = Tap(other, *place)
    answer = told(conn, visitor(world, conn))
    assert "works for Elektro" in answer
    assert "works for Third" in answer
    assert "Fourth" not in answer


def test_one_s_own_of_the_same_name_comes_first(conn: Connection, world: World) -> None:
    service.put_worker(conn, world.ours, "8", "Bob", "Maes")
    answer = told(conn, visitor(world, conn))
    assert "Bob Maes (8) is on the list of active workers." in answer
    assert "Elektro" not in answer


def test_where_the_account_may_switch_too(conn: Connection, world: World) -> None:
    seen_by = visitor(world, conn)
    world.member(conn, Role.VIEWER, company=world.theirs, account=seen_by.account_id)
    answer = told(conn, seen_by)
    assert "works for Elektro" in answer
    assert "Switch to Elektro." in answer
