"""How somebody gets in who cannot log in: registering, forgotten passwords, invitations."""

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, select, update

from cloud.accounts import access, invitations, service, sessions
from cloud.accounts.links import Purpose, look, make
from cloud.accounts.tables import access_requests, accounts, links, memberships
from cloud.api.app import create_app
from cloud.companies.tables import companies
from cloud.console.visits import COOKIE
from cloud.errors import NotFoundError
from cloud.mail.tables import mails
from cloud.registrations.tables import registrations
from tests.cloud.client import Browser, Client
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


def test_a_private_company_is_taken_over_with_what_its_workers_did(
    browser: Client, engine: Engine
) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        tap = sample.stranger_taps(conn)
    browser.post("/register", **(TYPED | {"vat": "BE0999910642"}))
    browser.post("/register/confirm", token=token(link(engine)), password=PASSWORD)
    with engine.begin() as conn:
        employer = conn.execute(
            select(registrations.c.employer_id).where(registrations.c.id == tap)
        ).scalar_one()
        name = conn.execute(select(companies.c.name).where(companies.c.id == employer)).scalar()
    assert (employer, name) == (sample.private, "Dakwerken Maes")
    inside = Browser(browser._app)
    assert inside.post("/login", email="ann@example.be", password=PASSWORD).status_code == 303
    # Made at another company's site, before anybody had registered the employer.
    page = inside.get(f"/registrations/{tap}")
    assert page.status_code == 200
    assert "Solvay" in page.text
    assert f"/registrations/{tap}" in inside.get("/registrations").text
    assert "Solvay" in inside.get("/").text
    with engine.begin() as conn:
        others = sample.tap(conn)
    assert inside.get(f"/registrations/{others}").status_code == 404


def test_a_registered_company_is_asked_for_access(
    browser: Client, reader: Engine, engine: Engine
) -> None:
    with engine.begin() as conn:
        sample = Sample(conn)
        boss = service.create(conn, "boss@example.be", "Luc", language="en")
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
