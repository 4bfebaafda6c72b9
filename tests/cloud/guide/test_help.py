"""Every page of the console leads to the part of the guide that is about it, in each language."""

import re

import pytest
from sqlalchemy import Engine

from cloud.console.help import CHAPTERS, help_with
from cloud.guide.chapters import book
from cloud.languages.current import LANGUAGES
from tests.cloud.console.matrix import ROUTES
from tests.cloud.console.test_every_page_integration import HALFWAY, LOGGED_OUT, NO_PAGES
from tests.cloud.console.test_matrix import World

PAGES = [
    path
    for method, path in ROUTES
    if method == "GET" and path not in NO_PAGES and not path.startswith("/guide")
]
BACK = ("/language", "/logout", "/company")
"""Forms that stand on every page, and lead back to it or to the front."""


@pytest.fixture
def backend() -> str:
    """What pages say does not depend on the database."""
    return "sqlite"


def test_every_page_has_a_part_and_every_part_a_page() -> None:
    missing = sorted(set(PAGES) - CHAPTERS.keys())
    assert not missing, (
        f"say in cloud/console/help.py which part of the guide is about {missing}, and write it in"
        " cloud/guide/pages in each language"
    )
    assert CHAPTERS.keys() - {path for _, path in ROUTES} == set()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", CHAPTERS)
def test_the_part_is_there(path: str, language: str) -> None:
    chapter, _, anchor = CHAPTERS[path].partition("#")
    anchors = [each for _, each in book(language).chapters[chapter].anchors]
    assert anchor in anchors


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_known_whatever_is_filled_in(path: str) -> None:
    filled = re.sub(r"\{\w+\}", "7", path)
    assert help_with(filled) == f"/guide/{CHAPTERS[path]}"


def test_what_a_form_is_sent_to_leads_to_the_chapter_of_its_page() -> None:
    for method, path in ROUTES:
        if method == "POST" and path not in BACK:
            chapter = help_with(re.sub(r"\{\w+\}", "7", path)).partition("#")[0]
            pages = [page for page in PAGES if page.split("/")[1] == path.split("/")[1]]
            assert chapter in {f"/guide/{CHAPTERS[page].partition('#')[0]}" for page in pages}, path


@pytest.mark.parametrize("path", ["/nothing", "/v1/workers", "/%00", "/language"])
def test_what_is_no_page_leads_to_the_contents(path: str) -> None:
    assert help_with(path) == "/guide"


def test_each_page_shows_the_way(engine: Engine, reader: Engine) -> None:
    world = World(engine, reader)
    for role in ("administrator", "operator", None):
        browser = world.company.browser(reader, role)
        for path in PAGES:
            answer = browser.get(world.path(path, "ours"), headers={"accept": "text/html"})
            if answer.status_code == 303:
                continue
            found = re.search(r'class="help" href="([^"]*)" aria-label="([^"]*)"', answer.text)
            assert found, f"{path} as {role}"
            assert found[1] == f"/guide/{CHAPTERS[path]}"
            assert '<a href="/guide">' in answer.text


def test_a_form_that_comes_back_leads_there_too(engine: Engine, reader: Engine) -> None:
    world = World(engine, reader)
    administrator = world.company.browser(reader, "administrator")
    answer = administrator.post("/workers/new", number="")
    assert answer.status_code == 422
    assert 'class="help" href="/guide/workers#new"' in answer.text
    answer = administrator.post(world.path("/workers/{worker}/badges", "ours"), badge_number="?")
    assert answer.status_code == 422
    assert 'class="help" href="/guide/workers#badges"' in answer.text


def test_the_pages_are_those_that_are_looked_at() -> None:
    assert {*LOGGED_OUT, HALFWAY} <= set(PAGES)
