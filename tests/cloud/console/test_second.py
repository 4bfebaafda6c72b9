"""A second factor, from the account's page to the next login."""

import re
from pathlib import Path
from typing import Any

import pyotp
import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, select, update

from cloud.accounts import recovery, second, service, sessions
from cloud.accounts.tables import sessions as kept
from cloud.accounts.tables import totps
from cloud.api.app import create_app
from cloud.audit import queries as trail
from cloud.cli import cloud
from cloud.console.login import HALF
from cloud.console.visits import COOKIE
from cloud.mail.tables import mails
from cloud.times import now_ms
from tests.cloud.client import Browser, Client

EMAIL, PASSWORD = "ann@example.be", "geel paard leest wolken"


class Ann:
    """Her browser, and the device that shows codes."""

    def __init__(self, reader: Engine, engine: Engine, directory: Path) -> None:
        (directory / "keys").mkdir()
        self.engine = engine
        self.app = create_app(reader, engine, directory=directory)
        self.browser = Browser(self.app)
        self.secret = ""
        with engine.begin() as conn:
            self.id = service.create(conn, EMAIL, "Ann Maes", language="en")
            service.set_password(conn, self.id, PASSWORD)

    def log_in(self) -> Any:
        return self.browser.post("/login", email=EMAIL, password=PASSWORD)

    def adds(self) -> list[str]:
        """Add a second factor; the recovery codes."""
        page = self.browser.post("/account/second", present=PASSWORD).text
        assert "<svg" in page
        assert "style=" not in page
        (self.secret,) = re.findall(r'name="secret"[^>]*value="([A-Z2-7]{32})"', page)
        shown = self.browser.post("/account/second/confirm", code=self.code())
        assert shown.headers["cache-control"] == "no-store"
        return re.findall(r'<li class="device">([A-Z2-7-]+)</li>', shown.text)

    def code(self) -> str:
        """The code that counts next: none counts twice, however quickly a test goes on."""
        with self.engine.begin() as conn:
            conn.execute(update(totps).values(step=0))
        return pyotp.TOTP(self.secret).at(now_ms() // 1000)


@pytest.fixture
def ann(reader: Engine, engine: Engine, tmp_path: Path) -> Ann:
    ann = Ann(reader, engine, tmp_path)
    assert ann.log_in().headers["location"] == "/"
    return ann


def tags(engine: Engine) -> list[str]:
    with engine.begin() as conn:
        return [row["tag"] for row in reversed(trail.listed(conn))]


def test_it_is_asked_for_at_the_next_login(ann: Ann, engine: Engine) -> None:
    codes = ann.adds()
    assert len(codes) == recovery.CODES
    assert "10 recovery codes are left" in ann.browser.get("/account").text
    ann.browser.post("/logout")
    before = dict(ann.browser.cookies)
    halfway = ann.log_in()
    assert halfway.headers["location"] == "/login/code"
    for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in halfway.headers["set-cookie"]
    # Half a login opens nothing but that form, under either name.
    for name in (HALF, COOKIE):
        other = Client(ann.app, {"cookie": f"{name}={ann.browser.cookies[HALF]}"})
        assert other.get("/account").status_code in (303, 401)
        assert other.get("/").headers["location"] == "/login"
    assert COOKIE not in before
    assert ann.browser.post("/login/code", code="000000").status_code == 401
    half = ann.browser.cookies[HALF]
    inside = ann.browser.post("/login/code", code=ann.code())
    assert (inside.status_code, inside.headers["location"]) == (303, "/")
    assert ann.browser.cookies[COOKIE] != half
    assert HALF not in ann.browser.cookies
    assert ann.browser.get("/account").status_code == 200
    again = Client(ann.app, {"cookie": f"{HALF}={half}"}).post("/login/code", code=codes[0])
    assert again.headers["location"] == "/login", "it was used up"
    assert tags(engine) == [
        f"console:account:{what}"
        for what in ("log-in", "add-second-factor", "ask-code", "refuse-code", "log-in")
    ]
    with engine.begin() as conn:
        assert "second factor was added" in conn.execute(select(mails.c.subject)).scalar_one()


def test_a_recovery_code_lets_in_once(ann: Ann) -> None:
    code = ann.adds()[0]
    ann.browser.post("/logout")
    ann.log_in()
    assert ann.browser.post("/login/code", code=code).headers["location"] == "/"
    assert "9 recovery codes are left" in ann.browser.get("/account").text
    ann.browser.post("/logout")
    ann.log_in()
    assert ann.browser.post("/login/code", code=code).status_code == 401


def test_half_a_login_ends_by_itself(ann: Ann, engine: Engine) -> None:
    ann.adds()
    ann.browser.post("/logout")
    ann.log_in()
    with engine.begin() as conn:
        conn.execute(update(kept).values(created_ms=now_ms() - sessions.HALF_MS))
    assert ann.browser.get("/login/code").headers["location"] == "/login"
    assert ann.browser.post("/login/code", code=ann.code()).headers["location"] == "/login"


def test_adding_and_taking_away_need_the_password(ann: Ann, engine: Engine) -> None:
    assert ann.browser.post("/account/second", present="wrong").status_code == 422
    assert "<svg" not in ann.browser.get("/account/second").text
    assert "begin again" in ann.browser.post("/account/second/confirm", code="123456").text
    ann.adds()
    assert "already" in ann.browser.post("/account/second", present=PASSWORD).text
    assert ann.browser.post("/account/second/end", present="wrong").status_code == 422
    with engine.begin() as conn:
        assert second.is_asked(conn, ann.id)
    assert ann.browser.post("/account/second/end", present=PASSWORD).status_code == 303
    ann.browser.post("/logout")
    assert ann.log_in().headers["location"] == "/"


def test_a_wrong_first_code_shows_the_same_key_again(ann: Ann) -> None:
    page = ann.browser.post("/account/second", present=PASSWORD).text
    (secret,) = re.findall(r'name="secret"[^>]*value="([A-Z2-7]{32})"', page)
    again = ann.browser.post("/account/second/confirm", code="000000")
    assert again.status_code == 422
    assert secret in again.text
    assert "Check the clock" in again.text


def test_a_new_password_by_mail_does_not_go_round_it(ann: Ann, engine: Engine) -> None:
    ann.adds()
    with engine.begin() as conn:
        service.set_password(conn, ann.id, PASSWORD)
    ann.browser.cookies.clear()
    assert ann.log_in().headers["location"] == "/login/code"


def test_who_runs_the_platform_helps_who_lost_it(
    ann: Ann, engine: Engine, database_url: str
) -> None:
    ann.adds()
    command = ["account", "reset-second-factor", EMAIL, "--db", database_url]
    done = CliRunner().invoke(cloud, command)
    assert done.exit_code == 0, done.output
    assert ann.browser.get("/account").status_code in (303, 401), "her sessions are over"
    assert ann.log_in().headers["location"] == "/"
    again = CliRunner().invoke(cloud, command)
    assert again.exit_code != 0
    assert "has no second factor" in again.output
    assert tags(engine)[-2] == "command:account:remove-second-factor"
