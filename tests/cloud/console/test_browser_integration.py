"""The page in a real Chromium, served by the real command."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy import Engine

from cloud.accounts import access
from cloud.accounts import service as accounts
from tests.cloud.console.looking import fits
from tests.cloud.sample import Sample
from tests.support.ports import free_port, listens
from tests.support.waiting import wait_for

pytestmark = pytest.mark.integration
EMAIL = "olga@example.be"
PASSWORD = "correct horse battery staple"


class Server:
    """`pointeuse cloud serve` on a free port; `named`, it is told that it is localhost."""

    def __init__(self, database_url: str, directory: Path, *, named: bool = False) -> None:
        self.port = free_port()
        self.url = f"http://{'localhost' if named else '127.0.0.1'}:{self.port}/"
        public_url = f'public_url = "{self.url}"\n' if named else ""
        config = directory / "cloud.toml"
        (directory / "keys").mkdir(exist_ok=True)
        config.write_text(
            f'[database]\nurl = "{database_url}"\n[api]\nport = {self.port}\n{public_url}'
            f'[platform]\ndirectory = "{directory}"\n'
        )
        self._command = [
            sys.executable, "-c", "from cloud.cli import cloud; cloud()",
            "serve", "--config", str(config),
        ]  # fmt: skip
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )  # fmt: skip
        wait_for(self._answers, "the server takes connections")

    def stop(self) -> tuple[int, str, str]:
        """Its exit code, and what it printed."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.process.communicate()[1]
        return listens(self.port)


@pytest.fixture
def server(database_url: str, tmp_path: Path) -> Iterator[Server]:
    server = Server(database_url, tmp_path)
    yield server
    if server.process.returncode is None:
        server.process.kill()
        server.process.communicate()


@pytest.fixture
def named(database_url: str, tmp_path: Path) -> Iterator[Server]:
    """A server with passkeys, which belong to a name."""
    server = Server(database_url, tmp_path, named=True)
    yield server
    if server.process.returncode is None:
        server.process.kill()
        server.process.communicate()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "there is no chromium here; run scripts/setup --dev"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=[
                "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-sync",
                "--disable-background-networking", "--disable-component-update",
            ],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture
def backend() -> str:
    """What the browser sees does not depend on the database."""
    return "sqlite"


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


@pytest.fixture
def sample(engine: Engine) -> Sample:
    with engine.begin() as conn:
        operator = accounts.create(conn, EMAIL, "Olga Peeters", operator=True)
        accounts.set_password(conn, operator, PASSWORD)
        return Sample(conn)


def log_in(page: Page, server: Server, email: str = EMAIL) -> None:
    """As a person does, from wherever the first address leads."""
    page.goto(server.url)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    # What is measured next is only right once the style sheet is there.
    page.wait_for_load_state("load")


def test_a_registration_appears_by_itself(
    server: Server, page: Page, engine: Engine, sample: Sample
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    loads: list[str] = []
    page.on("load", lambda loaded: loads.append(loaded.url))
    log_in(page, server)
    expect(page.locator("tbody")).to_contain_text("Nobody has held a badge")
    for name in ("Ann Maes", "unknown"):
        with engine.begin() as conn:
            sample.tap(conn) if name == "Ann Maes" else sample.stranger_taps(conn)
        expect(page.locator("tbody tr").first).to_contain_text(name)
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator(".pulse")).to_be_visible()
    # Never loaded again after the login, and nothing that the security policy had to stop.
    assert [urlsplit(url).path for url in loads] == ["/login", "/"]
    assert complaints == []


def test_it_says_so_when_the_platform_stops_answering(
    server: Server, page: Page, sample: Sample
) -> None:
    log_in(page, server)
    expect(page.locator(".lost")).to_be_hidden()
    code, out, err = server.stop()
    assert (code, err) == (0, "")
    assert out == f"serving {server.url}\n"
    expect(page.locator(".lost")).to_be_visible(timeout=20_000)
    server.start()
    expect(page.locator(".lost")).to_be_hidden(timeout=20_000)


def test_without_script_it_reads_and_asks_again(
    server: Server, browser: Browser, engine: Engine, sample: Sample
) -> None:
    page = browser.new_page(java_script_enabled=False)
    log_in(page, server)
    with engine.begin() as conn:
        sample.tap(conn)
    expect(page.locator("tbody")).to_contain_text("Ann Maes", timeout=20_000)
    page.close()


@pytest.mark.parametrize("width", [360, 700, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_cut_off(
    server: Server, browser: Browser, engine: Engine, sample: Sample, width: int, scheme: str
) -> None:
    with engine.begin() as conn:
        sample.tap(conn)
        sample.stranger_taps(conn)
    page = browser.new_page(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    log_in(page, server)
    assert fits(page)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    shade = int(re.findall(r"\d+", background)[0])
    assert (shade < 64) == (scheme == "dark")
    page.close()


def test_one_account_sees_what_is_granted_in_each_of_its_companies(
    server: Server, page: Page, engine: Engine, sample: Sample
) -> None:
    with engine.begin() as conn:
        ann = accounts.create(conn, "ann@example.be", "Ann Maes")
        accounts.set_password(conn, ann, PASSWORD)
        made = access.put_membership(conn, ann, sample.contractor, "viewer")
        access.set_grants(
            conn, {"membership_id": made}, sample.contractor, site_ids=[sample.sites[0]]
        )
        access.put_membership(conn, ann, sample.subcontractor, "auditor")
        sample.tap(conn, 0)
        sample.tap(conn, 1)
    log_in(page, server, "ann@example.be")
    # The first company by name is the subcontractor, whose worker tapped at both sites.
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator(".notices .notice")).to_have_count(0)
    page.get_by_label("Company").select_option("Solvay")
    page.get_by_role("button", name="Switch").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    expect(page.locator("tbody tr")).to_contain_text("Quai")
    page.get_by_role("link", name="Why not visible?").click()
    page.get_by_label("A terminal").check()
    page.get_by_label("Name or number").fill(sample.devices[1])
    page.get_by_role("button", name="Explain").click()
    hidden = "Nord / Dock, which is not granted to you"
    expect(page.locator("li.stop", has_text=hidden)).to_be_visible()
    page.get_by_role("button", name="Log out").click()
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
    page.goto(server.url + "why")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()
