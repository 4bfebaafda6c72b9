"""Looking at a page in a real browser: nothing cut off, nothing for axe-core; and its picture."""

import os
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Page

WIDTHS = (360, 1280)
"""A telephone's and a desk's, in CSS pixels."""


def fits(page: Page) -> bool:
    """Whether nothing is wider than the window."""
    # Until the style sheet is there, all is as wide as it likes.
    page.wait_for_load_state("load")
    wide: int = page.evaluate("document.documentElement.scrollWidth")
    assert page.viewport_size
    return wide <= page.viewport_size["width"]


def sound(page: Page) -> None:
    """Nothing is cut off at any width, and axe-core finds nothing serious."""
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 800})
        assert fits(page), f"{page.url} at {width}"
    found = [
        f"{page.url}: {violation['id']}: {violation['nodes'][0]['html'][:200]}"
        for violation in Axe().run(page).response["violations"]
        if violation["impact"] in ("serious", "critical")
    ]
    assert found == []


def shot(page: Page, name: str) -> None:
    """Nothing is cut off; kept as a picture in the folder POINTEUSE_SCREENSHOTS, if it is set."""
    assert fits(page), name
    if directory := os.environ.get("POINTEUSE_SCREENSHOTS"):
        page.screenshot(path=Path(directory) / f"{name}.png", full_page=True)
