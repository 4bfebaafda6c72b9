"""Whatever is typed badly is refused in the language of the page, down to the last word.

Every form and every address of the console is sent what it cannot take, one field after the other.
"""

import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine

from cloud.api.app import create_app
from cloud.console import mistyped
from cloud.languages.current import spoken
from tests.cloud.console.company import Company
from tests.cloud.console.matrix import ROUTES
from tests.cloud.console.test_matrix import ENDS, World, filled
from tests.cloud.languages.english import TRANSLATED, left

BAD = ("", "\x01", "9" * 5000, "2026-13-45")
"""No field takes all of these; no word of English is among them. Languages take turns at them."""
PROBLEM = re.compile(r'class="problem"[^>]*>(.*?)</(?:p|div|ul)>', re.DOTALL)
REFUSAL = re.compile(r'<div class="card">\s*<h[12]>.*?</h[12]>\s*<p>(.*?)</p>', re.DOTALL)
TAG = re.compile(r"<[^>]*>")
QUOTED = re.compile(r"`[^`]*`|[“„«][^”“»]*[”“»]|\b[a-z]+[.:][a-z-]+\b")
"""What was sent is said as it was, and so are the words of programs, as worker.created."""
HIDDEN = {
    "active", "approve", "back", "credential", "decision", "direction", "external", "fingerprint",
    "open_again", "profile", "remark", "right", "role", "second", "status", "tag", "token", "was",
    "way", "show",
}  # fmt: skip
"""What nobody types: what pages send by themselves, or offer to choose from."""


@pytest.fixture
def backend() -> str:
    """What is said does not depend on the database."""
    return "sqlite"


@pytest.fixture
def world(engine: Engine, reader: Engine) -> World:
    return World(engine, reader)


def fields(app: Any) -> Iterator[tuple[str, str, Any]]:
    """Method and path of each route of the console, and each thing it is sent."""
    while not isinstance(app, FastAPI):
        app = app._app
    for route in app.routes:
        if not isinstance(route, APIRoute):
            continue
        dependants = [route.dependant]
        while dependants:
            each = dependants.pop()
            dependants += each.dependencies
            for method in route.methods or ():
                for param in (*each.query_params, *each.body_params):
                    yield method, route.path, param


def said(page: str) -> list[str]:
    """What a page says is wrong."""
    found = [*PROBLEM.findall(page), *REFUSAL.findall(page)]
    texts = [QUOTED.sub(" ", unescape(TAG.sub(" ", each))).strip() for each in found]
    return [text for text in texts if text]


@pytest.mark.parametrize("code", TRANSLATED)
def test_nothing_is_refused_in_english(
    world: World, reader: Engine, engine: Engine, code: str
) -> None:
    browser = world.company.browser(reader, "administrator")
    browser.headers |= {"accept-language": code, "accept": "text/html"}
    refused = set()
    turn = TRANSLATED.index(code)
    for number, (method, pattern, param) in enumerate(fields(create_app(reader, engine))):
        if pattern.endswith(ENDS) or pattern == "/language":
            continue
        for bad in BAD[(number + turn) % len(TRANSLATED) :: len(TRANSLATED)]:
            ids = world.ids["ours"]
            form = {name: filled(text, ids) for name, text in ROUTES[method, pattern].form.items()}
            form[param.alias] = bad
            path = world.path(pattern, "ours")
            sent: dict[str, Any] = {"params" if method == "GET" else "data": form}
            sent["headers"] = {"origin": "http://localhost"}
            answer = browser.request(method, path, **sent)
            assert answer.status_code < 500 or answer.status_code == 503, (path, param.alias)
            for text in said(answer.text):
                refused.add((pattern, text))
                assert left(text, code) == set(), f"{method} {pattern} {param.alias}: {text}"
            assert answer.status_code != 422 or said(answer.text), (
                f"{method} {pattern}: {answer.text}"
            )
    assert len({pattern for pattern, _text in refused}) > 20


@pytest.mark.parametrize("path", ["/nowhere", "/divisions/new/what", "/workers?after=x", "/logout"])
@pytest.mark.parametrize("code", TRANSLATED)
def test_what_frameworks_say_is_said_in_our_words(
    company: Company, reader: Engine, code: str, path: str
) -> None:
    browser = company.browser(reader, "viewer")
    browser.headers |= {"accept-language": code, "accept": "text/html"}
    (text,) = said(browser.get(path).text)
    assert left(text, code) == set(), text


def test_everything_typed_has_the_name_that_its_page_gives_it(
    reader: Engine, engine: Engine
) -> None:
    typed = {
        param.alias
        for _method, _path, param in fields(create_app(reader, engine))
        if any(hasattr(limit, "max_length") for limit in param.field_info.metadata)
    }
    unnamed = typed - set(mistyped.FIELDS) - HIDDEN
    assert not unnamed, f"say in cloud/console/mistyped.py what pages call {sorted(unnamed)}"


@pytest.mark.parametrize("code", TRANSLATED)
def test_why_there_is_no_proof_is_said(
    world: World, engine: Engine, reader: Engine, tmp_path: Path, code: str
) -> None:
    number = world.ids["ours"]["number"]
    world.company._app = None
    browser = world.company.browser(reader, "administrator", directory=tmp_path)
    browser.headers |= {"accept-language": code, "accept": "text/html"}
    (text,) = said(browser.post(f"/registrations/{number}/disclosure").text)
    assert left(text, code) == set(), text


@pytest.mark.parametrize(
    ("loc", "error", "sentence"),
    [
        ("name", {"type": "string_too_long", "ctx": {"max_length": 300}},
         "Naam: schrijf hoogstens 300 tekens."),
        ("site", {"type": "too_long", "ctx": {"max_length": 20}},
         "Werf: kies er hoogstens 20."),
        ("was", {"type": "string_too_long", "ctx": {"max_length": 300}},
         "“was” in het adres of het formulier is niet wat de pagina verstuurt; open ze opnieuw."),
        ("name", {"type": "of_later"},
         "“name” in het adres of het formulier is niet wat de pagina verstuurt; open ze opnieuw."),
        (None, {"type": "model_attributes_type"},
         "Het formulier kwam niet aan zoals de pagina het verstuurt; open de pagina opnieuw."),
    ],
)  # fmt: skip
def test_the_field_and_the_fix_are_named(
    loc: str | None, error: dict[str, Any], sentence: str
) -> None:
    where = ("body",) if loc is None else ("body", loc)
    with spoken("nl"):
        assert mistyped.sentence({"loc": where, **error}) == sentence
