"""What the console and the API log names nobody: no INSS, badge number, password or token."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError, OperationalError

from cloud.accounts import api_tokens, scopes, service
from cloud.api.app import create_app
from cloud.console.visits import COOKIE
from tests.cloud.client import Browser, Client
from tests.cloud.console.company import Company

INSS, BADGE, NAME = "85073003328", "04A1B2C3D4E5F6", "Vandenborre"
PASSWORD, WRONG = "geel paard leest wolken", "grijs paard leest niets"


@pytest.fixture
def backend() -> str:
    """What is logged does not depend on the database."""
    return "sqlite"


class Everything:
    """Whatever was logged by anybody, at any level, as a handler of the process writes it."""

    def __init__(self, caplog: pytest.LogCaptureFixture, capsys: Any) -> None:
        self._caplog, self._capsys = caplog, capsys
        self._shown = logging.Formatter("%(levelname)s %(name)s: %(message)s")

    def text(self) -> str:
        printed = self._capsys.readouterr()
        # The browser is the test's own.
        ours = [each for each in self._caplog.records if not each.name.startswith("httpx")]
        logged = "\n".join(map(self._shown.format, ours))
        return f"{logged}\n{printed.out}{printed.err}"


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture, capsys: Any) -> Everything:
    caplog.set_level(logging.DEBUG)
    return Everything(caplog, capsys)


def raising(error: Callable[[str], Exception]) -> Callable[[str], str]:
    """In place of what checks an INSS: fails with what was typed in its message."""

    def normalise(typed: str) -> str:
        raise error(typed)

    return normalise


FAILURES: dict[str, Callable[[str], Exception]] = {
    "ours": lambda typed: RuntimeError(f"cannot take {typed}"),
    "integrity": lambda typed: IntegrityError(
        "INSERT", None, Exception(f"duplicate key\nDETAIL:  Key (inss)=({typed}) exists.")
    ),
    "operational": lambda _: OperationalError("SELECT", None, Exception("server closed")),
}


def test_a_day_at_the_office_logs_nobody_s_number(
    reader: Engine, company: Company, tmp_path: Path, logged: Everything
) -> None:
    (tmp_path / "keys").mkdir()
    app = create_app(reader, company.engine, directory=tmp_path)
    browser = Browser(app)
    with company.engine.begin() as conn:
        service.set_password(conn, company.who["administrator"], PASSWORD)
        _, token = api_tokens.make(conn, "t", company=company.ours, may=scopes.COMPANY_S)
    email = "administrator@example.be"
    assert browser.post("/login", email=email, password=WRONG).status_code == 401
    assert browser.post("/login", email=email, password=PASSWORD).status_code == 303
    person = {"number": "70", "given_name": "Ann", "family_name": NAME, "inss_number": INSS}
    place = browser.post("/workers/new", **person).headers["location"]
    badge = {"profile": "uid", "badge_number": BADGE}
    assert browser.post(f"{place}/badges", **badge).status_code == 303
    assert browser.post("/workers/find", number=INSS).status_code == 303
    assert browser.post("/workers/find", number=INSS[:-1] + "9").status_code == 422
    assert NAME in browser.get(place).text
    secret = browser.post(
        "/webhooks/new", name="x", url="https://example.be/", event="worker.changed"
    ).text
    program = Client(app, {"authorization": f"Bearer {token}"})
    assert NAME in program.get("/v1/workers").text
    made = {"number": "71", "given_name": "Bo", "family_name": NAME, "inss": INSS}
    assert program.request("POST", "/v1/workers", json=made).status_code == 409
    assert Client(app, {"authorization": f"Bearer {token}x"}).get("/v1/workers").status_code == 401
    assert browser.get(f"/reset?token={token}").status_code in (404, 422)
    assert "whsec_" in secret
    text = logged.text()
    for word in (INSS, BADGE, NAME, PASSWORD, WRONG, token, browser.cookies[COOKIE], "whsec_"):
        assert word not in text, word
    assert "85.07.30" not in text


@pytest.mark.parametrize("failure", FAILURES)
def test_what_nobody_expected_is_logged_by_its_place(
    reader: Engine,
    company: Company,
    logged: Everything,
    monkeypatch: pytest.MonkeyPatch,
    failure: str,
) -> None:
    monkeypatch.setattr("cloud.workers.inss.normalise", raising(FAILURES[failure]))
    browser = company.browser(reader, "administrator")
    answer = browser.post("/workers/find", number=INSS)
    assert answer.status_code == (503 if failure == "operational" else 500)
    assert INSS not in answer.text
    text = logged.text()
    assert INSS not in text
    if failure == "operational":
        assert "the database does not answer" in text
        return
    assert "POST /workers/find failed: " in text
    assert "find (workers.py:" in text


def test_the_server_is_given_no_error_to_log(
    reader: Engine, company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.workers.inss.normalise", raising(FAILURES["ours"]))
    browser = company.browser(reader, "administrator")
    raised: list[BaseException] = []
    inner = browser._app

    async def server(scope: Any, receive: Any, send: Any) -> None:
        try:
            await inner(scope, receive, send)
        except Exception as error:
            raised.append(error)
            raise

    browser._app = server
    assert browser.post("/workers/find", number=INSS).status_code == 500
    assert raised == []
