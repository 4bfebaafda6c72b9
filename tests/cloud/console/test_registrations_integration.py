"""Registrations in a real Chromium: found, opened, paired, corrected, exported."""

import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from cloud.accounts import service as accounts
from tests.cloud.console.company import Company
from tests.cloud.console.looking import shot
from tests.cloud.console.tapping import Gates
from tests.cloud.console.test_browser_integration import PASSWORD, Server, browser, log_in, server

pytestmark = pytest.mark.integration
__all__ = ["browser", "server"]


@pytest.fixture
def backend() -> str:
    """What the browser sees does not depend on the database."""
    return "sqlite"


@pytest.mark.parametrize("width", [360, 1280])
def test_a_day_is_looked_at_corrected_and_exported(
    server: Server, browser: Browser, engine: Engine, width: int
) -> None:
    company = Company(engine)
    gates = Gates(company)
    with engine.begin() as conn:
        accounts.set_password(conn, company.who["administrator"], PASSWORD)
    gates.tap("07:00")
    gates.tap("12:00", "out")
    gates.tap("12:30", "in", site=company.dock, corrected=True)
    gates.stranger("08:00")
    page = browser.new_page(viewport={"width": width, "height": 900}, accept_downloads=True)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    log_in(page, server, "administrator@example.be")
    page.goto(server.url + "registrations")
    expect(page.locator("tbody tr")).to_have_count(4)
    shot(page, f"registrations-list-{width}")
    page.get_by_label("Worker (name)").fill("maes")
    page.get_by_label("Direction").select_option("out")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody tr a").first.click()
    expect(page.get_by_role("heading", name="Proof")).to_be_visible()
    shot(page, f"registrations-one-{width}")
    page.goto(server.url + "days?date=2026-03-02")
    expect(page.locator("tbody")).to_contain_text("out missing")
    shot(page, f"registrations-day-{width}")
    page.get_by_role("link", name="Maes Ann").click()
    page.get_by_label("Time in Brussels").fill("16:00")
    page.get_by_role("main").get_by_label("Site").select_option("Nord / Dock")
    page.get_by_label("Reason").fill("He forgot")
    page.get_by_role("button", name="Enter the tap").click()
    expect(page.locator("tbody")).to_contain_text("corrected by hand")
    expect(page.locator("tfoot")).to_contain_text("8:30")
    shot(page, f"registrations-worker-{width}")
    page.goto(server.url + "corrections")
    expect(page.locator("tbody")).to_contain_text("He forgot")
    shot(page, f"registrations-corrections-{width}")
    page.goto(server.url + "exports")
    page.get_by_role("button", name="Make the next snapshot").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    content = download.value.path().read_text("utf-8-sig")
    assert len(content.splitlines()) == 1 + 4 + 1 + 3
    assert "He forgot" in content
    shot(page, f"registrations-exports-{width}")
    assert complaints == []
    page.close()
