"""Every page of the console in a real Chromium: in each language on a telephone, and for axe."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page
from sqlalchemy import Engine

from cloud.accounts import sessions
from cloud.console.visits import COOKIE
from cloud.languages.current import LANGUAGES
from tests.cloud.console import test_browser_integration as real
from tests.cloud.console.looking import WIDTHS, shot, sound
from tests.cloud.console.matrix import LET_IN, ROUTES, Route
from tests.cloud.console.test_browser_integration import Server
from tests.cloud.console.test_matrix import World

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

browser, server, backend = real.browser, real.named, real.backend
NO_PAGES = ("/live", "/terminals/{device}/statistics", "/exports/{export}/file")
"""Pieces of pages, and files."""
LOGGED_OUT = ("/login", "/login/passkey", "/register", "/forgotten")
GUIDE = "/guide"
"""Its pages have tests of their own."""
AXE_READS = "nl"
"""The language in which axe-core looks at them all, and whether they fit."""
HALFWAY = "/login/code"
"""Leads elsewhere without the first half of a login."""


@pytest.fixture
def world(engine: Engine, reader: Engine) -> World:
    return World(engine, reader)


def seen_by(role: str | None) -> list[str]:
    """The pages that a role may look at; None: somebody who is not logged in."""
    if role is None:
        return list(LOGGED_OUT)

    def may(route: Route) -> bool:
        return 200 in route.reads(role, own=True) and route.answers(role, own=True) == LET_IN

    return [
        path
        for (method, path), route in ROUTES.items()
        if method == "GET"
        and may(route)
        and not path.startswith(GUIDE)
        and path not in (*NO_PAGES, *LOGGED_OUT, HALFWAY)
    ]


def opened(browser: Browser, server: Server, world: World, role: str | None, language: str) -> Page:
    """A window of somebody whose browser asks for a language."""
    context = browser.new_context(locale=language)
    if role is not None:
        with world.company.engine.begin() as conn:
            token = sessions.begin(conn, world.company.who[role])
        # As over TLS: Chromium takes a cookie of the `__Host-` kind from no other address.
        address = server.url.replace("http://", "https://")
        context.add_cookies([{"name": COOKIE, "value": token, "url": address, "secure": True}])
    return context.new_page()


def pages(page: Page, server: Server, world: World, role: str | None) -> Iterator[str]:
    """Each page that a role may look at, opened; its path."""
    for path in seen_by(role):
        answer = page.goto(server.url.rstrip("/") + world.path(path, "ours"))
        assert answer
        assert answer.status == 200, path
        yield path


@pytest.mark.parametrize("language", [each for each in LANGUAGES if each != AXE_READS])
def test_nothing_is_cut_off_in_any_language(
    server: Server, browser: Browser, world: World, language: str
) -> None:
    for role in ("administrator", "operator", None):
        page = opened(browser, server, world, role, language)
        page.set_viewport_size({"width": min(WIDTHS), "height": 800})
        for path in pages(page, server, world, role):
            assert page.locator("html").get_attribute("lang") == language, path
            name = re.sub(r"\W+", "-", path).strip("-") or "live"
            shot(page, f"{name}-{role}-{language}")
        page.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_on_any_page(
    server: Server, browser: Browser, world: World, scheme: str
) -> None:
    roles = ("administrator", None) if scheme == "light" else ("operator",)
    for role in roles:
        page = opened(browser, server, world, role, AXE_READS)
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for _ in pages(page, server, world, role):
            sound(page)
        page.context.close()
