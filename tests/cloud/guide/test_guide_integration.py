"""The guide in a real Chromium: on telephones, at desks, by keyboard, on paper, without script."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from cloud.guide.chapters import CHAPTERS
from cloud.guide.pictures import picture
from cloud.languages.current import LANGUAGES
from tests.cloud.console import test_browser_integration as real
from tests.cloud.console.looking import fits, sound
from tests.cloud.console.test_browser_integration import Server
from tests.cloud.guide.shots import SHOTS, Studio, kept, standing, studio

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

browser = real.browser
TAKEN = (("why", "fr"), ("live-phone", "nl"))
"""Pictures that are taken, to show that they can be; of the others what they show is compared."""


@pytest.fixture(scope="module")
def server(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all: nothing that is asked of it changes anything."""
    directory = tmp_path_factory.mktemp("server")
    shutil.copy(sqlite_template, directory / "platform.sqlite")
    server = Server(f"sqlite:///{directory / 'platform.sqlite'}", directory)
    yield server
    server.stop()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="fr", viewport={"width": 1280, "height": 800})
    yield context.new_page()
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_and_nothing_is_cut_off(
    server: Server, browser: Browser, scheme: str
) -> None:
    language = "nl" if scheme == "light" else "de"
    context = browser.new_context(locale=language)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    for path in ("guide", "guide/all", "guide/why", "guide/search?q=badge"):
        page.goto(server.url + path)
        sound(page)
    # Nor had the security policy anything to stop.
    assert complaints == []
    context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chapter_fits_a_telephone(server: Server, browser: Browser, language: str) -> None:
    context = browser.new_context(locale=language, viewport={"width": 360, "height": 800})
    page = context.new_page()
    for path in ("guide/all", "guide", "guide/installer"):
        page.goto(server.url + path)
        assert page.locator("html").get_attribute("lang") == language
        assert fits(page), f"{path} in {language}"
    context.close()


def test_a_page_s_question_mark_leads_to_what_is_said_of_it(server: Server, page: Page) -> None:
    page.goto(server.url + "login")
    page.get_by_role("link", name="Aide sur cette page").click()
    expect(page).to_have_url(server.url + "guide/account#login")
    expect(page.get_by_role("heading", name="Se connecter", exact=True)).to_be_in_viewport()
    page.get_by_role("link", name="Vers la console").click()
    expect(page).to_have_url(server.url + "login")
    page.get_by_role("link", name="Guide d\u2019utilisation").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Guide d\u2019utilisation")


def test_without_script_one_looks_for_something_finds_it_and_reads_on(
    server: Server, browser: Browser
) -> None:
    context = browser.new_context(locale="nl", java_script_enabled=False)
    page = context.new_page()
    page.goto(server.url + "guide")
    page.get_by_label("Zoeken in de gids").fill("badge kwijt")
    page.get_by_role("button", name="Zoeken").click()
    expect(page.locator("mark").first).to_have_text("badge")
    page.get_by_role("link", name="Een badge is verloren of teruggegeven").click()
    expect(page).to_have_url(server.url + "guide/workers#lost")
    found = page.get_by_role("heading", name="Een badge is verloren of teruggegeven")
    expect(found).to_be_in_viewport()
    page.locator("a[rel=next]").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Toestellen")
    # Over TLS a browser would keep what it is asked to; it is answered in that language at once.
    page.get_by_role("button", name="Deutsch").click()
    expect(page).to_have_url(server.url + "guide/terminals")
    expect(page.get_by_role("heading", level=1)).to_have_text("Geräte")
    context.close()


def test_with_the_keyboard_alone(server: Server, page: Page) -> None:
    page.goto(server.url + "guide/why")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_label("Chercher dans le guide")).to_be_focused()
    page.keyboard.type("jeton")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Jetons")).to_be_visible()
    # The search, its button, to the console, the contents, and then what was found.
    for _ in range(5):
        page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Jetons")).to_be_focused()
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none"
    page.keyboard.press("Enter")
    expect(page).to_have_url(server.url + "guide/programs#tokens")


def test_all_of_it_is_printed_each_chapter_on_a_page_of_its_own(server: Server, page: Page) -> None:
    page.goto(server.url + "guide/all")
    page.emulate_media(media="print")
    expect(page.locator(".bar")).to_be_hidden()
    expect(page.locator("footer")).to_be_hidden()
    breaks = page.locator("article").evaluate_all(
        "all => all.map(each => getComputedStyle(each).breakBefore)"
    )
    assert breaks == ["page"] * len(CHAPTERS)
    printed = page.pdf(format="A4")
    pages = [int(count) for count in re.findall(rb"/Type\s*/Pages[^>]*?/Count (\d+)", printed)]
    assert max(pages, default=len(re.findall(rb"/Type\s*/Page\b", printed))) >= len(CHAPTERS)


@pytest.fixture(scope="module")
def taking(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """The demonstration, and what takes pictures of it."""
    with studio(tmp_path_factory.mktemp("demonstration"), browser) as where:
        yield where


def test_the_pictures_show_pages_as_they_are(taking: Studio) -> None:
    changed = []
    for name in SHOTS:
        with taking.opened(name, "de") as page:
            if standing(page) != kept(picture("de", f"{name}.png")):
                changed.append(name)
    assert not changed, f"take them again: scripts/screenshots guide {' '.join(changed)}"


@pytest.mark.parametrize(("name", "language"), TAKEN)
def test_pictures_are_taken(taking: Studio, tmp_path: Path, name: str, language: str) -> None:
    taken = tmp_path / "taken.png"
    taking.take(name, language, taken)
    old = picture(language, f"{name}.png")
    assert kept(taken) == kept(old)
    with Image.open(taken) as new, Image.open(old) as before:
        assert (new.mode, new.size) == (before.mode, before.size)
        assert new.info["dpi"] == before.info["dpi"]
        # Of the same page: light and dark are in the same places, if not to the pixel.
        shades = [each.convert("L").resize((12, 24)).tobytes() for each in (new, before)]
    assert sum(abs(a - b) for a, b in zip(*shades, strict=True)) / len(shades[0]) < 8
