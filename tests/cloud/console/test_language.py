"""The console speaks the language of whoever looks."""

import re

import pytest
from fastapi import Response
from sqlalchemy import Engine, select
from starlette.types import Receive, Scope, Send

from cloud.accounts.tables import accounts
from cloud.api.app import create_app
from cloud.console.language import COOKIE, Languages
from cloud.languages.current import language
from tests.cloud.client import Client

SAID = {"en": "Log in", "fr": "Se connecter", "nl": "Aanmelden", "de": "Anmelden"}


@pytest.fixture
def browser(reader: Engine, engine: Engine) -> Client:
    return Client(create_app(reader, engine))


@pytest.mark.parametrize("code", SAID)
def test_as_the_browser_asks(browser: Client, code: str) -> None:
    browser.headers["accept-language"] = f"{code}-BE, en;q=0.1"
    text = browser.get("/login").text
    assert f'<html lang="{code}">' in text
    assert f"<h1>{SAID[code]}</h1>" in text
    current = re.findall(r'value="(\w\w)" lang="\1" aria-current="true"', text)
    assert current == [code]


def test_as_was_chosen_before(browser: Client) -> None:
    answer = browser.post("/language", language="nl", back="/login?x=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?x=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=nl;")
    assert {"HttpOnly", "Secure", "Path=/"} <= set(cookie.split("; "))
    browser.headers |= {"cookie": f"{COOKIE}=nl", "accept-language": "fr"}
    assert SAID["nl"] in browser.get("/login").text


def test_the_button_comes_back_to_its_page(browser: Client) -> None:
    text = browser.get("/login?from=%22%3E").text
    assert 'name="back" value="/login?from=%22%3E"' in text


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", ""]
)
def test_no_other_site_is_gone_to(browser: Client, back: str) -> None:
    assert browser.post("/language", language="fr", back=back).headers["location"] == "/"


@pytest.mark.parametrize("form", [{"language": "xx"}, {}, {"language": "fr", "back": "/\r\nx: y"}])
def test_what_is_no_language_and_no_page_is_refused(browser: Client, form: dict[str, str]) -> None:
    assert browser.post("/language", **form).status_code == 422


def test_who_is_logged_in_is_written_to_in_it(client: Client, engine: Engine) -> None:
    assert client.post("/language", language="de").status_code == 303
    with engine.connect() as conn:
        assert conn.execute(select(accounts.c.language)).scalar_one() == "de"


def test_refusals_are_said_in_it(client: Client) -> None:
    client.headers |= {"accept-language": "fr", "accept": "text/html"}
    assert "pas de tel appareil" in client.get("/terminals/ABCDE12345X").text


@pytest.mark.parametrize(("path", "spoken"), [("/days", "fr"), ("/v1/days", "en")])
def test_programs_are_spoken_to_in_english(path: str, spoken: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await Response(language.get())(scope, receive, send)

    answer = Client(Languages(app), {"accept-language": "fr"}).get(path)
    assert answer.text == spoken
    assert language.get() == "en"
