"""Pictures for the documentation, of the real thing: `scripts/screenshots`."""

import json
import subprocess
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

_TAPS = [
    ("metal", "gate"), ("stranger", "turnstile"), ("pass", "office"), ("fob", "canteen"),
    ("expired", "turnstile"), ("random", "gate"), ("fob", "counter"), ("blocked", "barrier"),
]  # fmt: skip


def panel(directory: Path) -> None:
    """`panel.png` and `panel-dark.png`: a morning's taps at `pointeuse sim panel`."""
    program = Path(sys.executable).with_name("pointeuse")
    process = subprocess.Popen(
        [program, "sim", "panel", "--json"], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout
        url = json.loads(process.stdout.readline())["url"]
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            page.goto(url)
            expect(page.locator(".reader")).to_have_count(6)
            for badge, reader in _TAPS:
                _hold(page, badge, reader)
            expect(page.locator("#registrations li")).to_have_count(6)
            page.mouse.move(0, 0)
            for scheme, name in (("light", "panel.png"), ("dark", "panel-dark.png")):
                page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
                expect(page.locator(".reader-card").first).to_have_css("opacity", "0")
                page.screenshot(path=directory / name, full_page=True)
            browser.close()
        for name in ("panel.png", "panel-dark.png"):
            _shrink(directory / name)
    finally:
        process.terminate()
        process.wait(30)


def _shrink(picture: Path) -> None:
    """Write it with 256 colours, among them those that are rare: a lamp, a word."""
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(
            256, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE
        )
    small.save(picture, optimize=True)


def _hold(page: Page, badge: str, reader: str) -> None:
    page.locator(f"[data-badge={badge}] .card-title").click()
    with page.expect_response("**/hold"):
        page.locator(f"[data-reader={reader}] .hold").click()
    expect(page.locator(f"[data-reader={reader}]")).to_have_attribute("data-busy", "false")


if __name__ == "__main__":
    panel(Path(sys.argv[1]))
