"""Passkeys in a real Chromium, by its virtual authenticator (CDP, domain WebAuthn)."""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, expect
from sqlalchemy import Engine, select, update

from cloud.accounts import service, sessions
from cloud.accounts.tables import accounts, passkeys
from cloud.console.visits import COOKIE
from tests.cloud.console import test_browser_integration as real
from tests.cloud.console.looking import shot, sound
from tests.cloud.console.test_browser_integration import EMAIL, PASSWORD, Server, log_in

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

browser, backend, unnamed = real.browser, real.backend, real.server
server = real.named


class Device:
    """A browser with an authenticator that verifies its user, or does not."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self._cdp: CDPSession = page.context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable")
        self.complaints: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        self.plug()

    def plug(self, **otherwise: Any) -> None:
        kind = {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
            "hasUserVerification": True, "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }  # fmt: skip
        made = self._cdp.send("WebAuthn.addVirtualAuthenticator", {"options": kind | otherwise})
        self._id = made["authenticatorId"]

    def unplug(self) -> None:
        self._cdp.send("WebAuthn.removeVirtualAuthenticator", {"authenticatorId": self._id})

    def verifies(self, verified: bool) -> None:
        told = {"authenticatorId": self._id, "isUserVerified": verified}
        self._cdp.send("WebAuthn.setUserVerified", told)

    def kept(self) -> list[Any]:
        found = self._cdp.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(found["credentials"])

    def clean(self) -> bool:
        return not [each for each in self.complaints if "Content Security Policy" in each]


@pytest.fixture
def device(browser: Browser, server: Server) -> Iterator[Device]:
    context = browser.new_context()
    yield Device(context.new_page())
    context.close()


@pytest.fixture
def olga(engine: Engine) -> int:
    with engine.begin() as conn:
        account = service.create(conn, EMAIL, "Olga Peeters", language="en")
        service.set_password(conn, account, PASSWORD)
        return account


def logged_in(page: Page, server: Server, engine: Engine, account: int) -> None:
    with engine.begin() as conn:
        token = sessions.begin(conn, account)
    address = server.url.replace("http://", "https://")
    page.context.add_cookies([{"name": COOKIE, "value": token, "url": address, "secure": True}])


def adds(page: Page, server: Server, name: str = "Telephone") -> None:
    page.goto(f"{server.url}account")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Name, by which you will know it").fill(name)
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Go on").click()


def test_one_is_added_lets_in_alone_stands_beside_the_password_and_is_removed(
    server: Server, device: Device, engine: Engine, olga: int
) -> None:
    page = device.page
    log_in(page, server)
    adds(page, server)
    expect(page.locator(".codes li")).to_have_count(10)
    sound(page)
    shot(page, "passkey-codes")
    code = page.locator(".codes li").first.inner_text()
    (kept,) = device.kept()
    assert kept["rpId"] == "localhost"
    assert kept["isResidentCredential"]
    page.get_by_role("link", name="Back to your account").click()
    expect(page.get_by_role("row", name="Telephone")).to_be_visible()
    sound(page)
    shot(page, "passkey-account")
    page.get_by_role("button", name="Log out").click()

    # Alone: by the keyboard, as whoever sees no page does.
    link = page.get_by_role("link", name="Log in with a passkey")
    expect(link).to_be_visible()
    sound(page)
    shot(page, "passkey-login")
    link.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    with engine.connect() as conn:
        row = conn.execute(select(passkeys)).one()
    assert row.used_ms is not None
    assert row.sign_count > 0
    page.get_by_role("button", name="Log out").click()

    # Beside the password, asked at once: it is all the account has.
    log_in(page, server)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    page.get_by_role("button", name="Log out").click()

    # Without the device, the recovery code.
    device.unplug()
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()
    sound(page)
    shot(page, "passkey-second")
    page.get_by_label("One of your recovery codes").fill(code)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("link", name="Olga Peeters").click()
    page.get_by_role("link", name="Remove").click()
    sound(page)
    shot(page, "passkey-remove")
    page.get_by_label("Present password").fill(PASSWORD)
    page.get_by_role("button", name="Remove the passkey").click()
    expect(page.get_by_text("The password is enough to log in")).to_be_visible()
    assert device.clean()


def test_who_is_not_verified_is_told_and_tries_again(
    server: Server, device: Device, engine: Engine, olga: int
) -> None:
    page = device.page
    logged_in(page, server, engine, olga)
    device.verifies(False)
    adds(page, server)
    problem = page.get_by_role("alert")
    expect(problem).to_contain_text("Try again")
    sound(page)
    shot(page, "passkey-refused")
    assert device.kept() == []
    device.verifies(True)
    page.get_by_role("button", name="Make the passkey").press("Enter")
    expect(page.locator(".codes li")).to_have_count(10)
    # The same device is not asked for another one.
    adds(page, server, "Twice")
    expect(problem).to_contain_text("This device has a passkey of this account already")
    assert len(device.kept()) == 1

    page.context.clear_cookies()
    device.verifies(False)
    page.goto(f"{server.url}login/passkey")
    expect(problem).to_contain_text("Try again")
    sound(page)
    shot(page, "passkey-alone")
    device.verifies(True)
    page.get_by_role("button", name="Use a passkey").press("Enter")
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_what_the_platform_refuses_is_said_and_can_be_tried_again(
    server: Server, device: Device, engine: Engine, olga: int
) -> None:
    page = device.page
    logged_in(page, server, engine, olga)
    adds(page, server)
    expect(page.locator(".codes li")).to_have_count(10)
    with engine.begin() as conn:
        conn.execute(update(accounts).values(disabled_ms=1))
    page.context.clear_cookies()
    page.goto(f"{server.url}login")
    page.get_by_role("link", name="Log in with a passkey").click()
    told = page.get_by_role("alert").filter(has_text="does not let you in")
    expect(told).to_be_visible()
    with engine.begin() as conn:
        conn.execute(update(accounts).values(disabled_ms=None))
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("button", name="Log out")).to_be_visible()


def test_two_devices_are_two_passkeys(
    server: Server, device: Device, engine: Engine, olga: int
) -> None:
    page = device.page
    logged_in(page, server, engine, olga)
    adds(page, server)
    expect(page.locator(".codes li")).to_have_count(10)
    device.unplug()
    device.plug(transport="usb")
    adds(page, server, "Key on my ring")
    expect(page.get_by_role("row", name="Key on my ring")).to_be_visible()
    expect(page.get_by_role("row", name="Telephone")).to_be_visible()


def test_at_another_address_it_leads_to_the_one_they_belong_to(
    server: Server, device: Device, engine: Engine, olga: int
) -> None:
    page = device.page
    other = server.url.replace("localhost", "127.0.0.1")
    page.goto(f"{other}login")
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.get_by_role("link", name="Log in with a passkey")).to_be_hidden()
    page.goto(f"{other}login/passkey")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    sound(page)
    link = page.get_by_role("link", name="Go to http://localhost")
    link.click()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    assert page.url == f"{server.url}login/passkey"


def test_without_script_the_password_is_all_there_is(
    browser: Browser, server: Server, olga: int
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{server.url}login/passkey")
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    expect(page.get_by_text("Passkeys need a browser that runs scripts")).to_be_visible()
    log_in(page, server)
    expect(page.get_by_role("button", name="Log out")).to_be_visible()
    context.close()


def test_a_platform_known_by_a_number_says_that_it_has_none(
    browser: Browser, unnamed: Server, engine: Engine, olga: int
) -> None:
    context = browser.new_context()
    page = context.new_page()
    log_in(page, unnamed)
    page.get_by_role("link", name="Olga Peeters").click()
    page.get_by_role("link", name="Add a passkey").click()
    expect(page.get_by_text("was not told its own")).to_be_visible()
    sound(page)
    context.close()
