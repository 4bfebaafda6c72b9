"""How somebody gets in who cannot log in: registering, forgotten passwords, invitations."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update
from sqlalchemy.pool import QueuePool

from cloud.accounts import access, claims, invitations, passwords, service, sessions
from cloud.accounts.links import Purpose, look, make
from cloud.accounts.tables import access_requests, accounts, links, memberships
from cloud.api.app import create_app
from cloud.api.throttle import FAILURES
from cloud.companies.service import register
from cloud.companies.tables import companies
from cloud.console.visits import COOKIE
from cloud.errors import NotFoundError
from cloud.mail.tables import mails
from tests.cloud.client import Client
from tests.cloud.sample import Sample

PASSWORD = "geel paard leest wolken"
TYPED = {
    "name": "Ann Maes",
    "email": "Ann@Example.be",
    "vat": "BE 0417.497.106",
    "company": "Dakwerken Maes",
}


@pytest.fixture
def browser(reader: Engine, engine: Engine) -> Client:
    """Of somebody nobody knows."""
    return Client(create_app(reader, engine))


def inbox(engine: Engine) -> list[tuple[str, str]]:
    """Address and text of each mail, the oldest first."""
    with engine.begin() as conn:
        rows = conn.execute(select(mails.c.address, mails.c.body).order_by(mails.c.id))
        return [(row.address, row.body) for row in rows]


def link(engine: Engine) -> str:
    """Path and query of the link in the newest mail."""
    (found,) = re.findall(r"http://localhost(/\S+)", inbox(engine)[-1][1])
    return str(found)


def token(path: str) -> str:
    return path.partition("token=")[2]


def members(engine: Engine) -> list[tuple[str, str, str]]:
    """Account, company and role."""
    with engine.begin() as conn:
        rows = conn.execute(
            select(accounts.c.email, companies.c.name, memberships.c.role)
            .join(memberships, memberships.c.account_id == accounts.c.id)
            .join(companies, companies.c.id == memberships.c.company_id)
            .order_by(accounts.c.email)
        )
        return [tuple(row) for row in rows]


def test_a_company_is_registered_once_its_mail_was_opened(browser: Client, engine: Engine) -> None:
    assert browser.post("/register", **TYPED).status_code == 200
    assert [address for address, _ in inbox(engine)] == ["ann@example.be"]
    assert members(engine) == []
    path = link(engine)
    page = browser.get(path)
    assert "Dakwerken Maes" in page.text
    assert "0417.497.106" in page.text
    assert browser.get(path).status_code == 200, "looking uses nothing up"
    weak = browser.post("/register/confirm", token=token(path), password="short")
    assert weak.status_code == 422
    assert members(engine) == []
    done = browser.post("/register/confirm", token=token(path), password=PASSWORD)
    assert done.status_code == 200
    assert members(engine) == [("ann@example.be", "Dakwerken Maes", "administrator")]
    again = browser.post("/register/confirm", token=token(path), password=PASSWORD)
    assert again.status_code == 422
    assert "used already" in again.text
    assert browser.post("/login", email="ann@example.be", password=PASSWORD).status_code == 303


@pytest.mark.parametrize(
    ("field", "wrong", "said"),
    [
        ("vat", "BE 0417.497.107", "BE 0417.497.107"),
        ("email", "ann at example", "is not an e-mail address"),
        ("name", " ", "your name"),
        ("company", "", "the company&#39;s name"),
        ("email", "ann@example.be\nBcc: all@example.be", "is not an e-mail address"),
    ],
)
def test_what_cannot_be_is_said_beside_its_field(
    browser: Client, engine: Engine, field: str, wrong: str, said: str
) -> None:
    page = browser.post("/register", **(TYPED | {field: wrong}))
    assert page.status_code == 422
    assert said in page.text
    assert f'id="{field}-problem"' in page.text
    assert inbox(engine) == []


def runs_the_platform(engine: Engine) -> None:
    """Somebody who is told of what no administrator can decide, in Dutch."""
    with engine.begin() as conn:
        olga = service.create(conn, "olga@example.be", "Olga", language="nl", operator=True)
        service.set_password(conn, olga, PASSWORD)


def claimed(browser: Client, engine: Engine, email: str = "Ann@Example.be") -> str:
    """Register the private company; the page that answers."""
    browser.post("/register", **(TYPED | {"vat": "BE0999910642", "email": email}))
    return browser.post("/register/confirm", token=token(link(engine)), password=PASSWORD).text


def logged_in(browser: Client, reader: Engine, engine: Engine, email: str) -> Client:
    with engine.begin() as conn:
        cookie = f"{COOKIE}={sessions.begin(conn, service.account_id(conn, email))}"
    return Client(browser._app, {"cookie": cookie})


def test_a_private_company_waits_and_is_taken_over_with_what_its_workers_did(
    browser: Client, reader: Engine, engine: Engine
) -> None:
    runs_the_platform(engine)
    with engine.begin() as conn:
        sample = Sample(conn)
        tap = sample.stranger_taps(conn)
    for _ in range(2):
        assert "Somebody looks at it first" in claimed(browser, engine)
    (told,) = [text for address, text in inbox(engine) if address == "olga@example.be"]
    for words in ("Ann Maes (ann@example.be) registreert", "BE 0999.910.642", "Dakwerken Maes"):
        assert words in told
    # Until somebody looked, nothing of it is shown, and it is no less private.
    ann = logged_in(browser, reader, engine, "ann@example.be")
    assert ann.get(f"/registrations/{tap}").status_code == 404
    with engine.begin() as conn:
        private = conn.execute(select(companies).where(companies.c.vat == "BE0999910642")).one()
        assert (private.id, private.private) == (sample.private, True)
        (waits,) = claims.waiting(conn)
        assert f"pointeuse cloud access grant {waits['id']}" in told
        claims.settle(conn, waits["id"], grant=True)
        assert claims.waiting(conn) == []
    assert members(engine) == [("ann@example.be", "Dakwerken Maes", "administrator")]
    assert "access to all of Dakwerken Maes" in inbox(engine)[-1][1]
    ann = logged_in(browser, reader, engine, "ann@example.be")
    page = ann.get(f"/registrations/{tap}")
    assert (page.status_code, "Solvay" in page.text) == (200, True)
    with engine.begin() as conn, pytest.raises(NotFoundError, match="no request"):
        claims.settle(conn, waits["id"], grant=True)


def test_who_is_not_the_firm_is_refused_and_told(
    browser: Client, engine: Engine, reader: Engine
) -> None:
    runs_the_platform(engine)
    with engine.begin() as conn:
        sample = Sample(conn)
        sample.stranger_taps(conn)
    claimed(browser, engine)
    claimed(browser, engine, "bob@example.be")
    with engine.begin() as conn:
        first, second = (each["id"] for each in claims.waiting(conn))
        claims.settle(conn, first, grant=False)
        assert conn.execute(
            select(companies.c.private).where(companies.c.id == sample.private)
        ).scalar_one()
    assert members(engine) == []
    assert inbox(engine)[-1][0] == "ann@example.be"
    assert "could not make sure that you may act for Dakwerken Maes" in inbox(engine)[-1][1]
    # The other one has it; whoever comes third asks that one.
    with engine.begin() as conn:
        claims.settle(conn, second, grant=True)
    assert members(engine) == [("bob@example.be", "Dakwerken Maes", "administrator")]
    assert "registered already" in claimed(browser, engine)
    with engine.begin() as conn:
        assert claims.waiting(conn) == []
    assert inbox(engine)[-1][0] == "bob@example.be"


def test_a_company_nobody_can_log_in_to_has_its_requests_told_to_who_runs_the_platform(
    browser: Client, engine: Engine
) -> None:
    runs_the_platform(engine)
    with engine.begin() as conn:
        sample = Sample(conn)
        boss = service.create(conn, "boss@example.be", "Luc")
        service.set_password(conn, boss, PASSWORD)
        access.put_membership(conn, boss, sample.contractor, "administrator")
        service.disable(conn, boss)
    browser.post("/register", **(TYPED | {"vat": "BE0403019261"}))
    browser.post("/register/confirm", token=token(link(engine)), password=PASSWORD)
    assert inbox(engine)[-1][0] == "olga@example.be"
    assert "geen enkele beheerder" in inbox(engine)[-1][1]
    with engine.begin() as conn:
        (waits,) = claims.waiting(conn)
        claims.settle(conn, waits["id"], grant=True)
    assert ("ann@example.be", "Solvay", "administrator") in members(engine)


def test_a_registered_company_is_asked_for_access(
    browser: Client, reader: Engine, engine: Engine
) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        boss = service.create(conn, "boss@example.be", "Luc", language="en")
        service.set_password(conn, boss, PASSWORD)
        access.put_membership(conn, boss, sample.contractor, "administrator")
        cookie = f"{COOKIE}={sessions.begin(conn, boss)}"
    for _ in range(2):
        browser.post("/register", **(TYPED | {"vat": "BE0403019261"}))
        page = browser.post("/register/confirm", token=token(link(engine)), password=PASSWORD)
        assert "registered already" in page.text
        assert "boss@example.be" not in page.text
    asked = [text for address, text in inbox(engine) if address == "boss@example.be"]
    assert len(asked) == 1, "asked twice, told once"
    assert "Ann Maes (ann@example.be)" in asked[0]
    administrator = Client(create_app(reader, engine), {"cookie": cookie})
    page = administrator.get("/people")
    assert "Ann Maes" in page.text
    (path,) = re.findall(r"/people/requests/\d+", page.text)
    assert browser.post(path, decision="grant").status_code == 303
    assert len(members(engine)) == 1
    assert administrator.post(path, decision="grant").status_code == 303
    assert ("ann@example.be", "Solvay", "viewer") in members(engine)
    assert administrator.post(path, decision="refuse").status_code == 404
    assert "Ann Maes" in administrator.get("/people").text


def test_a_refused_request_gives_nothing(browser: Client, engine: Engine, reader: Engine) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        boss = service.create(conn, "boss@example.be", "Luc")
        access.put_membership(conn, boss, sample.contractor, "administrator")
        cookie = f"{COOKIE}={sessions.begin(conn, boss)}"
    browser.post("/register", **(TYPED | {"vat": "BE0403019261"}))
    browser.post("/register/confirm", token=token(link(engine)), password=PASSWORD)
    with engine.begin() as conn:
        number = conn.execute(select(access_requests.c.id)).scalar_one()
    administrator = Client(create_app(reader, engine), {"cookie": cookie})
    assert administrator.post(f"/people/requests/{number}", decision="no").status_code == 303
    assert [role for *_, role in members(engine)] == ["administrator"]


def test_a_forgotten_password_is_chosen_anew(browser: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        ann = service.create(conn, "ann@example.be", "Ann")
        service.set_password(conn, ann, "an older password of hers")
        old = sessions.begin(conn, ann)
    known = browser.post("/forgotten", email="ann@example.be")
    unknown = browser.post("/forgotten", email="eva@example.be")
    assert known.text.replace("ann@", "") == unknown.text.replace("eva@", "")
    assert [address for address, _ in inbox(engine)] == ["ann@example.be"]
    path = link(engine)
    assert browser.get(path).status_code == 200
    assert browser.post("/reset", token=token(path), password="ann").status_code == 422
    assert browser.post("/reset", token=token(path), password=PASSWORD).status_code == 200
    assert browser.post("/reset", token=token(path), password=PASSWORD).status_code == 422
    with engine.begin() as conn:
        assert sessions.resume(conn, old) is None
    assert browser.post("/login", email="ann@example.be", password=PASSWORD).status_code == 303


def test_links_expire_and_newer_ones_replace_them(browser: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        service.create(conn, "ann@example.be", "Ann")
    browser.post("/forgotten", email="ann@example.be")
    first = link(engine)
    browser.post("/forgotten", email="ann@example.be")
    assert browser.get(first).status_code == 404
    with engine.begin() as conn:
        conn.execute(update(links).values(expires_ms=1))
    assert "expired" in browser.get(link(engine)).text
    assert browser.get("/reset?token=nonsense").status_code in (404, 422)


def test_a_link_of_one_purpose_is_none_of_another(browser: Client, engine: Engine) -> None:
    browser.post("/register", **TYPED)
    assert browser.get(f"/reset?token={token(link(engine))}").status_code == 404


def test_who_asks_too_often_is_told_to_wait(browser: Client, engine: Engine) -> None:
    for number in range(20):
        assert browser.post("/forgotten", email=f"a{number}@example.be").status_code == 200
    assert "Wait ten minutes" in browser.post("/forgotten", email="ann@example.be").text
    assert "Wait ten minutes" in browser.post("/register", **TYPED).text
    assert inbox(engine) == []


def test_whoever_is_invited_makes_an_account_there_and_then(
    browser: Client, engine: Engine
) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        offered = invitations.invite(conn, sample.contractor, "eva@example.be", "viewer")
    assert 'name="password"' in browser.get(f"/invitation?token={offered}").text
    weak = browser.post("/invitation", token=offered, name="Eva", password="short")
    assert weak.status_code == 422
    assert 'id="password-problem"' in weak.text
    assert members(engine) == []
    done = browser.post("/invitation", token=offered, name="Eva", password=PASSWORD)
    assert done.status_code == 303
    assert COOKIE in done.headers["set-cookie"]
    assert members(engine) == [("eva@example.be", "Solvay", "viewer")]
    assert browser.post(
        "/invitation", token=offered, name="Eva", password=PASSWORD
    ).status_code in (
        404,
        422,
    )


def test_somebody_with_an_account_logs_in_first(browser: Client, engine: Engine) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        service.create(conn, "eva@example.be", "Eva")
        offered = invitations.invite(conn, sample.contractor, "eva@example.be", "viewer")
    page = browser.post("/invitation", token=offered, name="Thief", password=PASSWORD)
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert members(engine) == []


def test_the_pages_say_nothing_in_scripts_or_styles_of_their_own() -> None:
    templates = Path(__file__).parents[3] / "cloud" / "console" / "templates"
    for name in ("register", "mailed", "confirm", "door_open", "forgotten", "reset"):
        text = (templates / f"{name}.html").read_text()
        assert "<script" not in text
        assert "style=" not in text


def test_two_who_ask_at_once_are_both_answered(engine: Engine) -> None:
    """Each for the same address: the later link works, the earlier does not, and nobody fails."""
    together = threading.Barrier(4)

    def ask(_: int) -> str:
        together.wait()
        with engine.begin() as conn:
            return make(conn, Purpose.RESET, "ann@example.be", {})

    with ThreadPoolExecutor(4) as crowd:
        made = list(crowd.map(ask, range(4)))
    works = []
    with engine.begin() as conn:
        for each in made:
            with suppress(NotFoundError):
                works.append(look(conn, Purpose.RESET, each))
    assert works == [("ann@example.be", {})]


@pytest.mark.parametrize("path", ["/register", "/forgotten"])
def test_a_mailed_link_leads_where_the_platform_is_whatever_the_request_says(
    reader: Engine, engine: Engine, path: str
) -> None:
    with engine.begin() as conn:
        service.create(conn, "ann@example.be", "Ann Maes")
    ours = "https://pointeuse.example.be"
    app = create_app(reader, engine, hosts=None, public_url=f"{ours}/")
    said = {"host": "evil.example", "origin": "http://evil.example"}
    assert Client(app).request("POST", path, data=TYPED, headers=said).status_code == 200
    ((_, text),) = inbox(engine)
    assert "evil.example" not in text
    assert re.search(rf"{ours}/(register/confirm|reset)\?token=\S+", text)


COSTLY = "4@8({[<369&#!1/|0$5+7%2`"
"""Signs that may all stand for letters: backwards it is guessed, after a second of a processor."""


@pytest.mark.parametrize("purpose", ["register", "reset", "invitation"])
def test_a_password_is_judged_before_anything_is_written_and_not_for_ever(
    browser: Client,
    engine: Engine,
    purpose: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with engine.begin() as conn:
        company = register(conn, "BE0417497106", "Jo")
        service.create(conn, "ann@example.be", COSTLY)
        given = {
            "register": lambda: make(
                conn, Purpose.REGISTER, "bo@example.be",
                {"name": COSTLY, "vat": "BE0403019261", "company": "x", "language": "fr"},
            ),
            "reset": lambda: make(conn, Purpose.RESET, "ann@example.be", {}),
            "invitation": lambda: invitations.invite(conn, company, "bo@example.be", "viewer"),
        }[purpose]()  # fmt: skip
    path = {"register": "/register/confirm", "reset": "/reset", "invitation": "/invitation"}
    judge, open_then, pool = passwords.check, list[int](), engine.pool
    assert isinstance(pool, QueuePool)

    def check(password: str, about: Any = ()) -> None:
        open_then.append(pool.checkedout())
        judge(password, about=about)

    monkeypatch.setattr(passwords, "check", check)
    form = {"token": given, "name": COSTLY, "password": COSTLY[::-1]}
    for _ in range(FAILURES):
        answer = browser.post(path[purpose], **form)
        assert (answer.status_code, "easily guessed" in answer.text) == (422, True)
    assert browser.post(path[purpose], **form).status_code == 429
    assert open_then == [0] * FAILURES
