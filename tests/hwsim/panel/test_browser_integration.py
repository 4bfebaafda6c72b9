"""The panel as a person meets it: a real Chromium, and everything real behind it."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]
from playwright.sync_api import Browser, Page, Request, Route, expect, sync_playwright

from tests.support.ports import free_port
from tests.support.waiting import wait_for

LONG = 20_000
# It only ends a hopeless wait; it is no claim about speed.
expect.set_options(timeout=LONG)
pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

UNKNOWN = "\N{EN DASH}"
TIMES = "\N{MULTIPLICATION SIGN}"
_DEBOUNCE_S = 1.1
COMMAND = [str(Path(sys.executable).with_name("pointeuse")), "sim", "panel"]
READERS = {
    "turnstile": "Turnstile",
    "gate": "Gate",
    "canteen": "Canteen",
    "barrier": "Barrier",
    "counter": "Counter",
    "office": "Site office",
}
BY_CARD, BY_CODE = ("turnstile", "gate", "canteen", "barrier"), ("counter", "office")


class Panel:
    """`pointeuse sim panel` on a free port."""

    def __init__(self) -> None:
        port = free_port()
        self.process = subprocess.Popen(
            [*COMMAND, "--json", "--port", str(port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert self.process.stdout
        line = self.process.stdout.readline()
        assert line, self.process.communicate()
        self.url: str = json.loads(line)["url"]
        assert self.url == f"http://127.0.0.1:{port}/"

    def directory(self) -> str:
        """Where its files are."""
        with urllib.request.urlopen(f"{self.url}events", timeout=20) as events:  # noqa: S310
            state = json.loads(events.readline().removeprefix(b"data: "))
        gate = next(reader for reader in state["readers"] if reader["name"] == "gate")
        found = re.search(r"\S+/pointeuse-panel-[^/]+", gate["detail"])
        assert found
        return found[0]

    def end(self, how: signal.Signals) -> tuple[int, str]:
        """End it; its exit code, and what it said."""
        self.process.send_signal(how)
        _, err = self.process.communicate(timeout=30)
        return self.process.returncode, err


@pytest.fixture(scope="module")
def panel() -> Iterator[Panel]:
    panel = Panel()
    yield panel
    if panel.process.poll() is None:
        code, err = panel.end(signal.SIGTERM)
        assert code == 0, err


@pytest.fixture(scope="module")
def url(panel: Panel) -> str:
    return panel.url


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
def page(browser: Browser, url: str) -> Iterator[Page]:
    """The page; whatever the browser complains of, a stopped script too, is a failure."""
    complaints: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    all_ready(page)
    yield page
    page.close()
    assert complaints == []


class Taps:
    """When each badge was held last: what comes too soon after is the same presentation."""

    at: ClassVar[dict[str, float]] = {}


def anew(badge: str) -> None:
    """Wait until the badge counts as presented anew; one without a number always does."""
    due = Taps.at.get(badge, 0.0) + _DEBOUNCE_S
    if badge not in ("pulled", "random"):
        wait_for(lambda: time.monotonic() > due, "the badge counts as presented anew")


def hold(page: Page, badge: str, reader: str) -> None:
    """Hold a badge to a reader by two clicks, and wait until it is taken away again."""
    anew(badge)
    card = page.locator(f"[data-badge={badge}]")
    card.click()
    expect(card.locator("input")).to_be_checked()
    with page.expect_response("**/hold"):
        page.locator(f"[data-reader={reader}] .hold").click()
    Taps.at[badge] = time.monotonic()
    expect(page.locator(f"[data-reader={reader}]")).to_have_attribute("data-busy", "false")


def says(page: Page, colour: str, words: str, more: str = "") -> None:
    """The terminal's screen says so, in that colour."""
    expect(page.locator("#screen-says")).to_have_text(words)
    expect(page.locator("#screen-says")).to_have_attribute("data-colour", colour)
    expect(page.locator("#screen-more")).to_have_text(more)


def told(page: Page, words: str) -> None:
    """It is the newest of what happened."""
    expect(page.locator("#story li").first).to_contain_text(words)


def all_ready(page: Page) -> None:
    expect(page.locator(".reader-state[data-state=ready]")).to_have_count(len(READERS))


def switch(page: Page, name: str, *, on: bool) -> None:
    with page.expect_response("**/switch"):
        page.locator(f"[data-switch={name}]").click()
    expect(page.locator(f"[data-switch={name}]")).to_have_attribute("aria-checked", str(on).lower())
    if name == "power" and on:
        # They have come back after it.
        all_ready(page)


def delivered(page: Page) -> None:
    expect(page.locator("#queue")).to_have_text("0")


def newest(page: Page) -> int:
    """The number of the newest registration, once nothing is on its way."""
    delivered(page)
    rows = page.locator("#registrations li")
    return int(rows.first.get_attribute("data-id") or 0) if rows.count() else 0


def registered(page: Page, number: int) -> str:
    """What stands at a registration, once it is there."""
    row = page.locator(f'#registrations li[data-id="{number}"]')
    expect(row).to_be_visible(timeout=LONG)
    return re.sub(r"\s+", " ", row.inner_text())


def test_a_valid_badge_goes_the_whole_way(page: Page) -> None:
    before = newest(page)
    expect(page.locator("#lamp")).to_have_attribute("data-colour", "off")
    expect(page.locator("#clock")).to_have_text("synchronised")
    hold(page, "valid", "turnstile")
    expect(page.locator("#lamp")).to_have_attribute("data-last", "green")
    says(page, "green", "recorded")
    expect(page.locator("#screen-where")).to_have_text("Turnstile")
    tone = page.locator("[data-reader=turnstile] .reader-tone")
    expect(tone).to_have_text("♪ buzzer, 200 ms")
    row = registered(page, before + 1)
    for words in ("Noor Peeters", "…0017", "Toitures de la Meuse", "Kaai 12", "authenticated"):
        assert words in row
    delivered(page)
    expect(page.locator("#waiting")).to_be_hidden()


@pytest.mark.parametrize("fault", ["network", "broker"])
def test_green_without_a_platform_and_sent_later(page: Page, fault: str) -> None:
    before = newest(page)
    switch(page, fault, on=False)
    expect(page.locator("#uplink")).to_have_text("offline")
    hold(page, "metal", "gate")
    hold(page, "fob", "canteen")
    says(page, "green", "recorded, will be sent later")
    expect(page.locator("#lamp")).to_have_attribute("data-last", "green")
    queue = int(page.locator("#queue").inner_text())
    assert queue >= 2
    expect(page.locator("#waiting")).to_contain_text(
        re.compile(rf"{queue} records wait on the terminal \(uplink offline\), because: \S")
    )
    switch(page, fault, on=True)
    assert "Tomasz Kowalski" in registered(page, before + 1)
    assert "by UID" in registered(page, before + 2)
    delivered(page)
    expect(page.locator("#waiting")).to_be_hidden()


SAID = [
    ("expired", "green", "recorded", "badge expired: see the site office"),
    ("blocked", "green", "recorded", "badge blocked: see the site office"),
    ("forged", "green", "recorded", "badge not proved genuine: see the site office"),
    ("stranger", "green", "recorded", ""),
    ("random", "yellow", "not read: try again", ""),
    ("pulled", "yellow", "not read: try again", ""),
]
REMARKS = {
    "expired": "badge expired",
    "blocked": "blocked",
    "forged": "not authenticated",
    "stranger": "private company",
}


def test_each_badge_is_answered_as_the_agent_says(page: Page) -> None:
    before = newest(page)
    for badge, colour, words, more in SAID:
        hold(page, badge, "gate")
        says(page, colour, words, more)
        expect(page.locator("#lamp")).to_have_attribute("data-last", colour)
    for number, remark in enumerate(REMARKS.values(), before + 1):
        assert remark in registered(page, number)
    assert newest(page) == before + len(REMARKS)


def test_who_is_asked_says_try_again_when_a_badge_is_pulled_away(page: Page) -> None:
    before = newest(page)
    for reader in ("turnstile", "gate", "canteen"):
        hold(page, "pulled", reader)
        says(page, "yellow", "not read: try again")
        expect(page.locator("#screen-where")).to_have_text(READERS[reader])
    hold(page, "stranger", "gate")
    assert "Gate" in registered(page, before + 1)


def test_a_lamp_is_the_readers_own(page: Page) -> None:
    lamp = page.locator("[data-reader=canteen] .reader-lamp")
    hold(page, "random", "canteen")
    expect(lamp).to_have_attribute("data-last", "red")
    hold(page, "expired", "canteen")
    # A number is all it reads, so nothing is known to be wrong with the badge.
    expect(lamp).to_have_attribute("data-last", "green")
    expect(page.locator("[data-reader=canteen] .reader-tone")).to_have_text("♪ 2400 Hz, 120 ms")
    expect(lamp).to_have_attribute("data-colour", "off")
    expect(page.locator("[data-reader=gate] .reader-lamp")).to_have_class("reader-lamp none")


def test_an_osdp_reader_shows_what_it_was_sent(page: Page) -> None:
    before = newest(page)
    item = page.locator("[data-reader=barrier]")
    for badge, colour, words, tone in (
        ("fob", "green", "OK", "♪ buzzer, 100 ms"),
        ("random", "red", "TRY AGAIN", f"♪ buzzer, 3 {TIMES} 100 ms"),
        ("blocked", "amber", "BLOCKED", f"♪ buzzer, 2 {TIMES} 100 ms"),
    ):
        hold(page, badge, "barrier")
        expect(item.locator(".reader-lamp")).to_have_attribute("data-last", colour)
        expect(item.locator(".reader-text")).to_have_attribute("data-last", words)
        expect(item.locator(".reader-tone")).to_have_text(tone)
    says(page, "green", "recorded", "badge blocked: see the site office")
    expect(item.locator(".reader-text")).to_have_text("BLOCKED")
    assert "Tomasz Kowalski" in registered(page, before + 1)
    row = registered(page, before + 2)
    for words in ("Emma Claes", "Kaai 12, Barrier, in", "by UID", "blocked"):
        assert words in row
    expect(item.locator(".reader-lamp")).to_have_attribute("data-colour", "off")
    expect(item.locator(".reader-text")).to_have_text("")


def test_a_code_says_what_is_printed_and_no_more(page: Page) -> None:
    before = newest(page)
    hold(page, "forged", "counter")
    says(page, "green", "recorded")
    expect(page.locator("#screen-where")).to_have_text("Counter")
    hold(page, "pass", "office")
    says(page, "green", "recorded")
    hold(page, "blocked", "office")
    says(page, "green", "recorded", "badge blocked: see the site office")
    for number, words in enumerate(
        (
            ("Noor Peeters", "…0017", "Kaai 12, Counter", "printed"),
            ("Sofie Maes", "…0066", "Kaai 12, Site office, out", "printed"),
            ("Emma Claes", "blocked", "printed"),
        ),
        before + 1,
    ):
        row = registered(page, number)
        assert all(each in row for each in words), row


MISSED = [
    ("fob", "turnstile", "reads 13.56 MHz cards, and notices no 125 kHz tag"),
    ("pass", "gate", "reads chips, and there is none in it"),
    ("pass", "canteen", "reads chips, and there is none in it"),
    ("pulled", "barrier", "does not mention a badge that leaves before it was read"),
    ("random", "counter", "reads printed codes, and none is printed on it"),
    ("pulled", "office", "sends nothing for a code that leaves before it was read"),
]


def test_a_reader_says_why_it_notices_nothing(page: Page) -> None:
    before = newest(page)
    for badge, reader, why in MISSED:
        page.locator(f"[data-badge={badge}]").click()
        button = page.locator(f"[data-reader={reader}] .hold")
        expect(button).to_have_accessible_description(f"It {why}.")
        hold(page, badge, reader)
        told(page, f"at {READERS[reader]}: it {why}")
    page.locator("[data-badge=valid]").click()
    for reader in READERS:
        button = page.locator(f"[data-reader={reader}] .hold")
        expect(button).to_have_accessible_description("")
    assert newest(page) == before


def test_readers_are_unplugged_and_come_back(page: Page) -> None:
    before = newest(page)
    items = {reader: page.locator(f"[data-reader={reader}]") for reader in READERS}
    for reader, item in items.items():
        item.locator(".plug").click()
        told(page, f"{READERS[reader]} unplugged")
    for reader, item in items.items():
        expect(item.locator(".reader-state")).to_have_text(re.compile("absent|failed"))
        expect(item.locator(".reader-fault")).not_to_be_empty()
        hold(page, "valid", reader)
        told(page, f"at {READERS[reader]}: unplugged, nothing happens")
        item.locator(".plug").click()
    badges = ("blocked", "expired", "fob", "metal", "pass", "forged")
    for number, (reader, badge) in enumerate(zip(READERS, badges, strict=True), before + 1):
        expect(items[reader].locator(".reader-state")).to_have_text("ready")
        expect(items[reader].locator(".reader-fault")).to_be_empty()
        hold(page, badge, reader)
        assert READERS[reader] in registered(page, number)
    assert newest(page) == before + len(READERS)


def test_pressed_twice_at_once_is_pressed_once(page: Page) -> None:
    before = newest(page)
    for selector in ("[data-reader=gate] .plug", "[data-switch=broker]", "[data-switch=power]"):
        for wanted in ("false", "true"):
            page.locator(selector).dblclick()
            expect(page.locator(selector)).to_have_attribute("aria-checked", wanted)
    # Held twice at once, a badge is held once.
    expect(page.locator("#uplink")).to_have_text("online")
    expect(page.locator("[data-reader=gate] .reader-state")).to_have_text("ready")
    anew("metal")
    page.locator("[data-badge=metal]").click()
    page.locator("[data-reader=gate] .hold").dblclick()
    Taps.at["metal"] = time.monotonic()
    assert "Tomasz Kowalski" in registered(page, before + 1)
    assert newest(page) == before + 1


def test_a_power_cut_loses_nothing(page: Page) -> None:
    before = newest(page)
    switch(page, "network", on=False)
    expect(page.locator("#uplink")).to_have_text("offline")
    hold(page, "valid", "gate")
    hold(page, "metal", "gate")
    hold(page, "stranger", "turnstile")
    switch(page, "power", on=False)
    expect(page.locator("#lamp")).to_have_attribute("data-colour", "off")
    expect(page.locator("#screen-says")).to_have_text("")
    expect(page.locator("#queue")).to_have_text(UNKNOWN)
    # What is held to a reader without power is no tap later either.
    for reader, badge in zip(
        READERS, ("valid", "metal", "fob", "valid", "pass", "metal"), strict=True
    ):
        hold(page, badge, reader)
        told(page, f"at {READERS[reader]}: dark, nothing happens")
    expect(page.locator("#waiting")).to_contain_text("no power")
    switch(page, "power", on=True)
    expect(page.locator("#queue")).not_to_have_text(UNKNOWN)
    assert int(page.locator("#queue").inner_text()) >= 3
    switch(page, "network", on=True)
    expect(page.locator("#story")).to_contain_text("All that waited was delivered: ")
    found = [registered(page, before + number) for number in (1, 2, 3)]
    for row, name in zip(found, ("Noor Peeters", "Tomasz Kowalski", "Unknown"), strict=True):
        assert name in row
    assert newest(page) == before + 3


def test_a_clock_that_was_never_set_is_corrected(page: Page) -> None:
    before = newest(page)
    page.locator("[data-how=unset]").click()
    expect(page.locator("#clock")).to_have_text("unset")
    expect(page.locator("#screen-clock")).to_contain_text("1970")
    hold(page, "valid", "turnstile")
    says(page, "green", "recorded")
    page.locator("[data-how=right]").click()
    expect(page.locator("#clock")).to_have_text("synchronised")
    registered(page, before + 1)
    row = page.locator(f'#registrations li[data-id="{before + 1}"]')
    expect(row).to_contain_text("(corrected)")


def test_by_keyboard_alone(page: Page) -> None:
    before = newest(page)

    def reach(selector: str) -> None:
        for _ in range(40):
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"no key leads to {selector}")

    reach(".skip")
    page.keyboard.press("Enter")
    reach(".card input")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.value") == "metal"
    anew("metal")
    reach("[data-reader=gate] .hold")
    page.keyboard.press("Enter")
    Taps.at["metal"] = time.monotonic()
    assert "Tomasz Kowalski" in registered(page, before + 1)
    reach("#sound")
    page.keyboard.press("Space")
    expect(page.locator("#sound")).to_have_attribute("aria-checked", "true")
    reach("[data-reader=gate] .plug")
    for wanted in ("false", "true"):
        page.keyboard.press("Space")
        expect(page.locator("[data-reader=gate] .plug")).to_have_attribute("aria-checked", wanted)
    expect(page.locator("[data-reader=gate] .reader-state")).to_have_text("ready")


def test_numbers_hold_while_the_hand_has_the_focus(page: Page) -> None:
    before = newest(page)
    page.locator("[data-badge=stranger]").click()
    anew("stranger")
    for key in ("Control+5", "7", "5"):
        page.keyboard.press(key)
    Taps.at["stranger"] = time.monotonic()
    assert "Kaai 12, Counter" in registered(page, before + 1)
    page.locator("#sound").focus()
    page.keyboard.press("5")
    assert newest(page) == before + 1


def test_everything_that_can_be_worked_has_a_name(page: Page) -> None:
    for found in (
        page.get_by_role("button", name="Hold Valid, Noor Peeters to Gate", exact=True),
        page.get_by_role("switch", name="Site office plugged in", exact=True),
        page.get_by_role("switch", name="Network", exact=True),
        page.get_by_role("radio", name=re.compile("^Expired Luc Fontaine")),
        page.get_by_role("log", name="What happened"),
        page.get_by_role("list", name="Readers"),
    ):
        expect(found).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Page, scheme: Literal["light", "dark"]) -> None:
    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    # With something to look at everywhere.
    hold(page, "expired", "gate")
    hold(page, "fob", "counter")
    page.locator("[data-reader=canteen] .plug").click()
    fault = page.locator("[data-reader=canteen] .reader-fault")
    expect(fault).not_to_be_empty()
    for width in (360, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        found = Axe().run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
    page.locator("[data-reader=canteen] .plug").click()
    expect(page.locator("[data-reader=canteen] .reader-state")).to_have_text("ready")


def test_many_browsers_see_the_same(browser: Browser, page: Page, url: str) -> None:
    others = [browser.new_page() for _ in range(4)]
    for other in others:
        other.goto(url)
        expect(other.locator("#screen-says")).to_have_text("Hold your badge")
    before = newest(page)
    hold(page, "blocked", "turnstile")
    for other in others:
        says(other, "green", "recorded", "badge blocked: see the site office")
        told(other, "Blocked (Emma Claes) at Turnstile: recorded")
        assert "Emma Claes" in registered(other, before + 1)
    # Whoever comes later finds what happened, and a terminal that waits.
    others[0].reload()
    told(others[0], "Blocked (Emma Claes) at Turnstile: recorded")
    expect(others[0].locator("#screen-says")).to_have_text("Hold your badge")
    for other in others:
        other.close()


def test_an_agent_that_is_killed_while_a_card_lies_there(page: Page, panel: Panel) -> None:
    before = newest(page)
    (agent,) = [pid for pid, what in of(panel.directory()).items() if "agent run" in what]
    anew("valid")
    page.locator("[data-badge=valid]").click()
    os.kill(agent, signal.SIGSTOP)
    page.locator("[data-reader=turnstile] .hold").click()
    expect(page.locator("[data-reader=turnstile]")).to_have_attribute("data-busy", "true")
    os.kill(agent, signal.SIGKILL)
    expect(page.locator("#waiting")).to_contain_text("The agent has ended")
    told(page, "dark, nothing happens")
    for on in (False, True):
        switch(page, "power", on=on)
    hold(page, "valid", "turnstile")
    says(page, "green", "recorded")
    assert "Noor Peeters" in registered(page, before + 1)
    assert newest(page) == before + 1
    expect(page.locator("#waiting")).to_be_hidden()


def test_a_badge_is_dragged_to_a_reader(page: Page) -> None:
    before = newest(page)
    anew("stranger")
    page.drag_and_drop("[data-badge=stranger]", "[data-reader=canteen]")
    row = registered(page, before + 1)
    assert "Canteen" in row
    assert "by UID" in row
    Taps.at["stranger"] = time.monotonic()


def test_the_platforms_own_page_lets_in_who_is_named(page: Page) -> None:
    before = newest(page)
    hold(page, "valid", "gate")
    registered(page, before + 1)
    with page.expect_popup() as opened:
        page.locator("#console").click()
    console = opened.value
    console.locator("input[type=email]").fill(page.locator("#account").inner_text())
    password = console.locator("input[type=password]")
    password.fill(page.locator("#password").inner_text())
    password.press("Enter")
    expect(console.locator("tbody")).to_contain_text("Noor Peeters")
    console.close()
    row = page.locator("#registrations li").first
    badge = row.locator(".number").inner_text()
    with page.expect_popup() as opened:
        row.locator("a").click()
    expect(opened.value.locator("main")).to_contain_text(badge)
    expect(opened.value).to_have_url(re.compile(f"/registrations/{row.get_attribute('data-id')}$"))
    opened.value.close()


def test_another_site_in_the_same_browser_moves_nothing(
    browser: Browser, page: Page, url: str
) -> None:
    hostile = browser.new_page()
    refused: list[int] = []

    def answered(request: Request) -> None:
        response = request.response()
        if response is not None and request.method == "POST":
            refused.append(response.status)

    def serve(route: Route) -> None:
        route.fulfill(content_type="text/html", body="<h1>Win a phone</h1>")

    hostile.on("requestfinished", answered)
    hostile.route("http://localhost:1/", serve)
    hostile.goto("http://localhost:1/")
    for kind, mode in (("text/plain", "no-cors"), ("application/json", "cors")):
        hostile.evaluate(
            """([url, kind, mode]) => fetch(url + "switch", {
                method: "POST", mode, headers: { "content-type": kind },
                body: JSON.stringify({ name: "power", on: false }),
            }).catch(() => null)""",
            [url, kind, mode],
        )
    hostile.close()
    assert set(refused) <= {403}
    expect(page.locator("[data-switch=power]")).to_have_attribute("aria-checked", "true")
    hold(page, "stranger", "gate")
    says(page, "green", "recorded")


def test_nothing_is_cut_off(page: Page) -> None:
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        for width in (360, 700, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert page.evaluate(CUT) == []


CUT = """
[...document.querySelectorAll(".card, .reader, .switches li, .choices button")]
    .filter((e) => e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1)
    .map((e) => e.textContent)
"""


def test_a_port_in_use_is_one_line_and_exit_code_2(url: str) -> None:
    port = url.rsplit(":", 1)[1].strip("/")
    done = subprocess.run(
        [*COMMAND, "--port", port],
        capture_output=True, text=True, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "choose another --port" in done.stderr


def test_ctrl_c_leaves_nothing_behind(panel: Panel) -> None:
    directory = panel.directory()
    commands = " ".join(of(directory).values())
    for each in ("mosquitto", "pcscd", "agent run", "hwsim.readers.peripheral", "ingest", "serve"):
        assert each in commands
    # While a page is open.
    with urllib.request.urlopen(f"{panel.url}events", timeout=20) as events:  # noqa: S310 - loopback
        assert events.readline()
        code, err = panel.end(signal.SIGINT)
    assert code == 0, err
    assert "Traceback" not in err
    assert not Path(directory).exists()
    assert of(directory) == {}


def of(directory: str) -> dict[int, str]:
    """The commands of processes that run on files in `directory`, by number."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if directory in command:
                found[int(entry.name)] = command
    return found
