"""A company is administered in a real Chromium: places, people, workers, a list, the trail."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from cloud.accounts import access
from cloud.accounts import service as accounts
from cloud.companies import places, queries
from cloud.companies import service as companies
from cloud.terminals import service as terminals
from protocol.keys import SigningKey
from tests.cloud.console import test_browser_integration as real
from tests.cloud.console.looking import WIDTHS, sound
from tests.cloud.console.test_browser_integration import PASSWORD, Server, log_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

browser, server, backend = real.browser, real.server, real.backend
LIST = "nummer;voornaam;naam;badge\n7;Ann;Maes;\n8;Bob;Thys;55555\n9;Cé;Dupont;\n"


@pytest.fixture
def solvay(engine: Engine) -> int:
    with engine.begin() as conn:
        company = companies.register(conn, "BE0403019261", "Solvay")
        for email, name in (("ann@example.be", "Ann Maes"), ("ext@example.be", "Eve Extern")):
            made = accounts.create(conn, email, name)
            accounts.set_password(conn, made, PASSWORD)
            if email.startswith("ann"):
                access.put_membership(conn, made, company, "administrator")
        return company


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 800})
    yield page
    page.close()


def test_an_administrator_s_day(
    server: Server, browser: Browser, page: Page, solvay: int, tmp_path: Path
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    log_in(page, server, "ann@example.be")

    page.get_by_role("link", name="Divisions and sites", exact=True).click()
    page.get_by_role("link", name="New division").click()
    page.get_by_label("Name").fill("Nord")
    sound(page)
    page.get_by_role("button", name="Save").click()
    for site, workplace in (("Quai", "1ABCDEFGH2345"), ("Dock", "")):
        page.get_by_role("link", name="New site").click()
        page.get_by_label("Name").fill(site)
        page.get_by_label("Address").fill("Rue du Quai 1, 4000 Liège")
        page.get_by_label("Workplace id").fill("123" if workplace else "")
        page.get_by_role("button", name="Save").click()
        if workplace:
            # What was wrong stands at its field, and the rest is still there.
            wrong = page.get_by_label("Workplace id")
            expect(wrong).to_have_attribute("aria-invalid", "true")
            expect(page.get_by_label("Name")).to_have_value("Quai")
            sound(page)
            wrong.fill(workplace)
            page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("rowheader", name="Quai")).to_be_visible()
    sound(page)

    page.get_by_role("link", name="People", exact=True).click()
    page.get_by_role("link", name="Add or invite").click()
    page.get_by_label("E-mail address").fill("ext@example.be")
    page.get_by_label("Role").select_option("viewer")
    page.get_by_label("From outside the company").check()
    page.get_by_label("Quai").check()
    sound(page)
    page.get_by_role("button", name="Add an account").click()
    expect(page.get_by_role("row").filter(has_text="Eve Extern")).to_contain_text("Nord / Quai")
    page.get_by_role("row").filter(has_text="Ann Maes").get_by_role("button").click()
    expect(page.get_by_role("alert")).to_contain_text("last administrator")
    sound(page)

    page.get_by_role("link", name="Workers", exact=True).click()
    page.get_by_role("link", name="New worker").click()
    page.get_by_label("Number").fill("7")
    page.get_by_label("Given name").fill("Ann")
    page.get_by_label("Family name").fill("Maes")
    page.get_by_label("INSS").fill("85.07.30-033.28")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("••.••.••-033.••")).to_be_visible()
    page.get_by_label("Badge number").fill("12345678")
    page.get_by_role("button", name="Link the badge").click()
    expect(page.get_by_role("rowheader", name="…5678")).to_be_visible()
    sound(page)

    page.get_by_role("link", name="Workers", exact=True).click()
    page.get_by_role("link", name="Import a list").click()
    file = tmp_path / "list.csv"
    file.write_text(LIST, "cp1252")
    page.get_by_label("CSV file").set_input_files(file)
    sound(page)
    page.get_by_role("button", name="Show what would be entered").click()
    expect(page.locator(".fate")).to_have_text(["as it stands", "new", "new"])
    sound(page)
    page.get_by_role("button", name="Enter all of it").click()
    expect(page.get_by_role("status").filter(has_text="created")).to_contain_text(
        "2 workers were created"
    )
    page.get_by_role("link", name="Workers", exact=True).click()
    expect(page.locator("tbody tr")).to_have_count(3)
    page.get_by_label("Name or number").fill("thys")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    sound(page)

    page.get_by_role("link", name="Audit trail", exact=True).click()
    for tag in ("console:site:create", "console:membership:grant", "console:worker:import"):
        expect(page.get_by_role("rowheader", name=tag).first).to_be_visible()
    sound(page)
    # A refused form is answered 4xx, which Chromium tells of; nothing else is complained of.
    assert [each for each in complaints if "status of 4" not in each] == []

    guest = browser.new_page()
    log_in(guest, server, "ext@example.be")
    guest.get_by_role("link", name="Divisions and sites").click()
    expect(guest.get_by_role("link", name="Workers", exact=True)).to_have_count(0)
    expect(guest.get_by_role("rowheader")).to_have_text(["Quai"])
    expect(guest.get_by_text("You are here from outside the company")).to_be_visible()
    sound(guest)
    guest.close()


def test_a_file_of_hundreds_of_megabytes_is_told_so(
    server: Server, page: Page, solvay: int, tmp_path: Path
) -> None:
    log_in(page, server, "ann@example.be")
    file = tmp_path / "large.csv"
    with file.open("wb") as writing:
        # A hole: it takes no room, and is as long to send.
        writing.truncate(300 * 1024 * 1024)
    page.goto(f"{server.url}workers/import")
    page.get_by_label("CSV file").set_input_files(file)
    page.get_by_role("button", name="Show what would be entered").click()
    expect(page.locator("#file-problem")).to_contain_text("longer than 8 MiB", timeout=60_000)


def test_whoever_runs_the_platform_looks_at_a_company(
    server: Server, page: Page, solvay: int, engine: Engine
) -> None:
    with engine.begin() as conn:
        made = accounts.create(conn, "olga@example.be", "Olga Peeters", operator=True)
        accounts.set_password(conn, made, PASSWORD)
        for name in ("Nord", "Sud"):
            division = places.create_division(conn, solvay, name)
            for site in ("Quai", "Dock") if name == "Nord" else ():
                places.create_site(conn, solvay, division, {"name": site})
        terminal = terminals.register(conn, SigningKey.generate().public, "Gate")
        terminals.assign(conn, terminal, queries.site_id(conn, "Solvay", "Nord", "Quai"), 0)
    log_in(page, server, "olga@example.be")
    page.get_by_role("link", name="Companies", exact=True).click()
    page.get_by_label("Name or VAT number").fill("0403.019")
    page.get_by_role("button", name="Search").click()
    sound(page)
    page.get_by_role("link", name="Solvay").click()
    expect(page.get_by_role("heading", name="Solvay")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="Ann Maes")).to_contain_text("Administrator")
    expect(page.get_by_role("row").filter(has_text="Sud")).to_contain_text("No site yet.")
    sound(page)
    page.get_by_role("link", name=re.compile("^[0-9A-Z]{5}-")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Gate")
