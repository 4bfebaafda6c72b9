"""What the first step of `explain` says of what is granted to somebody."""

import pytest
from sqlalchemy import Connection, delete, insert

from cloud.accounts.roles import Role
from cloud.accounts.tables import grants
from cloud.companies import service as companies
from cloud.languages.current import LANGUAGES, language
from cloud.visibility import registrations, terminals, workers
from cloud.visibility.explain import active_company
from cloud.visibility.rules import Viewer, viewer
from cloud.visibility.steps import Verdict
from tests.cloud.visibility.world import World


def first(conn: Connection, seen_by: Viewer) -> str:
    return str(active_company(conn, seen_by).as_json()["found"])


@pytest.mark.parametrize("external", [False, True])
def test_divisions_and_sites_are_named(conn: Connection, world: World, external: bool) -> None:
    sud_dock = world.places[3]
    seen_by = world.member(
        conn, Role.VIEWER, external=external, divisions=(world.places[0][1],), sites=(sud_dock[2],)
    )
    how = " from outside" if external else ""
    said = f"You look at Solvay{how}, as viewer. Granted to you: Nord, Sud / Dock."
    assert first(conn, seen_by) == said
    for found in (
        workers.explain(conn, seen_by, "7"),
        registrations.explain(conn, seen_by, 1),
        terminals.explain(conn, seen_by, world.devices[0]),
    ):
        assert found.as_json()["steps"][0]["found"] == said


@pytest.mark.parametrize("external", [False, True])
def test_that_nothing_is_granted_is_said(conn: Connection, world: World, external: bool) -> None:
    step = active_company(conn, world.member(conn, Role.MANAGER, external=external))
    assert "No division and no site is granted to you." in step.as_json()["found"]
    assert (step.verdict, step.as_json()["mender"]) == (Verdict.NOTE, "administrator")


def test_who_reaches_everything_is_granted_nothing(conn: Connection, world: World) -> None:
    assert first(conn, world.member(conn, Role.AUDITOR)) == "You look at Solvay, as auditor."


def test_of_many_ten_are_named_and_the_others_counted(conn: Connection, world: World) -> None:
    division = world.places[0][1]
    made = tuple(companies.put_site(conn, division, f"Gate {n:02}") for n in range(12))
    said = first(conn, world.member(conn, Role.VIEWER, sites=made))
    assert said.endswith("Nord / Gate 08, Nord / Gate 09, … (+2).")


def test_another_company_s_place_is_not_named_even_where_a_grant_names_it(
    conn: Connection, world: World
) -> None:
    """A grant that a mistake made is no way in, here either."""
    seen_by = world.member(conn, Role.VIEWER, sites=(world.places[0][2],))
    _, division, site = world.places[4]
    membership = conn.execute(delete(grants).returning(grants.c.membership_id)).scalar_one()
    for column, place in (("division_id", division), ("site_id", site)):
        conn.execute(insert(grants).values({"membership_id": membership, column: place}))
    assert seen_by.account_id is not None
    said = first(conn, viewer(conn, seen_by.account_id, world.ours))
    assert "No division and no site is granted to you." in said


@pytest.mark.parametrize("code", LANGUAGES)
def test_in_every_language(conn: Connection, world: World, code: str) -> None:
    seen_by = world.member(conn, Role.VIEWER, external=True, sites=(world.places[0][2],))
    before = language.set(code)
    said = first(conn, seen_by)
    language.reset(before)
    assert "Nord / Quai" in said
    assert ("Granted to you" in said) == (code == "en")
