"""The guide's pictures, taken from the real console in a real Chromium: `scripts/screenshots`.

Each is a page of the demonstration as one of its accounts sees it, at the width of a telephone or
of a desk. They are taken in every language and kept beside the chapters, in few colours.
"""

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo
from playwright.sync_api import Browser, FilePayload, FloatRect, Page, expect, sync_playwright

from cloud.console.visits import COOKIE
from cloud.guide.pictures import PAGES
from cloud.languages.current import LANGUAGES
from hwsim.offline.clock import TerminalClock
from hwsim.processes import POINTEUSE, Process, free_port, listens
from tests.cloud.guide.demonstration import NOW_MS, TODAY, YESTERDAY, Demonstration

AN = "an.peeters@contractor.example"
LUC = "luc.lambert@contractor.example"
CHROMIUM = "/usr/bin/chromium"
_COLOURS = 32
_CSS_DPI = 96
_TIDY = """
empty => {
  document.querySelector("footer").style.display = "none";
  document.querySelector("main").style.paddingBottom = "18px";
  const mark = empty[2];
  for (const each of document.querySelectorAll("input[type=date]")) {
    const [year, month, of] = each.value.split("-");
    each.type = "text";
    each.value = of ? [of, month, year].join(mark) : "";
    each.placeholder = empty;
  }
}
"""
"""What is not for the picture goes; and days are as a browser of the language writes them: Debian's
Chromium is American in every language."""
_STANDING = """
() => [...document.querySelectorAll("main *")]
  .filter(each => each.matches("h1, h2, h3, th[scope=col], label, legend, dt, button"))
  .map(each => each.innerText.replace(/\\s+/g, " ").trim())
  .filter(each => each)
"""
_KEPT = "Description"
"""The keyword under which PNG keeps what is in a picture (ISO/IEC 15948 11.3.3.2)."""
_DAYS = {"en": "dd/mm/yyyy", "fr": "jj/mm/aaaa", "nl": "dd-mm-jjjj", "de": "tt.mm.jjjj"}

_ABOVE = 16
"""CSS pixels above what a picture begins with."""


@dataclass(frozen=True)
class Screen:
    """What a picture is as wide as, in CSS pixels, and how finely it is taken."""

    width: int
    scale: float


PHONE, DESK, WIDE = Screen(390, 2), Screen(1100, 1.5), Screen(1280, 1.5)


@dataclass(frozen=True)
class Shot:
    """One picture: the route it is of, who looks, at which screen, and down to which height."""

    route: str
    who: str | None
    screen: Screen
    height: int
    """In CSS pixels; a page that ends before that makes a shorter picture."""
    at: Callable[[Demonstration], str] | None = None
    """The path, where the route has something to fill in or a question."""
    act: Callable[[Page, Demonstration], None] = lambda _page, _world: None
    """What is done on the page first."""
    begins: str = "html"
    """What the picture begins with, as CSS selects it."""


def _ask(page: Page, _world: Demonstration) -> None:
    expect(page.locator(".steps li.stop")).to_be_visible()


def _upload(page: Page, world: Demonstration) -> None:
    content = world.list_of_workers().encode()
    file = FilePayload(name="workers.csv", mimeType="text/csv", buffer=content)
    page.locator("input[type=file]").set_input_files(file)
    page.locator("form[enctype] button.main").click()
    expect(page.locator(".fate").first).to_be_visible()


def _invite(page: Page, world: Demonstration) -> None:
    page.locator("#email").fill("marie.dubois@roofing.example")
    page.locator("#role").select_option("viewer")
    page.locator("[name=external]").check()
    page.locator(f"[name=site][value='{world.site('Kaai 12')}']").check()
    page.mouse.move(0, 0)


def _charts(page: Page, _world: Demonstration) -> None:
    expect(page.locator("#charts[data-drawn]")).to_be_visible()


SHOTS: dict[str, Shot] = {
    "live": Shot("/", AN, DESK, 800),
    "live-phone": Shot("/", LUC, PHONE, 760),
    "login": Shot("/login", None, PHONE, 520),
    "divisions": Shot("/divisions", AN, DESK, 740),
    "people": Shot("/people", AN, DESK, 700),
    "access": Shot("/people/new", AN, PHONE, 1080, act=_invite),
    "workers": Shot("/workers", AN, DESK, 660),
    "import": Shot("/workers/import", AN, DESK, 600, act=_upload),
    "worker": Shot(
        "/workers/{worker}", AN, PHONE, 540, lambda world: f"/workers/{world.employee()}",
        begins="form:has(#link)",
    ),
    "terminal": Shot(
        "/terminals/{device}", AN, DESK, 860,
        lambda world: f"/terminals/{world.gates['tags'].device}",
    ),
    "statistics": Shot(
        "/terminals/{device}", AN, DESK, 640,
        lambda world: f"/terminals/{world.gates['tags'].device}?days=1", _charts,
        "section:has(#statistics)",
    ),
    "registrations": Shot(
        "/registrations", AN, DESK, 760,
        lambda world: f"/registrations?since={TODAY}&site={world.site('Kaai 12')}",
    ),
    "registration": Shot(
        "/registrations/{number}", AN, DESK, 760,
        lambda world: f"/registrations/{world.corrected()}",
    ),
    "proof": Shot(
        "/registrations/{number}", AN, DESK, 520,
        lambda world: f"/registrations/{world.corrected()}",
        begins="section:has(#proof)",
    ),
    "days": Shot("/days", AN, DESK, 680, lambda _: f"/days?date={YESTERDAY}"),
    "exports": Shot("/exports", AN, DESK, 460),
    "why": Shot(
        "/why", LUC, PHONE, 1150,
        lambda world: f"/why?kind=worker&what={world.number(world.roams)}", _ask, "form.ask",
    ),
    "trail": Shot("/trail", AN, WIDE, 560, lambda _: f"/trail?until={YESTERDAY}"),
    "notifications": Shot("/notifications", AN, PHONE, 900),
}  # fmt: skip


class Studio:
    """`pointeuse cloud serve` over a demonstration, its clock put back to the demonstration's."""

    def __init__(
        self, world: Demonstration, url: str, browser: Browser, clock: TerminalClock
    ) -> None:
        self._world, self._url, self._browser, self._clock = world, url, browser, clock

    def take(self, name: str, language: str, path: Path) -> None:
        """Take one picture; what stood on the page is kept in it."""
        shot = SHOTS[name]
        with self.opened(name, language) as page:
            box = page.locator(shot.begins).bounding_box()
            assert box, name
            top = max(0, round(box["y"]) - _ABOVE)
            whole = round(page.evaluate("document.documentElement.scrollHeight"))
            clip = FloatRect(
                x=0, y=top, width=shot.screen.width, height=min(shot.height, whole - top)
            )
            page.screenshot(path=path, full_page=True, clip=clip, animations="disabled")
            _shrink(path, shot.screen.scale, standing(page))

    @contextmanager
    def opened(self, name: str, language: str) -> Iterator[Page]:
        """The page of a picture, ready to be taken."""
        shot = SHOTS[name]
        # However long the others took, it is the same moment again.
        self._clock.step((NOW_MS - self._clock.wall_ms) / 1000)
        context = self._browser.new_context(
            locale=language,
            viewport={"width": shot.screen.width, "height": 900},
            device_scale_factor=shot.screen.scale,
            color_scheme="light",
            reduced_motion="reduce",
        )
        if shot.who is not None:
            # As over TLS: Chromium takes a cookie of the `__Host-` kind from no other address.
            address = self._url.replace("http://", "https://")
            token = self._world.session(shot.who)
            context.add_cookies([{"name": COOKIE, "value": token, "url": address, "secure": True}])
        page = context.new_page()
        answer = page.goto(self._url + (shot.at(self._world) if shot.at else shot.route))
        assert answer
        assert answer.status == 200, name
        assert page.locator("html").get_attribute("lang") == language
        page.wait_for_load_state("load")
        page.evaluate("document.fonts.ready")
        shot.act(page, self._world)
        page.evaluate(_TIDY, _DAYS[language])
        yield page
        context.close()


def standing(page: Page) -> list[str]:
    """What the page is made of: its headings, and the names of its columns, fields and buttons."""
    found: list[str] = page.evaluate(_STANDING)
    return found


def kept(path: Path) -> list[str]:
    """What stood on the page when its picture was taken."""
    with Image.open(path) as image:
        return str(image.info[_KEPT]).splitlines()


@contextmanager
def studio(directory: Path, browser: Browser) -> Iterator[Studio]:
    """The demonstration in a directory, and what takes pictures of it."""
    world = Demonstration(directory)
    port = free_port()
    config = directory / "cloud.toml"
    config.write_text(
        f'[database]\nurl = "{world.url}"\n[api]\nport = {port}\n'
        f'[platform]\ndirectory = "{directory}"\n'
    )
    shift_s = NOW_MS / 1000 - time.time()
    command: list[str | Path] = [POINTEUSE, "cloud", "serve", "--config", config]
    try:
        with (
            TerminalClock(directory, begins_s=shift_s, drift_ppm=0) as clock,
            Process("serve", command, directory / "serve.log", clock.environment) as serve,
        ):
            serve.wait_ready(lambda: listens(port))
            yield Studio(world, f"http://127.0.0.1:{port}", browser, clock)
    finally:
        world.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that writes letters the same each time."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--font-render-hinting=none"],
        )
        yield browser
        browser.close()


def _shrink(picture: Path, scale: float, stood: list[str]) -> None:
    """Write it with few colours, how finely it was taken, and what stood on the page."""
    with Image.open(picture) as image:
        small = image.convert("RGB").quantize(
            _COLOURS, Image.Quantize.MAXCOVERAGE, kmeans=3, dither=Image.Dither.NONE
        )
    about = PngInfo()
    about.add_itxt(_KEPT, "\n".join(stood), zip=True)
    dpi = _CSS_DPI * scale
    small.save(picture, optimize=True, dpi=(dpi, dpi), pnginfo=about)


def main(names: list[str]) -> None:
    """Take the pictures named, or all of them, in every language."""
    with (
        tempfile.TemporaryDirectory(prefix="pointeuse-guide-") as home,
        chromium() as browser,
        studio(Path(home), browser) as where,
    ):
        for language in LANGUAGES:
            for name in names or SHOTS:
                path = PAGES / language / "images" / f"{name}.png"
                path.parent.mkdir(exist_ok=True)
                where.take(name, language, path)
                print(f"{path.relative_to(PAGES)}: {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main(sys.argv[1:])
