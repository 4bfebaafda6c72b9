"""The page of a terminal in a real Chromium: charts, tables, and the forms of an administrator."""

import json
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from playwright.sync_api import Browser, Page, expect
from sqlalchemy import Engine, insert, update

from cloud.accounts import access
from cloud.accounts import service as accounts
from cloud.custody import gaps
from cloud.custody.gaps import Hole
from cloud.custody.tables import records
from cloud.notifications.evaluator import evaluate
from cloud.registrations.tables import registrations
from cloud.terminals.tables import terminals
from cloud.terminals.telemetry import SLOT_MS, History
from cloud.times import now_ms
from protocol.identity import device_number, group
from protocol.keys import SigningKey
from provisioning.enrolment import make_request
from tests.cloud.console import test_browser_integration as real
from tests.cloud.console.looking import WIDTHS, shot, sound
from tests.cloud.console.test_browser_integration import PASSWORD, Server, log_in
from tests.cloud.sample import Sample

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

browser, server, backend = real.browser, real.server, real.backend
TOLD = {
    "queue": 4, "receipt_ms": 41, "uptime_s": 900, "version": "1.0",
    "clock": {"sync": "synchronised", "bound_ms": 12, "wall_ms": 0},
    "unreadable": {"in": {"checksum": 3, "pulled-away": 5}},
    "readers": {
        "in": {"state": "ready", "detail": "PN532 on /dev/ttyS0"},
        "out": {"state": "absent", "detail": "plug in the reader"},
    },
    "certificate": {"not_before_ms": 1_780_000_000_000, "not_after_ms": 1_900_000_000_000},
    "alarms": {"disk": "the disk is 91 % full"},
}  # fmt: skip


@pytest.fixture
def sample(engine: Engine) -> Sample:
    """A terminal with a week of taps and a day of telling, and its administrator."""
    now = now_ms()
    with engine.begin() as conn:
        sample = Sample(conn)
        ann = accounts.create(conn, "ann@example.be", "Ann Maes")
        accounts.set_password(conn, ann, PASSWORD)
        access.put_membership(conn, ann, sample.contractor, "administrator")
        history = History()
        for slot in range(288):
            at_ms = now - slot * SLOT_MS
            if 60 < slot < 90:
                continue  # it was away
            clock = {"sync": "set", "wall_ms": at_ms + slot % 40 - 20}
            said = TOLD | {"queue": max(0, 140 - slot) // 3, "receipt_ms": 30 + slot % 50}
            history.note(conn, sample.terminals[0], said | {"clock": clock}, at_ms)
        rows = [
            {
                "epoch_id": sample.epochs[0], "seq": 1000 + number,
                "terminal_id": sample.terminals[0], "badge_id": sample.badge, "assurance": 2,
                "worker_id": sample.worker, "employer_id": sample.subcontractor,
                "company_id": sample.contractor, "division_id": sample.division,
                "site_id": sample.sites[0], "direction": "in",
                "tapped_ms": now - (number * number * 60_000) % (6 * 86_400_000),
                "received_ms": now,
            }
            for number in range(1, 400)
        ]  # fmt: skip
        conn.execute(insert(registrations), rows)
        gaps.note(conn, sample.terminals[0], sample.epochs[0], Hole(4, 6, bytes(32)))
        after = {"epoch_id": sample.epochs[0], "seq": 7, "body": b"", "link": bytes(32)}
        conn.execute(insert(records).values(after | {"received_ms": now}))
        values = {
            "last_seen_ms": now,
            "last_status": json.dumps({"status": {"state": "online"}, "telemetry": TOLD}),
        }
        here = terminals.c.id == sample.terminals[0]
        conn.execute(update(terminals).where(here).values(**values))
        evaluate(conn, now)
        return sample


@pytest.fixture(params=["light", "dark"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    page = browser.new_page(
        viewport={"width": WIDTHS[1], "height": 900},
        color_scheme="dark" if request.param == "dark" else "light",
    )
    yield page
    page.close()


def test_a_terminal_is_looked_at_moved_and_renamed(
    server: Server, page: Page, sample: Sample, request: pytest.FixtureRequest
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    name = request.node.callspec.params["page"]
    log_in(page, server, "ann@example.be")
    page.goto(server.url + "terminals")
    expect(page.locator("tbody tr")).to_have_count(2)
    shot(page, f"terminals-{name}")
    sound(page)
    page.get_by_role("link", name=group(sample.devices[0])).click()
    expect(page.locator("#charts[data-drawn] canvas")).to_have_count(3)
    for canvas in page.locator("#charts canvas").all():
        # More than the axes was drawn: pixels of colours that no axis has.
        drawn = canvas.evaluate(
            """canvas => {
              const context = canvas.getContext("2d");
              const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
              let coloured = 0;
              for (let i = 0; i < pixels.length; i += 4) {
                const [red, green, blue, there] = pixels.slice(i, i + 4);
                const spread = Math.max(red, green, blue) - Math.min(red, green, blue);
                if (there > 200 && spread > 60) coloured++;
              }
              return coloured;
            }"""
        )
        assert drawn > 100
    shot(page, f"terminal-{name}")
    page.get_by_text("The same as a table").click()
    expect(page.get_by_role("table", name="By the day")).to_be_visible()
    expect(page.get_by_role("table", name="Gaps")).to_contain_text("6")
    sound(page)
    shot(page, f"terminal-wide-{name}")
    page.set_viewport_size({"width": WIDTHS[0], "height": 800})
    shot(page, f"terminal-narrow-{name}")
    page.get_by_label("Name", exact=True).fill("North gate")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("North gate")
    page.get_by_label("Site", exact=True).select_option("Dock")
    page.get_by_role("button", name="Assign").click()
    expect(page.get_by_role("table", name="Where it stands and stood")).to_contain_text("before")
    page.goto(server.url + "terminals/new")
    sound(page)
    key = SigningKey.generate()
    page.get_by_label("Device number").fill(device_number(key.public.thumbprint).lower())
    request_file = make_request(key, ec.generate_private_key(ec.SECP256R1()))
    page.get_by_label("Certificate request").set_input_files(
        {"name": "gate.request", "mimeType": "application/cbor", "buffer": request_file}
    )
    page.get_by_label("Site", exact=True).select_option("Quai")
    page.get_by_role("button", name="Add the terminal").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(
        device_number(key.public.thumbprint)
    )
    expect(page.locator("#charts[data-drawn] canvas")).to_have_count(3)
    page.get_by_role("link", name="Notifications").click()
    expect(page.locator(".told li")).to_contain_text(["Records of a terminal are missing"])
    sound(page)
    shot(page, f"notifications-{name}")
    page.get_by_role("button", name="Mark as read").click()
    expect(page.locator(".pages .count")).to_have_count(0)
    page.get_by_label("A terminal is silent").check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("A terminal is silent")).to_be_checked()
    assert complaints == []


def test_without_script_the_tables_tell_it(
    server: Server, browser: Browser, sample: Sample
) -> None:
    page = browser.new_page(java_script_enabled=False)
    log_in(page, server, "ann@example.be")
    page.goto(server.url + f"terminals/{sample.devices[0]}?days=1")
    expect(page.locator("#charts")).to_be_hidden()
    expect(page.get_by_role("table", name="By the hour")).to_be_visible()
    page.close()
