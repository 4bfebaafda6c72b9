"""Wherever a page asks for the password again, it is held back as a login's is."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from cloud.accounts import passwords, service
from cloud.accounts.tables import accounts
from cloud.api import throttle
from cloud.api.throttle import FAILURES, Judges
from cloud.console import proving
from tests.cloud.client import Client
from tests.cloud.console.matrix import ROUTES, Route
from tests.cloud.console.test_matrix import World, ask

GUESSED = "wrong horse"
ASKING = [
    (path, route)
    for (method, path), route in ROUTES.items()
    if method == "POST" and GUESSED in route.form.values() and path != "/login"
]
"""Every route with a form that has the password of who is logged in."""


@pytest.fixture
def backend() -> str:
    """What is held back does not depend on the database."""
    return "sqlite"


@pytest.fixture
def world(engine: Engine, reader: Engine) -> World:
    return World(engine, reader)


@pytest.fixture
def browser(world: World, reader: Engine, tmp_path: Path) -> Client:
    (tmp_path / "keys").mkdir()
    return world.company.browser(reader, "administrator", directory=tmp_path)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is guessed, without the tenth of a second that each takes."""
    guessed: list[str] = []

    def matches(password: str, _encoded: str | None) -> bool:
        guessed.append(password)
        return False

    monkeypatch.setattr(passwords, "matches", matches)
    return guessed


def send(browser: Client, world: World, path: str, route: Route) -> Any:
    return ask(browser, "POST", world.path(path, "ours"), route, world.ids["ours"])


def test_there_are_such_pages() -> None:
    assert {path for path, _ in ASKING} >= {
        "/account/password", "/account/second", "/account/second/end", "/account/recovery",
        "/account/passkeys/new", "/account/close", "/workers/{worker}/erasure",
    }  # fmt: skip


def test_so_many_wrong_ones_from_an_address_and_no_more_is_looked_at(
    world: World, browser: Client, quick: list[str], engine: Engine
) -> None:
    """Each page counts, for all of them and for the login."""
    for number in range(FAILURES):
        with engine.begin() as conn:
            service.forget_failures(conn, world.company.who["administrator"])
        path, route = ASKING[number % len(ASKING)]
        assert send(browser, world, path, route).status_code == 422, path
    assert len(quick) == FAILURES
    for path, route in ASKING:
        held = send(browser, world, path, route)
        assert held.status_code == 429, path
        assert "Too many attempts from here" in held.text
    login = browser.post("/login", email="administrator@example.be", password="right")
    assert login.status_code == 429
    assert len(quick) == FAILURES


def test_a_login_from_an_address_that_failed_closes_the_pages_too(
    world: World, browser: Client, quick: list[str]
) -> None:
    for _ in range(FAILURES):
        assert browser.post("/login", email="a@example.be", password="x").status_code == 401
    path, route = ASKING[0]
    assert send(browser, world, path, route).status_code == 429
    assert len(quick) == FAILURES


def test_while_too_many_are_judged_it_says_so(
    world: World, browser: Client, quick: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(throttle, "_WAITING", 0)
    for path, route in ASKING:
        busy = send(browser, world, path, route)
        assert busy.status_code == 503, path
        assert "Try again in a moment" in busy.text
    assert quick == []


def test_a_new_password_is_hashed_in_its_turn_and_kept(
    world: World, browser: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[Any] = []
    run = Judges.run

    async def counted(judges: Judges, function: Any, *arguments: Any) -> Any:
        ran.append((function, *arguments))
        return await run(judges, function, *arguments)

    monkeypatch.setattr(Judges, "run", counted)
    account = world.company.who["administrator"]
    with engine.begin() as conn:
        service.set_password(conn, account, "geel paard leest wolken")
    browser = world.company.browser(world.company.engine, "administrator")
    form = {"present": "geel paard leest wolken", "password": "rode fiets zingt zacht"}
    assert browser.post("/account/password", **form).status_code == 303
    proved, chosen = ran
    assert proved[0] is proving._settled
    # Within the context of the request, for its language.
    assert chosen[1] is passwords.made
    with engine.connect() as conn:
        kept = conn.execute(select(accounts.c.password).where(accounts.c.id == account))
        assert passwords.matches("rode fiets zingt zacht", kept.scalar_one())
