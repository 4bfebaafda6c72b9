"""Letting browsers in and out, and what is refused on the way."""

import asyncio
import threading
from typing import Any

import pytest
from sqlalchemy import Engine, select

from cloud.accounts import access, service, sessions
from cloud.accounts.tables import accounts
from cloud.api import throttle
from cloud.api.app import create_app
from cloud.api.security import MAX_BODY
from cloud.api.throttle import BusyError, Judges, Throttle
from cloud.audit import queries as trail
from cloud.console.visits import COOKIE
from tests.cloud.client import Client
from tests.cloud.sample import Sample

EMAIL = "ann@example.be"
PASSWORD = "correct horse battery staple"


@pytest.fixture
def ann(engine: Engine) -> int:
    with engine.begin() as conn:
        made = service.create(conn, EMAIL, "Ann <Maes>")
        service.set_password(conn, made, PASSWORD)
        return made


@pytest.fixture
def browser(reader: Engine, engine: Engine) -> Client:
    """Nobody's, until it logs in."""
    return Client(create_app(reader, engine))


def log_in(browser: Client, password: str = PASSWORD, email: str = EMAIL) -> Any:
    answer = browser.post("/login", email=email, password=password)
    token = answer.cookies.get(COOKIE)
    if token:
        browser.headers["cookie"] = f"{COOKIE}={token}"
    return answer


@pytest.mark.parametrize("path", ["/", "/why"])
def test_without_a_session_there_is_only_the_form(browser: Client, path: str) -> None:
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert browser.get("/live").headers["hx-redirect"] == "/login"
    assert "Log in" in browser.get("/login").text


def test_the_right_password_begins_a_session(browser: Client, ann: int, engine: Engine) -> None:
    planted = "A" * 43
    browser.headers["cookie"] = f"{COOKIE}={planted}"
    answer = log_in(browser)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert planted not in cookie
    for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in cookie
    assert "Domain" not in cookie
    page = browser.get("/").text
    assert "Ann &lt;Maes&gt;" in page
    assert "access to no company yet" in page
    assert browser.get("/login").headers["location"] == "/"
    with engine.begin() as conn:
        assert [(row["who"], row["tag"]) for row in trail.listed(conn)] == [
            (EMAIL, "console:account:log-in")
        ]
    assert ann


def test_a_wrong_password_and_an_unknown_address_are_told_alike(
    browser: Client, ann: int, engine: Engine
) -> None:
    wrong = log_in(browser, "wrong")
    unknown = log_in(browser, email="bob@example.be")
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace(EMAIL, "") == unknown.text.replace("bob@example.be", "")
    assert "set-cookie" not in wrong.headers
    assert "wrong" not in wrong.text.replace("after wrong ones", "")
    with engine.begin() as conn:
        assert [(row["tag"], row["target"]) for row in trail.listed(conn)] == [
            ("console:account:refuse", None),
            ("console:account:refuse", ann),
        ]
    hostile = log_in(browser, email='"><script>alert(1)</script>')
    assert "<script>alert" not in hostile.text


def test_wrong_passwords_lock_and_are_kept(browser: Client, ann: int, engine: Engine) -> None:
    for _ in range(service.FREE_FAILURES + 1):
        log_in(browser, "wrong")
    assert log_in(browser).status_code == 401
    with engine.begin() as conn:
        row = conn.execute(select(accounts)).one()
        assert (row.id, row.failures) == (ann, service.FREE_FAILURES + 1)


def test_an_address_that_fails_too_often_is_not_looked_at(browser: Client, ann: int) -> None:
    for number in range(throttle.FAILURES):
        assert log_in(browser, email=f"b{number}@example.be").status_code == 401
    assert log_in(browser).status_code == 429
    assert ann


def test_logging_out_ends_the_session_everywhere(browser: Client, ann: int) -> None:
    log_in(browser)
    kept = dict(browser.headers)
    answer = browser.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert "Max-Age=0" in answer.headers["set-cookie"]
    browser.headers = kept
    assert browser.get("/").headers["location"] == "/login"
    assert browser.post("/logout").status_code == 303
    browser.headers["cookie"] = f"{COOKIE}=short"
    assert browser.post("/logout").status_code == 303
    assert ann


def test_only_one_s_own_companies_can_be_switched_to(
    browser: Client, ann: int, engine: Engine
) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        access.put_membership(conn, ann, sample.contractor, "auditor")
    log_in(browser)
    assert browser.post("/company", company=sample.contractor).status_code == 303
    for company in (sample.subcontractor, sample.private, 987654):
        assert browser.post("/company", company=company).status_code == 404
    assert browser.post("/company", company="x").status_code == 422
    with engine.begin() as conn:
        found = sessions.resume(conn, browser.headers["cookie"].partition("=")[2])
        assert found is not None
        assert found["company_id"] == sample.contractor


def test_access_that_ends_is_felt_at_once(browser: Client, ann: int, engine: Engine) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        sample.tap(conn)
        access.put_membership(conn, ann, sample.contractor, "auditor")
        access.put_membership(
            conn, service.create(conn, "b@example.be", "B"), sample.contractor, "administrator"
        )
    log_in(browser)
    assert "Ann Maes" in browser.get("/live").text
    with engine.begin() as conn:
        access.withdraw(conn, ann, sample.contractor)
    assert browser.get("/live").headers["hx-redirect"] == "/login"
    assert "access to no company yet" in browser.get("/").text


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": "http://evil.example"},
        {"origin": "http://localhost.evil.example"},
        {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
    ],
)
@pytest.mark.parametrize("path", ["/login", "/logout", "/company"])
def test_a_page_of_somebody_else_can_send_nothing(
    browser: Client, headers: dict[str, str], path: str
) -> None:
    answer = browser.request("POST", path, data={}, headers=headers)
    assert answer.status_code == 403
    assert "sent from another site" in answer.json()["detail"]


def test_a_body_larger_than_any_form_is_not_read(browser: Client) -> None:
    ours = {"origin": "http://localhost"}

    async def endless() -> Any:
        for _ in range(2 * MAX_BODY // 1024):
            yield b"x" * 1024

    form = {"content-type": "application/x-www-form-urlencoded"}
    told = browser.request("POST", "/login", content=b"x" * (MAX_BODY + 1), headers=ours | form)
    untold = browser.request("POST", "/login", content=endless(), headers=ours | form)
    assert (told.status_code, untold.status_code) == (413, 413)


def test_the_throttle_forgets() -> None:
    now = 0.0
    guard = Throttle(lambda: now)
    for _ in range(throttle.FAILURES):
        assert not guard.refuses("a")
        guard.count("a")
    assert guard.refuses("a")
    assert not guard.refuses("b")
    now = throttle.WINDOW_S
    assert not guard.refuses("a")


def test_so_many_are_judged_and_no_more_wait() -> None:
    gate = threading.Event()
    judges = Judges()

    async def crowd() -> list[Any]:
        many = [asyncio.create_task(judges.run(gate.wait, 30)) for _ in range(30)]
        await asyncio.sleep(0)
        gate.set()
        return await asyncio.gather(*many, return_exceptions=True)

    found = asyncio.run(crowd())
    assert [isinstance(each, BusyError) for each in found].count(True) == 10
    assert found.count(True) == 20


class TestWhy:
    @pytest.fixture
    def sample(self, engine: Engine, ann: int) -> Sample:
        with engine.begin() as conn:
            sample = Sample(conn)
            sample.tap(conn)
            access.put_membership(conn, ann, sample.subcontractor, "administrator")
            return sample

    def test_each_kind_is_answered(self, browser: Client, sample: Sample) -> None:
        log_in(browser)
        assert "Why can I not see it?" in browser.get("/why").text
        found = browser.get("/why", params={"kind": "worker", "what": "Ann Maes"}).text
        assert "Nothing was found that hides it." in found
        found = browser.get("/why", params={"kind": "terminal", "what": sample.devices[0]}).text
        assert "linked to another company" in found
        found = browser.get("/why", params={"kind": "registration", "what": "1"}).text
        assert "is visible to you" in found

    @pytest.mark.parametrize(
        ("kind", "what", "said"),
        [
            ("terminal", "nothing", "device number"),
            ("registration", "x", "digits only"),
            ("registration", "9" * 30, "digits only"),
            ("worker", "<b>", "no worker &lt;b&gt;"),
            ("worker", "{worker}", "no worker {worker}"),
        ],
    )
    def test_what_cannot_be_meant_is_said(
        self, browser: Client, sample: Sample, kind: str, what: str, said: str
    ) -> None:
        log_in(browser)
        answer = browser.get("/why", params={"kind": kind, "what": what})
        assert answer.status_code == 200
        assert said in answer.text
        assert sample.worker
