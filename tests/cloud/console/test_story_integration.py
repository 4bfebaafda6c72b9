"""The whole story in a real Chromium, on real parts: from a VAT number to a tap that is seen.

A roofer registers the company by a mailed link, makes a place, adds the terminal that stands there,
invites somebody from outside, and enters the workers. A badge is held to the terminal's scanner; it
appears to both. The guest loses the site, is told why nothing is there, gets it back, and sees it.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from playwright.sync_api import Browser, Page, expect

from hwsim.processes import run
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack
from tests.cloud.console import test_browser_integration as real
from tests.cloud.console.looking import shot
from tests.cloud.console.test_browser_integration import PASSWORD
from tests.cloud.notifications.test_post import Catcher
from tests.support.ports import free_port
from tests.support.waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

browser = real.browser
BADGE = "100020003000"
WORKERS = f"nummer;voornaam;naam;badge\n7;Ann;Peeters;{BADGE}\n8;Bob;Thys;\n"
READER = """[[readers]]
kind = "serial"
name = "gate"
protocol = "line"
direction = "in"
device = "{device}"
"""


@pytest.fixture
def post() -> Iterator[tuple[Catcher, int]]:
    """A server that takes mail, and its port."""
    catcher = Catcher()
    controller = Controller(catcher, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield catcher, controller.port
    controller.stop()


@pytest.fixture
def stack(tmp_path: Path, post: tuple[Catcher, int]) -> Iterator[Stack]:
    """Broker and platform, empty, with a server for mail."""
    with Stack(tmp_path / "stack") as stack:
        stack.prepare()
        with stack.settings.open("a") as settings:
            settings.write(f'[mail]\nhost = "127.0.0.1"\nport = {post[1]}\n')
        stack.start_broker()
        stack.start_ingest()
        stack.start_api()
        yield stack


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[SerialReader]:
    with SerialReader(tmp_path / "scanner", "line") as reader:
        yield reader


def mailed(catcher: Catcher, address: str) -> str:
    """The link in the one mail that came to an address."""
    wait_for(lambda: any(each["To"] == address for each in catcher.mails), "the mail comes", 30)
    (mail,) = [each for each in catcher.mails if each["To"] == address]
    (link,) = re.findall(r"http://\S+", mail.get_content())
    return str(link)


def log_in(page: Page, stack: Stack, email: str) -> None:
    page.goto(f"{stack.url}/login")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_from_a_vat_number_to_a_tap_that_is_seen_lost_explained_and_seen_again(
    stack: Stack,
    post: tuple[Catcher, int],
    reader: SerialReader,
    browser: Browser,
    tmp_path: Path,
) -> None:
    ann, guest = browser.new_page(), browser.new_page()
    catcher, _ = post

    # Registers the company.
    ann.goto(stack.url)
    ann.get_by_role("link", name="Register a company").click()
    ann.get_by_label("VAT number").fill("BE 0417.497.106")
    ann.get_by_label("Name of the company").fill("Dakwerken Maes")
    ann.get_by_label("Your name").fill("Ann Maes")
    ann.get_by_label("Your e-mail address").fill("ann@example.be")
    ann.get_by_role("button", name="Send me the link").click()
    expect(ann.get_by_role("heading", name="Look at your mail")).to_be_visible()
    ann.goto(mailed(catcher, "ann@example.be"))
    ann.get_by_label("Choose a password").fill(PASSWORD)
    ann.get_by_role("button", name="Register the company").click()
    expect(ann.get_by_role("heading", name="Done")).to_be_visible()
    log_in(ann, stack, "ann@example.be")

    # Makes a division with two sites.
    ann.get_by_role("link", name="Divisions and sites").click()
    ann.get_by_role("link", name="New division").click()
    ann.get_by_label("Name").fill("Noord")
    ann.get_by_role("button", name="Save").click()
    for site in ("Kaai 12", "Dok 4"):
        ann.get_by_role("link", name="New site").click()
        ann.get_by_label("Name").fill(site)
        ann.get_by_role("button", name="Save").click()
        expect(ann.get_by_role("rowheader", name=site)).to_be_visible()

    # Adds the terminal: its number from its screen, its request from its disk.
    gate, request = tmp_path / "stack" / "gate", tmp_path / "gate.request"
    gate.mkdir()
    run("provision", "identity", gate / "state")
    run("provision", "csr", gate / "state", request)
    shown = run("provision", "show", gate / "state")
    (number,) = set(re.findall(r"\b[0-9A-Z]{5}-[0-9A-Z]{5}-[0-9A-Z]\b", shown))
    ann.get_by_role("link", name="Terminals", exact=True).click()
    ann.get_by_role("link", name="Add a terminal").click()
    ann.get_by_label("Device number").fill(number)
    ann.get_by_label("Certificate request").set_input_files(request)
    ann.get_by_label("Name", exact=True).fill("North gate")
    ann.get_by_label("Site", exact=True).select_option("Kaai 12")
    ann.get_by_role("button", name="Add the terminal").click()
    expect(ann.get_by_role("heading", level=1)).to_contain_text(number)
    run("provision", "sign", request, tmp_path / "reply", "--platform", stack.platform)
    run("provision", "install", gate / "state", tmp_path / "reply")
    terminal = stack.add_terminal("gate")
    terminal.configure(READER.format(device=reader.device))
    terminal.start()
    shot(ann, "story-terminal")

    # Invites somebody from outside, who comes in by the mailed link.
    ann.get_by_role("link", name="People", exact=True).click()
    ann.get_by_role("link", name="Add or invite").click()
    ann.get_by_label("E-mail address").fill("eve@example.be")
    ann.get_by_label("Role").select_option("viewer")
    ann.get_by_label("From outside the company").check()
    ann.get_by_label("Kaai 12").check()
    ann.get_by_role("button", name="Invite").click()
    expect(ann.get_by_role("heading", name="eve@example.be is invited")).to_be_visible()
    guest.goto(mailed(catcher, "eve@example.be"))
    expect(guest.get_by_role("definition").filter(has_text="Noord / Kaai 12")).to_be_visible()
    guest.get_by_label("Your name").fill("Eve Extern")
    guest.get_by_label("Choose a password").fill(PASSWORD)
    shot(guest, "story-invitation")
    guest.get_by_role("button", name="Accept").click()
    expect(guest.get_by_role("button", name="Log out")).to_be_visible()

    # Enters the workers from a list.
    workers = tmp_path / "workers.csv"
    workers.write_text(WORKERS, "utf-8")
    ann.get_by_role("link", name="Workers", exact=True).click()
    ann.get_by_role("link", name="Import a list").click()
    ann.get_by_label("CSV file").set_input_files(workers)
    ann.get_by_role("button", name="Show what would be entered").click()
    expect(ann.locator(".fate")).to_have_text(["new", "new"])
    shot(ann, "story-import")
    ann.get_by_role("button", name="Enter all of it").click()
    expect(ann.get_by_role("status").filter(has_text="created")).to_be_visible()

    # A badge is held to the scanner, and is seen by both, on pages nobody loads again.
    for page in (ann, guest):
        page.goto(stack.url)
        expect(page.locator("tbody")).to_contain_text("Nobody has held a badge")
    assert reader.opened()
    reader.present(BADGE)
    for page in (ann, guest):
        row = page.locator("tbody tr").first
        expect(row).to_contain_text("Ann Peeters", timeout=30_000)
        expect(row).to_contain_text("Kaai 12")
    terminal.wait_delivered()
    shot(guest, "story-live")

    # The guest is to see the other site, and no longer this one.
    ann.get_by_role("link", name="People", exact=True).click()
    row = ann.get_by_role("row").filter(has_text="Eve Extern")
    row.get_by_role("link", name="Change").click()
    ann.get_by_label("Kaai 12").uncheck()
    ann.get_by_label("Dok 4").check()
    ann.get_by_role("button", name="Save").click()
    expect(ann.get_by_role("row").filter(has_text="Eve Extern")).to_contain_text("Noord / Dok 4")
    expect(guest.locator("tbody")).not_to_contain_text("Ann Peeters", timeout=15_000)

    # Why? The terminal's number stands on it.
    guest.get_by_role("link", name="Why not visible?").click()
    guest.get_by_label("A terminal").check()
    guest.get_by_label(re.compile("^Name or number of the worker")).fill(number)
    guest.get_by_role("button", name="Explain").click()
    expect(guest.get_by_role("heading", name="This is why:")).to_be_visible()
    shot(guest, "story-why")
    hides = guest.locator(".steps li.stop")
    expect(hides).to_contain_text(f"Terminal {number} stands at a site that is not granted to you.")
    expect(hides).to_contain_text("Ask the company's administrator for access.")
    expect(guest.get_by_role("main")).not_to_contain_text("Kaai 12")

    # Gets it back, and sees it.
    ann.get_by_role("row").filter(has_text="Eve Extern").get_by_role("link").click()
    ann.get_by_label("Kaai 12").check()
    ann.get_by_role("button", name="Save").click()
    expect(ann.get_by_role("row").filter(has_text="Eve Extern")).to_contain_text("Noord / Kaai 12")
    guest.goto(stack.url)
    expect(guest.locator("tbody tr").first).to_contain_text("Ann Peeters")
    ann.close()
    guest.close()
