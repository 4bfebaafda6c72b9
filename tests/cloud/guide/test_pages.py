"""The guide as it is served: to anybody, in their language, without a database, nothing inline."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from cloud.api.app import create_app
from cloud.guide.chapters import CHAPTERS, book
from cloud.guide.pictures import PAGES
from cloud.languages.current import LANGUAGES
from tests.cloud.client import Client


@pytest.fixture(scope="module")
def nobody() -> Client:
    """Somebody who is not logged in, while the database is away."""
    away = create_engine("sqlite:////nowhere/at/all.sqlite")
    return Client(create_app(away, away), {"accept": "text/html"})


def speaking(client: Client, language: str, path: str) -> str:
    answer = client.get(path, headers={"accept-language": language})
    assert answer.status_code == 200, path
    assert f'<html lang="{language}">' in answer.text
    return answer.text


class Found(HTMLParser):
    """What a page has: ids, addresses, headings, and what a strict policy would stop."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.addresses: list[str] = []
        self.headings: list[int] = []
        self.inline: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if "id" in given:
            self.ids.append(given["id"])
        self.addresses += [given[name] for name in ("href", "src") if name in given]
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if tag in ("script", "style") or any(
            name == "style" or name.startswith("on") for name in given
        ):
            self.inline.append(tag)
        if tag == "img":
            assert "alt" in given


def checked(page: str) -> Found:
    found = Found(page)
    assert found.inline == []
    assert len(set(found.ids)) == len(found.ids)
    assert found.headings[0] == 1
    assert found.headings.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(found.headings, found.headings[1:], strict=False))
    return found


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_contents_lead_to_every_chapter(nobody: Client, language: str) -> None:
    found = checked(speaking(nobody, language, "/guide"))
    chapters = [each for each in found.addresses if re.fullmatch("/guide/[a-z-]+", each)]
    assert [each for each in chapters if each != "/guide/all"] == [f"/guide/{c}" for c in CHAPTERS]
    assert "/guide/all" in chapters


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_address_within_the_guide_is_there(nobody: Client, language: str) -> None:
    pages = {
        f"/guide/{name}": checked(speaking(nobody, language, f"/guide/{name}")) for name in CHAPTERS
    }
    for path, found in pages.items():
        for address in found.addresses:
            page, _, anchor = address.partition("#")
            if page.startswith("/guide/images/"):
                file = PAGES / language / "images" / Path(page).name
                assert file.is_file(), address
                assert page == f"/guide/images/{language}/{file.name}"
            elif page in pages or not page:
                assert anchor in ("", *pages[page or path].ids), f"{path}: {address}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_of_it_stands_on_one_page_and_leads_nowhere_else(nobody: Client, language: str) -> None:
    page = speaking(nobody, language, "/guide/all")
    found = checked(page)
    inside = [each for each in found.addresses if each.startswith("#")]
    assert {each[1:] for each in inside} <= set(found.ids)
    assert [each for each in found.addresses if each.startswith("/guide/")] == [
        each
        for each in found.addresses
        if each.startswith("/guide/images/") or each in ("/guide/all", "/guide/search")
    ]
    for chapter in book(language).chapters.values():
        assert chapter.whole in page


def test_one_leads_to_the_next(nobody: Client) -> None:
    path, seen = f"/guide/{CHAPTERS[0]}", []
    while path:
        seen.append(path)
        page = speaking(nobody, "nl", path)
        before = re.search(r'rel="prev" href="([^"]*)"', page)
        assert (before[1] if before else None) == (seen[-2] if len(seen) > 1 else None)
        after = re.search(r'rel="next" href="([^"]*)"', page)
        path = after[1] if after else ""
    assert seen == [f"/guide/{name}" for name in CHAPTERS]


def test_a_question_is_answered_with_where_it_was_found(nobody: Client) -> None:
    page = speaking(nobody, "fr", "/guide/search?q=badge%20perdu")
    checked(page)
    assert "Trouvé pour « badge perdu »" in page
    assert 'value="badge perdu"' in page
    assert page.index('href="/guide/faq#lost"') < page.index('href="/guide/workers#lost"')
    assert "<mark>badge</mark>" in page


def test_no_question_and_no_answer_are_said(nobody: Client) -> None:
    assert "Typ hierboven wat u zoekt" in speaking(nobody, "nl", "/guide/search")
    assert "Typ hierboven wat u zoekt" in speaking(nobody, "nl", "/guide/search?q=%20")
    assert "Nichts im Handbuch passt" in speaking(nobody, "de", "/guide/search?q=qqqqqq")


def test_what_is_asked_is_shown_as_text(nobody: Client) -> None:
    for asked in ("%3Cscript%3Ealert(1)%3C/script%3E", "%22%3E%3Cimg src=x%3E", "%00", "%FF"):
        page = speaking(nobody, "en", f"/guide/search?q={asked}")
        assert "<script" not in page
        assert "<img src=x" not in page
    assert nobody.get(f"/guide/search?q={'a' * 50_000}").status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/guide/nothing",
        "/guide/why.md",
        "/guide/images/fr/nothing.png",
        "/guide/images/xx/why.png",
        "/guide/images/fr/..%2Fwhy.md",
        "/guide/images/..%2f..%2f..%2fconsole%2fstatic/icon.svg",
        "/guide/images/fr/%00",
        "/guide/images/fr/" + "a" * 5_000,
    ],
)
def test_what_is_not_there_is_not_found(nobody: Client, path: str) -> None:
    answer = nobody.get(path)
    assert answer.status_code == 404
    assert "<h1>" in answer.text


def test_pictures_are_pictures_and_may_be_kept(nobody: Client) -> None:
    answer = nobody.get("/guide/images/fr/why.png")
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["cache-control"] == "public, max-age=3600"
    assert answer.content == (PAGES / "fr" / "images" / "why.png").read_bytes()
    # A page is in the language of whoever asks: that is for nobody else.
    assert nobody.get("/guide").headers["cache-control"] == "no-store"


def test_the_language_is_changed_where_one_reads(nobody: Client) -> None:
    page = speaking(nobody, "de", "/guide/gate")
    assert '<input type="hidden" name="back" value="/guide/gate">' in page
    assert "erfasst" in page
