"""One's own account: the password, and where one is logged in."""

import re

import pytest
from sqlalchemy import Engine

from cloud.accounts import service, sessions
from cloud.api.app import create_app
from cloud.console.visits import COOKIE
from tests.cloud.client import Client

OLD, NEW = "geel paard leest wolken", "rode fiets zingt zacht"


class Ann:
    """Logged in twice: with `browser`, and with `other`."""

    def __init__(self, reader: Engine, engine: Engine) -> None:
        self.engine, self._app = engine, create_app(reader, engine)
        with engine.begin() as conn:
            self.id = service.create(conn, "ann@example.be", "Ann Maes")
            service.set_password(conn, self.id, OLD)
            self.tokens = [sessions.begin(conn, self.id) for _ in range(2)]
            eva = service.create(conn, "eva@example.be", "Eva")
            self.eva = sessions.begin(conn, eva)
        self.browser, self.other, self.stranger = (
            Client(self._app, {"cookie": f"{COOKIE}={token}"}) for token in (*self.tokens, self.eva)
        )

    def lives(self, token: str) -> bool:
        with self.engine.begin() as conn:
            return sessions.resume(conn, token) is not None


@pytest.fixture
def ann(reader: Engine, engine: Engine) -> Ann:
    return Ann(reader, engine)


def test_the_page_says_who_one_is_and_where(ann: Ann) -> None:
    page = ann.browser.get("/account").text
    assert "Ann Maes" in page
    assert "ann@example.be" in page
    assert len(re.findall(r"/account/sessions/\d+/end", page)) == 1
    assert "eva@example.be" not in page


def test_a_changed_password_ends_every_session_and_begins_one(ann: Ann) -> None:
    done = ann.browser.post("/account/password", present=OLD, password=NEW)
    assert done.status_code == 303
    (token,) = re.findall(rf"{COOKIE}=([^;]+)", done.headers["set-cookie"])
    assert [ann.lives(each) for each in (*ann.tokens, token, ann.eva)] == [False, False, True, True]
    with ann.engine.begin() as conn:
        assert service.authenticate(conn, "ann@example.be", NEW) == ann.id


@pytest.mark.parametrize(
    ("present", "password", "field"),
    [("wrong", NEW, "present"), (OLD, "short", "password"), (OLD, OLD, "password")],
)
def test_what_cannot_be_changes_nothing(ann: Ann, present: str, password: str, field: str) -> None:
    page = ann.browser.post("/account/password", present=present, password=password)
    assert page.status_code == 422
    assert f'id="{field}-problem"' in page.text
    assert all(ann.lives(token) for token in ann.tokens)
    with ann.engine.begin() as conn:
        assert service.authenticate(conn, "ann@example.be", OLD) == ann.id


def test_guessing_at_the_present_password_locks(ann: Ann) -> None:
    for _ in range(service.FREE_FAILURES + 1):
        ann.browser.post("/account/password", present="wrong", password=NEW)
    assert ann.browser.post("/account/password", present=OLD, password=NEW).status_code == 422


def test_one_ends_sessions_of_ones_own(ann: Ann) -> None:
    (path,) = re.findall(r"/account/sessions/\d+/end", ann.browser.get("/account").text)
    assert ann.stranger.post(path).status_code == 404
    assert ann.lives(ann.tokens[1])
    assert ann.browser.post(path).status_code == 303
    assert [ann.lives(token) for token in ann.tokens] == [True, False]
    assert ann.browser.post(path).status_code == 404


def test_whoever_is_not_logged_in_has_no_account(ann: Ann, reader: Engine) -> None:
    nobody = Client(create_app(reader, ann.engine))
    assert nobody.get("/account").headers["location"] == "/login"
    assert nobody.post("/account/password", present=OLD, password=NEW).status_code == 303
    assert ann.lives(ann.tokens[0])
