"""Passkeys, from the account's page to the next login; and what is sent to get in without one."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, func, select, update

from cloud.accounts import ceremonies, passkeys, recovery, service, sessions, tokens
from cloud.accounts.challenges import LIFE_MS
from cloud.accounts.party import Party
from cloud.accounts.passwords import hashed
from cloud.accounts.tables import accounts, passkey_challenges
from cloud.accounts.tables import passkeys as kept
from cloud.accounts.tables import sessions as begun
from cloud.api.app import create_app
from cloud.api.throttle import FAILURES
from cloud.audit.tables import audit
from cloud.cli import cloud
from cloud.console.login import HALF
from cloud.console.passkey_login import ASKED
from cloud.console.visits import COOKIE
from cloud.mail.tables import mails
from cloud.times import now_ms
from tests.cloud.authenticator import PRESENT, Authenticator, Kept
from tests.cloud.client import Browser

HERE = Party("localhost", "http://localhost")
EMAIL, PASSWORD = "ann@example.be", "geel paard leest wolken"
SAYS_NO = "This passkey does not let you in"


class Person:
    """An account with a password; her browser, and the device that keeps her passkeys."""

    def __init__(self, app: Any, engine: Engine, name: str, encoded: str) -> None:
        self.app, self.engine, self.email = app, engine, f"{name}@example.be"
        self.device = Authenticator()
        with engine.begin() as conn:
            self.id = service.create(conn, self.email, f"{name} Maes", language="en")
            this = accounts.c.id == self.id
            conn.execute(update(accounts).where(this).values(password=encoded))
        self.browser = self.logged_in()

    def logged_in(self) -> Browser:
        """A browser of hers, logged in as one is without a second factor."""
        browser = Browser(self.app)
        with self.engine.begin() as conn:
            browser.cookies[COOKIE] = sessions.begin(conn, self.id)
        return browser

    def halfway(self) -> Browser:
        """A browser of hers that has given the right password."""
        browser = Browser(self.app)
        with self.engine.begin() as conn:
            browser.cookies[HALF] = sessions.begin_half(conn, self.id)
        return browser

    @property
    def key(self) -> Kept:
        return self.device.kept[-1]

    def begins(self, browser: Browser | None = None, name: str = "Telephone") -> str:
        """What her browser is asked once the password was right."""
        page = (browser or self.browser).post(
            "/account/passkeys/new", name=name, present=PASSWORD
        )  # fmt: skip
        return options(page.text)

    def adds(self, name: str = "Telephone") -> Any:
        """Add a passkey."""
        made = self.device.make(self.begins(name=name))
        return self.browser.post("/account/passkeys", name=name, credential=made)

    def has(self) -> None:
        """A passkey of hers, without the way there."""
        with self.engine.begin() as conn:
            holder = ceremonies.Holder(passkeys.handle(conn, self.id), self.email, "Ann")
            said = self.device.make(ceremonies.creation(HERE, holder, bytes(32), []))
            made = ceremonies.Creation(said).made(HERE, bytes(32))
            passkeys.add(conn, self.id, HERE.id, "Telephone", made)
            recovery.make(conn, self.id)

    def forgiven(self) -> None:
        """As if nobody had tried yet."""
        with self.engine.begin() as conn:
            service.forget_failures(conn, self.id)

    def number(self) -> int:
        """The newest passkey's."""
        with self.engine.connect() as conn:
            return int(conn.execute(select(func.max(kept.c.id))).scalar_one())


@pytest.fixture(scope="module")
def encoded() -> str:
    """The password's hash: to make it takes longest."""
    return hashed(PASSWORD)


@pytest.fixture
def app(reader: Engine, engine: Engine, tmp_path: Path) -> Any:
    (tmp_path / "keys").mkdir()
    return create_app(reader, engine, directory=tmp_path, public_url="http://localhost")


@pytest.fixture
def ann(app: Any, engine: Engine, encoded: str) -> Person:
    return Person(app, engine, "ann", encoded)


@pytest.fixture
def eve(app: Any, engine: Engine, encoded: str) -> Person:
    return Person(app, engine, "eve", encoded)


def options(page: str) -> str:
    (found,) = re.findall(r'data-options="([^"]+)"', page)
    return unescape(found)


def asked(browser: Browser, path: str = "/login/passkey") -> str:
    """What a browser is asked that opens the page."""
    return options(browser.get(path).text)


def shows(browser: Browser, credential: str, path: str = "/login/passkey") -> Any:
    return browser.post(path, credential=credential)


def trail(engine: Engine) -> list[tuple[str, dict[str, Any]]]:
    with engine.connect() as conn:
        rows = conn.execute(select(audit.c.tag, audit.c.detail).order_by(audit.c.id))
        return [(row.tag.removeprefix("console:account:"), json.loads(row.detail)) for row in rows]


def mailed(engine: Engine) -> list[str]:
    with engine.connect() as conn:
        return list(conn.execute(select(mails.c.subject).order_by(mails.c.id)).scalars())


def is_in(answer: Any) -> bool:
    return (answer.status_code, answer.headers.get("location")) == (303, "/")


def test_one_is_added_with_the_password_shown_and_removed_with_it(
    ann: Person, engine: Engine
) -> None:
    page = ann.browser.get("/account").text
    assert "The password is enough to log in" in page
    first = ann.adds()
    codes = re.findall(r'<li class="device">([A-Z2-7-]+)</li>', first.text)
    assert len(codes) == 10
    assert ann.adds("Key on my ring").headers["location"] == "/account"
    page = ann.browser.get("/account").text
    assert "A passkey is asked for beside the password" in page
    assert "10 recovery codes are left" in page
    for name in ("Telephone", "Key on my ring"):
        assert name in page
    assert page.count("never</td>") == 2
    path = f"/account/passkeys/{ann.number()}"
    assert "Key on my ring" in ann.browser.get(path).text
    assert ann.browser.post(f"{path}/end", present="wrong").status_code == 422
    assert "Key on my ring" in ann.browser.get("/account").text
    assert ann.browser.post(f"{path}/end", present=PASSWORD).headers["location"] == "/account"
    page = ann.browser.get("/account").text
    assert "Key on my ring" not in page
    assert "10 recovery codes are left" in page
    ann.browser.post(f"/account/passkeys/{ann.number()}/end", present=PASSWORD)
    page = ann.browser.get("/account").text
    assert "The password is enough to log in" in page
    assert "recovery codes are left" not in page
    with engine.connect() as conn:
        assert recovery.left(conn, ann.id) == 0
    assert ann.browser.get(path).status_code == 404
    added, removed = "A passkey was added to your account", "A passkey of your account was removed"
    assert mailed(engine) == [f"Pointeuse: {each}" for each in (added, added, removed, removed)]
    assert [tag for tag, _ in trail(engine)] == [
        "add-passkey", "add-passkey", "refuse", "remove-passkey", "remove-passkey",
    ]  # fmt: skip


def test_without_the_password_or_a_name_nothing_is_asked(ann: Person, engine: Engine) -> None:
    for form in ({"name": "Telephone", "present": "wrong"}, {"name": " ", "present": PASSWORD}):
        page = ann.browser.post("/account/passkeys/new", **form)
        assert page.status_code == 422
        assert "data-options" not in page.text
    with engine.connect() as conn:
        assert conn.execute(select(passkey_challenges)).all() == []


def test_it_lets_in_alone(ann: Person, engine: Engine) -> None:
    ann.has()
    browser = Browser(ann.app)
    page = browser.get("/login")
    assert "/login/passkey" in page.text
    options_ = asked(browser)
    said = json.loads(options_)
    assert said["allowCredentials"] == []
    before = browser.cookies[ASKED]
    inside = shows(browser, ann.key.answer(options_))
    assert is_in(inside)
    for word in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"):
        assert word in inside.headers["set-cookie"]
    assert ASKED not in browser.cookies
    assert browser.cookies[COOKIE] != before
    assert "never</td>" not in browser.get("/account").text
    assert browser.get("/login/passkey").headers["location"] == "/"
    assert trail(engine)[-1] == ("log-in", {"passkey": ann.number()})


def test_a_session_planted_before_is_not_the_one_that_begins(ann: Person, eve: Person) -> None:
    ann.has()
    browser = Browser(ann.app)
    browser.cookies[ASKED] = planted = tokens.make()
    answer = shows(browser, ann.key.answer(asked(browser)))
    assert is_in(answer)
    assert planted not in (browser.cookies[COOKIE], browser.cookies.get(ASKED))
    # Nor does the browser stay another one's.
    browser = Browser(ann.app)
    options_ = asked(browser)
    browser.cookies[COOKIE] = fixed = eve.browser.cookies[COOKIE]
    assert is_in(shows(browser, ann.key.answer(options_)))
    assert browser.cookies[COOKIE] != fixed
    assert "ann Maes" in browser.get("/account").text


def test_it_is_the_second_factor_beside_the_password(ann: Person, engine: Engine) -> None:
    ann.has()
    browser = Browser(ann.app)
    half = browser.post("/login", email=EMAIL, password=PASSWORD)
    assert half.headers["location"] == "/login/code"
    options_ = asked(browser, "/login/code")
    (known,) = json.loads(options_)["allowCredentials"]
    assert known["transports"] == ["internal"]
    token = browser.cookies[HALF]
    answer = shows(browser, ann.key.answer(options_, nameless=True), "/login/code/passkey")
    assert is_in(answer)
    assert HALF not in browser.cookies
    assert browser.get("/account").status_code == 200
    with engine.connect() as conn:
        assert sessions.half(conn, token) is None
    assert [tag for tag, _ in trail(engine)][-2:] == ["ask-code", "log-in"]


def test_a_recovery_code_lets_in_who_lost_it_and_removes_nothing(ann: Person) -> None:
    codes = re.findall(r'<li class="device">([A-Z2-7-]+)</li>', ann.adds().text)
    browser = ann.halfway()
    assert "One of your recovery codes" in browser.get("/login/code").text
    assert browser.post("/login/code", code="AAAA-AAAA-AAAA-AAAA").status_code == 401
    assert is_in(browser.post("/login/code", code=codes[0]))
    page = browser.get("/account").text
    assert "9 recovery codes are left" in page
    assert "Telephone" in page


def test_new_recovery_codes_take_the_place_of_the_old(ann: Person, engine: Engine) -> None:
    assert "come with" in ann.browser.get("/account/recovery").text
    assert ann.browser.post("/account/recovery", present=PASSWORD).status_code == 422
    old = re.findall(r'<li class="device">([A-Z2-7-]+)</li>', ann.adds().text)
    assert ann.browser.post("/account/recovery", present="wrong").status_code == 422
    page = ann.browser.post("/account/recovery", present=PASSWORD)
    new = re.findall(r'<li class="device">([A-Z2-7-]+)</li>', page.text)
    assert len(set(new)) == 10
    assert ann.halfway().post("/login/code", code=old[0]).status_code == 401
    assert is_in(ann.halfway().post("/login/code", code=new[0]))
    assert mailed(engine)[-1] == "Pointeuse: New recovery codes were made for your account"


WRONG: list[dict[str, Any]] = [
    {"origin": "http://localhost:8000"},
    {"origin": "https://localhost"},
    {"origin": "http://localhost.evil.example"},
    {"rp_id": "evil.example"},
    {"flags": PRESENT},
    {"tampered": True},
    {"crossOrigin": True},
    {"type": "webauthn.create"},
    {"handle": b"x" * 64},
]


@pytest.mark.parametrize(
    ("page", "path"),
    [("/login/passkey", "/login/passkey"), ("/login/code", "/login/code/passkey")],
)
def test_with_one_thing_wrong_nobody_is_let_in(ann: Person, page: str, path: str) -> None:
    ann.has()
    browser = ann.halfway()
    for wrong in WRONG:
        ann.forgiven()
        answer = shows(browser, ann.key.answer(asked(browser, page), **wrong), path)
        assert answer.status_code == 401, wrong
        assert SAYS_NO in answer.text
        assert COOKIE not in browser.cookies
    ann.forgiven()
    assert is_in(shows(browser, ann.key.answer(options(answer.text)), path)), "the next is right"


def test_whatever_is_wrong_is_answered_in_the_same_words(ann: Person, engine: Engine) -> None:
    ann.has()
    browser = Browser(ann.app)
    stranger = Kept(b"of nobody", ann.key.key, ann.key.handle)
    with engine.begin() as conn:
        gone = passkeys.of(conn, ann.id)[0]["id"]
    answers = [
        shows(browser, credential)
        for credential in (
            ann.key.answer(asked(browser), tampered=True),
            stranger.answer(asked(browser)),
            "{}",
            ann.key.answer(asked(Browser(ann.app))),
        )
    ]
    with engine.begin() as conn:
        service.disable(conn, ann.id)
    answers.append(shows(browser, ann.key.answer(asked(browser))))
    with engine.begin() as conn:
        service.disable(conn, ann.id, disabled=False)
        passkeys.take_away(conn, ann.id, gone)
    answers.append(shows(browser, ann.key.answer(asked(browser))))
    plain = {re.sub(r'data-options="[^"]+"', "", answer.text) for answer in answers}
    assert len(plain) == 1
    assert {answer.status_code for answer in answers} == {401}
    whys = [detail["why"] for tag, detail in trail(engine) if tag == "refuse-passkey"]
    assert whys == ["wrong", "unknown", "unreadable", "challenge", "locked", "unknown"]


def test_an_answer_is_worth_nothing_twice_or_elsewhere_or_late(ann: Person, engine: Engine) -> None:
    ann.has()
    browser, other = Browser(ann.app), Browser(ann.app)
    answer = ann.key.answer(asked(browser))
    asked(other)
    assert shows(other, answer).status_code == 401, "another browser was asked"
    assert is_in(shows(browser, answer))
    cookie = browser.cookies.pop(COOKIE)
    assert cookie
    assert shows(browser, answer).status_code == 401, "it was used"
    late = ann.key.answer(asked(browser))
    with engine.begin() as conn:
        conn.execute(update(passkey_challenges).values(created_ms=now_ms() - LIFE_MS))
    assert shows(browser, late).status_code == 401


def test_two_windows_of_one_browser_do_not_disturb_each_other(ann: Person) -> None:
    ann.has()
    browser = Browser(ann.app)
    first, second = asked(browser), asked(browser)
    assert is_in(shows(browser, ann.key.answer(second)))
    # The first window's browser has forgotten what it was asked by: it is told so, and goes on.
    again = shows(browser, ann.key.answer(first))
    assert again.status_code == 401
    half = ann.halfway()
    first, second = asked(half, "/login/code"), asked(half, "/login/code")
    assert is_in(shows(half, ann.key.answer(first), "/login/code/passkey"))
    late = shows(half, ann.key.answer(second), "/login/code/passkey")
    assert late.headers["location"] == "/login"
    # Adding in two windows adds two.
    one, two = ann.begins(), ann.begins()
    for each in (two, one):
        made = ann.device.make(each)
        assert ann.browser.post("/account/passkeys", name="n", credential=made).status_code == 303


def test_another_one_s_passkey_is_no_second_factor(ann: Person, eve: Person) -> None:
    ann.has()
    eve.has()
    browser = ann.halfway()
    options_ = asked(browser, "/login/code")
    answer = shows(browser, eve.key.answer(options_), "/login/code/passkey")
    assert answer.status_code == 401
    assert COOKIE not in browser.cookies


def test_what_was_asked_for_one_thing_is_no_answer_to_another(ann: Person) -> None:
    ann.has()
    half = ann.halfway()
    alone, beside = asked(half), asked(half, "/login/code")
    assert shows(half, ann.key.answer(alone), "/login/code/passkey").status_code == 401
    assert shows(half, ann.key.answer(beside)).status_code == 401
    # Nor does an answer that adds one let in, or one that lets in add one.
    made = ann.device.make(ann.begins())
    assert shows(half, made).status_code == 401
    ann.device.kept.pop()
    credential = ann.key.answer(asked(half))
    refused = ann.browser.post("/account/passkeys", name="n", credential=credential)
    assert refused.status_code == 422


def test_a_passkey_that_was_made_wrongly_is_not_added(ann: Person, engine: Engine) -> None:
    wrongs: list[dict[str, Any]] = [
        {"origin": "https://evil.example"}, {"rp_id": "evil.example"}, {"flags": PRESENT},
    ]  # fmt: skip
    for wrong in wrongs:
        begun_ = ann.begins()
        said = ann.device.make(begun_, **wrong)
        refused = ann.browser.post("/account/passkeys", name="n", credential=said)
        assert refused.status_code == 422, wrong
    # The challenge is used up: the right one comes too late.
    right = ann.device.make(begun_)
    late = ann.browser.post("/account/passkeys", name="n", credential=right)
    assert "begin again" in late.text
    with engine.connect() as conn:
        assert conn.execute(select(kept)).all() == []
        assert conn.execute(select(mails)).all() == []


def test_one_is_added_in_the_session_that_gave_the_password_alone(ann: Person, eve: Person) -> None:
    for other in (ann.logged_in(), eve.browser):
        made = ann.device.make(ann.begins())
        refused = other.post("/account/passkeys", name="n", credential=made)
        assert (refused.status_code, "begin again" in refused.text) == (422, True)
    made = ann.device.make(ann.begins())
    assert ann.browser.post("/account/passkeys", name="n", credential=made).status_code == 200
    again = ann.browser.post("/account/passkeys", name="n", credential=made)
    assert again.status_code == 422


def test_a_device_that_has_one_is_not_asked_for_another(ann: Person) -> None:
    ann.has()
    said = json.loads(ann.begins())
    assert len(said["excludeCredentials"]) == 1
    assert EMAIL not in str(said["user"]["id"])


def test_a_copied_one_is_stopped_and_all_sessions_end(ann: Person, engine: Engine) -> None:
    ann.device = Authenticator(count=5)
    ann.has()
    other = ann.logged_in()
    browser = Browser(ann.app)
    refused = shows(browser, ann.key.answer(asked(browser), count=3))
    assert refused.status_code == 401
    assert SAYS_NO in refused.text
    assert other.get("/account").headers["location"] == "/login"
    assert shows(browser, ann.key.answer(asked(browser), count=50)).status_code == 401
    assert "may have been copied" in ann.logged_in().get("/account").text
    assert trail(engine)[-2:] == [
        ("stop-passkey", {"passkey": ann.number(), "why": "copied"}),
        ("refuse-passkey", {"passkey": ann.number(), "why": "stopped"}),
    ]
    half = ann.halfway()
    assert "None of your passkeys works here" in half.get("/login/code").text
    gone = shows(half, "{}", "/login/code/passkey")
    assert gone.status_code == 401


def test_challenges_are_not_made_without_end(
    reader: Engine, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cloud.console.passkey_login.CHALLENGES", 3)
    app = create_app(reader, engine, public_url="http://localhost")
    for _ in range(3):
        assert Browser(app).get("/login/passkey").status_code == 200
    assert Browser(app).get("/login/passkey").status_code == 429
    with engine.connect() as conn:
        assert len(conn.execute(select(passkey_challenges)).all()) == 3


def test_trying_is_slowed_down_by_address(ann: Person) -> None:
    ann.has()
    browser, half = Browser(ann.app), ann.halfway()
    for _ in range(FAILURES):
        shows(browser, "{}")
    answer = shows(browser, ann.key.answer(asked(browser)))
    assert answer.status_code == 429
    options_ = asked(half, "/login/code")
    assert shows(half, ann.key.answer(options_), "/login/code/passkey").status_code == 429
    assert browser.post("/login", email=EMAIL, password=PASSWORD).status_code == 429


def test_another_site_sends_nothing_here(ann: Person) -> None:
    ann.has()
    browser = Browser(ann.app)
    credential = ann.key.answer(asked(browser))
    for path, form in (
        ("/login/passkey", {"credential": credential}),
        ("/account/passkeys/new", {"name": "n", "present": PASSWORD}),
    ):
        answer = browser.request(
            "POST", path, data=form, headers={"origin": "https://evil.example"}
        )
        assert answer.status_code == 403
    assert is_in(shows(browser, credential))


@pytest.mark.parametrize(
    ("public_url", "why"),
    [("", "was not told its own"), ("http://192.0.2.7:8000", "the number 192.0.2.7")],
)
def test_where_there_are_none_it_says_why_and_offers_nothing(
    reader: Engine, engine: Engine, encoded: str, public_url: str, why: str
) -> None:
    ann = Person(create_app(reader, engine, public_url=public_url), engine, "ann", encoded)
    page = ann.browser.get("/account/passkeys/new").text
    assert why in page
    assert 'name="present"' not in page
    refused = ann.browser.post("/account/passkeys/new", name="n", present=PASSWORD)
    assert "data-options" not in refused.text
    assert ann.browser.post("/account/passkeys", name="n", credential="{}").status_code == 422
    nobody = Browser(ann.app)
    assert "passkey" not in nobody.get("/login").text
    assert nobody.get("/login/passkey").headers["location"] == "/login"
    assert shows(nobody, "{}").headers["location"] == "/login"
    assert shows(ann.halfway(), "{}", "/login/code/passkey").headers["location"] == "/login"


def test_those_of_another_name_are_named_and_do_not_let_the_password_in_alone(
    ann: Person, reader: Engine, engine: Engine
) -> None:
    ann.has()
    with engine.begin() as conn:
        codes = recovery.make(conn, ann.id)
    ann.app = create_app(reader, engine, public_url="https://other.example.be", hosts=None)
    browser = ann.logged_in()
    assert "works at localhost alone" in browser.get("/account").text
    half = ann.halfway()
    page = half.get("/login/code").text
    assert "data-options" not in page
    assert "None of your passkeys works here" in page
    assert is_in(half.post("/login/code", code=codes[0]))


def test_who_runs_the_platform_takes_passkeys_away_with_the_rest(
    ann: Person, engine: Engine, database_url: str
) -> None:
    ann.has()
    browser = Browser(ann.app)
    options_ = asked(browser)
    done = CliRunner().invoke(
        cloud, ["account", "reset-second-factor", EMAIL, "--db", database_url]
    )
    assert done.exit_code == 0, done.output
    assert "passkeys: 1" in done.output
    assert shows(browser, ann.key.answer(options_)).status_code == 401
    assert is_in(browser.post("/login", email=EMAIL, password=PASSWORD))
    with engine.connect() as conn:
        assert conn.execute(select(kept)).all() == []
        ended = select(func.count()).select_from(begun).where(begun.c.account_id == ann.id)
        assert conn.execute(ended).scalar_one() == 1
        detail = conn.execute(
            select(audit.c.detail).where(audit.c.tag == "command:account:remove-second-factor")
        ).scalar_one()
    assert json.loads(detail) == {"passkeys": 1}
    assert "were taken away" in mailed(engine)[-1]
    help_ = CliRunner().invoke(cloud, ["account", "reset-second-factor", "--help"]).output
    assert "passkey" in help_


def test_an_answer_longer_than_any_is_refused(ann: Person) -> None:
    browser = Browser(ann.app)
    asked(browser)
    assert shows(browser, "x" * 20_001).status_code == 422
