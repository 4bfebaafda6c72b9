"""A second factor in a real Chromium: scanned, confirmed, asked for."""

import time

import pyotp
import pytest
from playwright.sync_api import Browser, expect
from sqlalchemy import Engine

from cloud.accounts import service
from cloud.accounts.totp import STEP_MS
from tests.cloud.console import test_browser_integration as real
from tests.cloud.console.looking import shot, sound
from tests.cloud.console.test_browser_integration import EMAIL, PASSWORD, Server, log_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

browser, server, backend = real.browser, real.server, real.backend


def test_a_code_is_asked_for_beside_the_password(
    server: Server, browser: Browser, engine: Engine
) -> None:
    with engine.begin() as conn:
        service.set_password(conn, service.create(conn, EMAIL, "Olga Peeters"), PASSWORD)
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    log_in(page, server)
    page.get_by_role("link", name="Olga Peeters").click()
    page.get_by_role("link", name="Add one-time codes").click()
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()
    expect(page.get_by_role("img", name="Code to scan")).to_be_visible()
    sound(page)
    shot(page, "second-scan")
    shown = pyotp.TOTP(page.get_by_label("Key").input_value())
    first = time.time_ns() // 1_000_000 // STEP_MS
    page.get_by_label("Code that it shows").fill(shown.generate_otp(first))
    page.get_by_role("button", name="Ask for it from now on").click()
    expect(page.locator(".codes li")).to_have_count(10)
    sound(page)
    shot(page, "second-codes")
    page.get_by_role("button", name="Log out").click()

    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    sound(page)
    shot(page, "second-asked")
    # The one before was used: whoever looked over the shoulder comes too late.
    page.get_by_label("Code that your device shows").fill(shown.generate_otp(first + 1))
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    assert [each for each in complaints if "Content Security Policy" in each] == []
    page.close()
