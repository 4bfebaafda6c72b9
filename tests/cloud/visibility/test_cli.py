import json
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from cloud.cli import cloud
from tests.cloud.visibility.world import World


@pytest.fixture
def world(engine: Engine) -> World:
    with engine.begin() as conn:
        return World(conn)


def run(*arguments: str, code: int = 0, given: str | None = None) -> str:
    found = CliRunner().invoke(cloud, arguments, input=given)
    assert found.exit_code == code, found.output
    return found.output


def told(*arguments: str) -> Any:
    return json.loads(run(*arguments, "--json"))


def test_access_is_given_and_what_is_hidden_explained(database_url: str, world: World) -> None:
    db = ("--db", database_url)
    run("account", "add", "ann@example.be", "--name", "Ann", *db)
    phrase = "correct horse battery staple"
    run("account", "password", "ann@example.be", *db, "--stdin", given=phrase + "\n")
    run("account", "password", "ann@example.be", *db, given=f"{phrase}\n{phrase}\n")
    here = ("--company", "Solvay", *db)
    run("account", "grant", "ann@example.be", *here, "--role", "viewer", "--place", "Nord / Quai")
    seen_by = ("--as", "ann@example.be", *here)
    answer = run("explain", "worker", "Ann Maes", *seen_by, code=1)
    assert "✗ access: 3 of 9" in answer
    assert "(administrator)" in answer
    device = world.devices[0]
    assert "never heard of" in run("explain", "terminal", device, *seen_by, code=1)
    visible = next(n for n, tap in world.taps.items() if tap.site == world.places[0][2])
    assert told("explain", "registration", str(visible), *seen_by)["visible"] is True
    assert "no account" in run("explain", "worker", "7", "--as", "b@example.be", *here, code=2)
    assert told("account", "members", *here) == [
        {
            "id": 1,
            "email": "ann@example.be",
            "name": "Ann",
            "role": "viewer",
            "external": False,
            "granted": ["Nord / Quai"],
        }
    ]
    run("account", "revoke", "ann@example.be", *here)
    assert "no access to that company" in run("explain", "worker", "7", *seen_by, code=2)
    trail = told("trail", *here)
    assert [row["tag"] for row in trail] == [
        "command:membership:revoke",
        "command:membership:list",
        "command:registration:explain",
        "command:terminal:explain",
        "command:worker:explain",
        "command:membership:grant",
    ]
    assert trail[-1]["detail"]["places"] == ["Nord / Quai"]
    assert "staple" not in run("trail", *db)


def test_an_invitation_is_accepted_on_the_command_line(database_url: str, world: World) -> None:
    db = ("--db", database_url)
    here = ("--company", "Elektro", *db)
    offer = told(
        "account",
        "invite",
        "bob@example.be",
        *here,
        "--role",
        "viewer",
        "--external",
        "--place",
        "Sud",
    )
    run("account", "add", "bob@example.be", "--name", "Bob", *db)
    run("account", "accept", "bob@example.be", "--token", offer[0]["token"], *db)
    assert told("account", "members", *here)[0]["granted"] == ["Sud"]
    assert "was used" in run(
        "account", "accept", "bob@example.be", "--token", offer[0]["token"], *db, code=2
    )
    assert "no place 'West'" in run(
        "account", "grant", "bob@example.be", *here, "--role", "viewer", "--place", "West", code=2
    )
    run("account", "disable", "bob@example.be", *db)
    assert told("account", "list", *db)[0]["disabled"]
    assert world.theirs
