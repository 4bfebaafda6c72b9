"""Every role, with every kind of access, against the rules as people would say them."""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, Table, select, update

from cloud.accounts.roles import Role
from cloud.companies.tables import sites
from cloud.errors import NotFoundError
from cloud.registrations.tables import registrations
from cloud.terminals import service as terminal_service
from cloud.terminals.tables import terminals
from cloud.visibility import rules
from cloud.visibility.rules import App, Viewer
from cloud.workers.tables import workers
from tests.cloud.visibility.world import START_MS, Tap, World

WHOLE = (Role.ADMINISTRATOR, Role.AUDITOR)
ACCESS = [
    (role, external)
    for role, external in product(Role, (False, True))
    if not (external and role in WHOLE)
]
GRANTS = [
    pytest.param((), (), id="nothing"),
    pytest.param((0,), (), id="a division"),
    pytest.param((), (2,), id="a site"),
    pytest.param((0,), (3,), id="both"),
]


def ids(conn: Connection, table: Table, where: ColumnElement[bool]) -> set[int]:
    return set(conn.execute(select(table.c.id).where(where)).scalars())


def someone(
    conn: Connection, world: World, access: tuple[Role, bool], granted: tuple[Any, Any]
) -> Viewer:
    role, external = access
    divisions, places = granted
    return world.member(
        conn,
        role,
        external=external,
        divisions=tuple(world.places[index][1] for index in divisions),
        sites=tuple(world.places[index][2] for index in places),
    )


def reached(
    world: World, role: Role, granted: tuple[Any, Any], place: tuple[int, int, int]
) -> bool:
    """Whether a place is one the account was given."""
    company, division, site = place
    if company != world.ours:
        return False
    return (
        role in WHOLE
        or division in {world.places[index][1] for index in granted[0]}
        or site in {world.places[index][2] for index in granted[1]}
    )


@pytest.mark.parametrize("access", ACCESS, ids=lambda it: f"{it[0]}{'-external' * it[1]}")
@pytest.mark.parametrize(("divisions", "places"), GRANTS)
def test_everyone_sees_what_the_rules_give_and_nothing_else(
    conn: Connection,
    world: World,
    access: tuple[Role, bool],
    divisions: tuple[int, ...],
    places: tuple[int, ...],
) -> None:
    granted = (divisions, places)
    role, external = access
    seen_by = someone(conn, world, access, granted)

    def shown(tap: Tap) -> bool:
        if role in WHOLE and tap.employer == world.ours:
            return True
        if tap.company is None or tap.division is None or tap.site is None:
            return False
        return reached(world, role, granted, (tap.company, tap.division, tap.site))

    assert ids(conn, registrations, rules.visible_registrations(seen_by)) == {
        number for number, tap in world.taps.items() if shown(tap)
    }
    here = [place for place in world.places if reached(world, role, granted, place)]
    assert ids(conn, sites, rules.visible_sites(seen_by)) == {site for *_, site in here}
    assert ids(conn, terminals, rules.visible_terminals(seen_by)) == {
        terminal
        for terminal, place in zip(world.terminals, world.places, strict=True)
        if place in here
    }
    assert ids(conn, workers, rules.visible_workers(seen_by)) == (
        set() if external else {world.workers[0]}
    )
    assert seen_by.reads_trail == (role in WHOLE)


def test_without_a_membership_there_is_no_view(conn: Connection, world: World) -> None:
    outsider = world.account(conn)
    for company in (world.ours, 987654):
        with pytest.raises(NotFoundError, match="no access to that company"):
            rules.viewer(conn, outsider, company)


def test_a_part_in_one_company_is_none_in_another(conn: Connection, world: World) -> None:
    ours = world.member(conn, Role.ADMINISTRATOR)
    theirs = world.member(
        conn,
        Role.VIEWER,
        company=world.theirs,
        account=ours.account_id,
        sites=(world.places[4][2],),
    )
    assert ids(conn, sites, rules.visible_sites(theirs)) == {world.places[4][2]}
    assert not ids(conn, registrations, rules.visible_registrations(theirs)) & {
        number for number, tap in world.taps.items() if tap.company == world.ours
    }


def test_a_grant_reaches_nothing_of_another_company(conn: Connection, world: World) -> None:
    _, division, site = world.places[4]
    seen_by = Viewer(1, world.ours, Role.VIEWER, False, frozenset({division}), frozenset({site}))
    assert ids(conn, registrations, rules.visible_registrations(seen_by)) == set()
    assert ids(conn, sites, rules.visible_sites(seen_by)) == set()
    assert ids(conn, terminals, rules.visible_terminals(seen_by)) == set()


def test_a_terminal_goes_with_the_place_it_stood_at_last(conn: Connection, world: World) -> None:
    ours = world.member(conn, Role.ADMINISTRATOR)
    theirs = world.member(conn, Role.ADMINISTRATOR, company=world.theirs)
    moved, released = world.terminals[:2]
    terminal_service.assign(conn, moved, world.places[4][2], START_MS)
    terminal_service.release(conn, released, START_MS)
    assert moved not in ids(conn, terminals, rules.visible_terminals(ours))
    assert moved in ids(conn, terminals, rules.visible_terminals(theirs))
    assert released in ids(conn, terminals, rules.visible_terminals(ours))


def test_an_app_sees_its_worker_s_own_of_what_the_company_sees(
    conn: Connection, world: World
) -> None:
    ours, theirs = world.companies
    whole = world.member(conn, Role.AUDITOR)
    # One of our worker's that neither is at our sites nor of our employ, and one of a colleague.
    for tap, of in ((Tap(theirs, *world.places[4]), 0), (Tap(ours, *world.places[0]), 1)):
        number = world.tap(conn, tap, worker_id=world.workers[of])
        world.taps[number] = tap
    own = registrations.c.worker_id == world.workers[0]
    seen = ids(conn, registrations, rules.visible_registrations(whole) & own)
    app = App(1, world.workers[0], ours)
    assert ids(conn, registrations, rules.visible_registrations(app)) == seen
    assert len(seen) == len(world.places) + 1
    assert ids(conn, workers, rules.visible_workers(app)) == {world.workers[0]}
    assert ids(conn, workers, rules.visible_workers(App(1, world.workers[0], theirs))) == set()
    # What the company let go of is nobody's, the worker's neither.
    gone = min(seen)
    conn.execute(
        update(registrations)
        .where(registrations.c.id == gone)
        .values(site_let_go=True, employer_let_go=True)
    )
    assert ids(conn, registrations, rules.visible_registrations(app)) == seen - {gone}


def test_the_page_on_visibility_has_every_rule() -> None:
    page = (Path(rules.__file__).parents[2] / "docs" / "visibility.md").read_text()
    for rule in rules.RULES:
        assert f"**{rule}**" in page
        assert f"\n    {rule} " in str(rules.__doc__)
