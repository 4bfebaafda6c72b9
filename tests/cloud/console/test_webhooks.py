"""Webhooks on the console: made with a secret shown once, looked at, tried again, ended."""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from cloud.audit.tables import audit
from cloud.webhooks import queries, signing
from cloud.webhooks.tables import webhook_deliveries, webhooks
from cloud.workers.vault import Vault
from tests.cloud.client import Client
from tests.cloud.console.company import Company, hidden

FORM = {
    "name": "Payroll",
    "url": "https://example.be/hook?key=hidden",
    "event": ["worker.changed", "terminal.silent"],
    "scope": ["workers:read"],
}


@pytest.fixture
def browser(company: Company, reader: Engine, tmp_path: Path) -> Client:
    """An administrator's."""
    (tmp_path / "keys").mkdir()
    return company.browser(reader, "administrator", directory=tmp_path)


def secret_of(page: str) -> str:
    found = hidden(page, "secret")
    assert found.startswith("whsec_")
    return found


def kept(company: Company) -> Any:
    with company.engine.connect() as conn:
        return conn.execute(select(webhooks)).one()


def test_a_secret_is_shown_once_and_kept_sealed(
    company: Company, browser: Client, tmp_path: Path
) -> None:
    made = browser.post("/webhooks/new", **FORM)
    assert made.status_code == 200, made.text
    assert made.headers["cache-control"] == "no-store"
    secret, row = secret_of(made.text), kept(company)
    assert signing.unsealed(Vault.open(tmp_path), row.id, row.sealed) == secret
    for path in ("/webhooks", f"/webhooks/{row.id}", "/trail", "/webhooks/new"):
        page = browser.get(path)
        assert page.status_code == 200
        assert secret not in page.text
    rotated = secret_of(browser.post(f"/webhooks/{row.id}/secret").text)
    assert rotated != secret
    now = kept(company)
    assert signing.unsealed(Vault.open(tmp_path), row.id, now.sealed) == rotated
    assert signing.unsealed(Vault.open(tmp_path), row.id, now.sealed_before) == secret


def test_it_is_changed_and_who_comes_second_is_told(company: Company, browser: Client) -> None:
    browser.post("/webhooks/new", **FORM)
    number = kept(company).id
    path = f"/webhooks/{number}"
    page = browser.get(path).text
    assert page.count(" checked") == 3
    was = hidden(page)
    changed = browser.post(path, **FORM | {"name": "Planning", "scope": [], "was": was})
    assert changed.status_code == 303
    with company.engine.connect() as conn:
        row = queries.one(conn, number)
    assert (row["name"], row["scopes"]) == ("Planning", "")
    assert row["events"] == ["terminal.silent", "worker.changed"]
    late = browser.post(path, **FORM | {"name": "Other", "was": was})
    assert late.status_code == 409
    assert "“Payroll” and is “Planning” now" in unescape(late.text)
    assert kept(company).name == "Planning"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"url": "http://example.be/"}, "only https"),
        ({"url": "https://10.0.0.1/"}, "inside a network"),
        ({"event": []}, "at least one event"),
        ({"event": ["nonsense"]}, "is no event"),
        ({"scope": ["workers:write"]}, "no scope of a webhook"),
        ({"name": " "}, "is empty"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    company: Company, browser: Client, wrong: dict[str, Any], why: str
) -> None:
    refused = browser.post("/webhooks/new", **FORM | wrong)
    assert refused.status_code == 422
    assert why in unescape(refused.text)
    assert ("Payroll" in refused.text) == ("name" not in wrong)
    with company.engine.connect() as conn:
        assert conn.execute(select(webhooks)).all() == []


def test_it_is_tried_looked_at_and_sent_again(company: Company, browser: Client) -> None:
    browser.post("/webhooks/new", **FORM)
    path = f"/webhooks/{kept(company).id}"
    assert "send it a test" in browser.get(path).text
    assert browser.post(f"{path}/test").status_code == 303
    with company.engine.begin() as conn:
        delivery = conn.execute(select(webhook_deliveries)).one()
        body = json.dumps({"type": "test", "company": "BE0403019261"})
        conn.execute(
            update(webhook_deliveries).values(
                outcome="refused", status=500, answer="<b>oops", tries=10, tried_ms=5, over_ms=5,
                body=body,
            )
        )  # fmt: skip
    page = browser.get(path).text
    assert "given up" in page
    assert "the server did not answer with 2xx (500)" in page
    assert f"deliveries/{delivery.id}" not in browser.get(f"{path}?state=taken").text
    assert f"deliveries/{delivery.id}" in browser.get(f"{path}?state=given-up").text
    whole = browser.get(f"{path}/deliveries/{delivery.id}").text
    assert "BE0403019261" in whole
    assert "&lt;b&gt;oops" in whole
    assert delivery.message in whole
    assert browser.post(f"{path}/deliveries/{delivery.id}/again").status_code == 303
    with company.engine.connect() as conn:
        assert conn.execute(select(webhook_deliveries.c.over_ms)).scalar_one() is None
    assert company.trail() == [
        (f"console:webhook:{word}", kept(company).id)
        for word in ("create", "test", "look", "send-again")
    ]


def test_deliveries_are_paged(company: Company, browser: Client) -> None:
    browser.post("/webhooks/new", **FORM)
    path = f"/webhooks/{kept(company).id}"
    for _ in range(51):
        browser.post(f"{path}/test")
    first = browser.get(path).text
    assert first.count('id="delivery-') == 50
    found = re.search(r'rel="next" href="([^"]*)"', first)
    assert found
    assert browser.get(unescape(found[1])).text.count('id="delivery-') == 1


def test_it_is_stopped_and_goes_on_and_is_deleted(company: Company, browser: Client) -> None:
    browser.post("/webhooks/new", **FORM)
    number = kept(company).id
    path = f"/webhooks/{number}"
    browser.post(f"{path}/test")
    assert browser.post(f"{path}/active", active="no").status_code == 303
    assert not kept(company).active
    page = browser.get(path).text
    assert "It was deactivated at" in page
    assert "Send a test" not in page
    refused = browser.post(f"{path}/test")
    assert (refused.status_code, "activate it first" in refused.text) == (422, True)
    assert browser.post(f"{path}/active", active="yes").status_code == 303
    assert browser.post(f"{path}/delete").headers["location"] == "/webhooks"
    with company.engine.connect() as conn:
        assert conn.execute(select(webhooks)).all() == []
        assert conn.execute(select(webhook_deliveries)).all() == []
        details = str(conn.execute(select(audit.c.detail)).all())
    assert "hidden" not in details
    assert "example.be" in details


def test_without_a_key_for_secrets_it_says_so(company: Company, reader: Engine) -> None:
    browser = company.browser(reader, "administrator")
    refused = browser.post("/webhooks/new", **FORM)
    assert (refused.status_code, "no key to keep a secret" in refused.text) == (422, True)


def test_its_page_is_in_the_navigation_of_administrators_alone(
    company: Company, browser: Client, reader: Engine
) -> None:
    assert 'href="/webhooks"' in browser.get("/").text
    for name in ("auditor", "manager", "viewer", "external", "operator"):
        assert 'href="/webhooks"' not in company.browser(reader, name).get("/").text
