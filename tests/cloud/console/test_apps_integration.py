"""An app is paired in a real Chromium, by a code that is scanned or typed in."""

from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine

from cloud.accounts import service as accounts
from tests.cloud.apps.pairing import bearer
from tests.cloud.console import test_browser_integration as real
from tests.cloud.console.company import Company
from tests.cloud.console.looking import WIDTHS, shot, sound
from tests.cloud.console.test_browser_integration import PASSWORD, Server, log_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

browser, server, backend = real.browser, real.server, real.backend


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": WIDTHS[0], "height": 800})
    yield page
    page.close()


def test_an_app_is_paired_and_revoked(
    server: Server, page: Page, company: Company, engine: Engine
) -> None:
    with engine.begin() as conn:
        accounts.set_password(conn, company.who["manager"], PASSWORD)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    log_in(page, server, "manager@example.be")
    page.goto(f"{server.url}workers/{company.worker}")
    page.get_by_role("button", name="Pair an app").click()
    expect(page.get_by_role("img", name="Code to scan")).to_be_visible()
    sound(page)
    shot(page, "pairing")
    address, code = (page.locator("dd.device").nth(place).inner_text() for place in (0, 1))
    assert address == f"{server.url}v1"
    body = {"code": code, "name": "Ann's telephone"}
    given = httpx.post(f"{address}/app/pairing", json=body).json()
    days = f"{address}/app/days?since=2026-03-01&until=2026-03-02"
    assert httpx.get(days, headers=bearer(given["token"])).json()["days"] == []

    page.get_by_role("link", name="Back to the worker").click()
    row = page.get_by_role("row", name="Ann's telephone")
    expect(row.get_by_role("cell")).to_have_count(3)
    expect(row).not_to_contain_text("never")
    sound(page)
    shot(page, "worker-with-app")
    row.get_by_role("button", name="Revoke").click()
    expect(page.get_by_text("No app is paired with the worker.")).to_be_visible()
    assert httpx.get(days, headers=bearer(given["token"])).status_code == 401
    assert [each for each in complaints if "Content Security Policy" in each] == []
