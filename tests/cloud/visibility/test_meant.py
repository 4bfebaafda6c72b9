"""Which worker of a company is meant, by a number, a name, or a part of one."""

import json

import pytest
from sqlalchemy import Connection

from cloud.accounts.roles import Role
from cloud.visibility import workers as about
from cloud.workers import service
from tests.cloud.visibility.world import World


def said(conn: Connection, world: World, who: str) -> str:
    found = about.explain(conn, world.member(conn, Role.MANAGER), who)
    return json.dumps(found.as_json()["steps"][1], ensure_ascii=False)


@pytest.fixture
def many(conn: Connection, world: World) -> World:
    """A company with Ann Maes (7), Annemie Thys (8), Chloé De Smet (9) and Bo Thyssen (17)."""
    for number, given, family in (
        ("8", "Annemie", "Thys"),
        ("9", "Chloé", "De Smet"),
        ("17", "Bo", "Thyssen"),
    ):
        service.put_worker(conn, world.ours, number, given, family)
    return world


@pytest.mark.parametrize(
    ("who", "name"),
    [
        ("7", "Ann Maes (7)"),
        ("17", "Bo Thyssen (17)"),
        ("ann", "Ann Maes (7)"),
        ("MAES", "Ann Maes (7)"),
        ("maes ann", "Ann Maes (7)"),
        ("thys", "Annemie Thys (8)"),
        ("nem", "Annemie Thys (8)"),
        ("CHLO", "Chloé De Smet (9)"),
        ("smet chloé", "Chloé De Smet (9)"),
        ("de smet", "Chloé De Smet (9)"),
        ("b ssen", "Bo Thyssen (17)"),
    ],
)
def test_one_is_found(conn: Connection, many: World, who: str, name: str) -> None:
    assert f"{name} is on the list of active workers." in said(conn, many, who)


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("thy", "2 workers fit thy: Annemie Thys (8), Bo Thyssen (17)."),
        ("an m", "2 workers fit an m: Ann Maes (7), Annemie Thys (8)."),
    ],
)
def test_several_are_listed(conn: Connection, many: World, who: str, names: str) -> None:
    told = said(conn, many, who)
    assert names in told
    assert "Ask again with the number." in told


@pytest.mark.parametrize("who", ["1", "thys maes", "%", "_", "ann maesx"])
def test_nobody_is_found(conn: Connection, many: World, who: str) -> None:
    assert f"no worker {who}, neither" in said(conn, many, who)


def test_of_many_ten_are_named_and_the_others_counted(conn: Connection, many: World) -> None:
    for number in range(100, 112):
        service.put_worker(conn, many.ours, str(number), f"Dirk {number}", "Peeters")
    told = said(conn, many, "peeters")
    assert "12 workers fit peeters: Dirk 100 Peeters (100), " in told
    assert told.count("Peeters (") == 10
    assert "(109), … (+2)." in told


def test_workers_of_another_company_are_not_listed(conn: Connection, many: World) -> None:
    service.put_worker(conn, many.theirs, "8", "Zoë", "Zwart")
    for who in ("Zoë", "Zwart", "zwa", "8 Zwart"):
        assert f"no worker {who}, neither" in said(conn, many, who)


def test_a_whole_name_elsewhere_goes_before_a_part_here(conn: Connection, many: World) -> None:
    service.put_worker(conn, many.ours, "18", "Bobby", "Maes")
    told = said(conn, many, "bob maes")
    assert "Bobby Maes (18)" in told
    boss = many.member(conn, Role.ADMINISTRATOR)
    step = about.explain(conn, boss, "bob maes").as_json()["steps"][1]
    assert "Bob Maes works for Elektro" in step["found"]
