"""Tokens on the console: made and shown once, used, ended, revoked with the webhooks they made."""

import json
from html import unescape
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine, insert, select, update

from cloud.accounts import api_tokens as api_tokens_service
from cloud.accounts.tables import api_tokens
from cloud.api.app import create_app
from cloud.audit.tables import audit
from cloud.cli import cloud
from cloud.times import now_ms
from cloud.webhooks.tables import webhooks
from tests.cloud.client import Client
from tests.cloud.console.company import Company, hidden

FORM = {"name": "Payroll", "scope": ["registrations:read", "workers:read"]}


@pytest.fixture
def browser(company: Company, reader: Engine) -> Client:
    """An administrator's."""
    return company.browser(reader, "administrator")


def kept(company: Company) -> Any:
    with company.engine.connect() as conn:
        return conn.execute(select(api_tokens)).one()


def asks(company: Company, reader: Engine, secret: str, path: str = "/v1/registrations") -> int:
    """What a program with the token is answered."""
    app = create_app(reader, company.engine)
    status = Client(app, {"authorization": f"Bearer {secret}"}).get(path).status_code
    return int(status)


def test_it_is_shown_once_and_may_what_was_chosen(
    company: Company, browser: Client, reader: Engine
) -> None:
    made = browser.post("/tokens/new", **FORM)
    assert (made.status_code, made.headers["cache-control"]) == (200, "no-store")
    secret, row = hidden(made.text, "secret"), kept(company)
    assert (row.company_id, row.whole_badges, row.expires_ms) == (company.ours, False, None)
    assert asks(company, reader, secret) == 200
    assert asks(company, reader, secret, "/v1/workers") == 200
    assert asks(company, reader, secret, "/v1/exports") == 403
    for path in ("/tokens", "/tokens/new", f"/tokens/{row.id}", "/trail"):
        page = browser.get(path)
        assert page.status_code == 200, path
        assert secret not in page.text
    assert "Payroll" in browser.get("/tokens").text
    with company.engine.connect() as conn:
        noted = conn.execute(select(audit).where(audit.c.tag == "console:token:create")).one()
    assert (noted.company_id, noted.target_id) == (company.ours, row.id)
    assert secret not in noted.detail


def test_whole_badges_and_a_last_day_are_what_the_form_says(
    company: Company, browser: Client, reader: Engine
) -> None:
    form = FORM | {"whole_badges": "yes", "last_day": "2099-12-31"}
    secret = hidden(browser.post("/tokens/new", **form).text, "secret")
    row = kept(company)
    assert row.whole_badges
    assert row.expires_ms == 4_102_441_200_000, "the first moment of 2100 in Brussels"
    assert "2100-01-01" in browser.get("/tokens").text
    assert "badge numbers whole" in browser.get("/tokens").text
    assert asks(company, reader, secret) == 200
    with company.engine.begin() as conn:
        conn.execute(update(api_tokens).values(expires_ms=now_ms() - 1))
    assert asks(company, reader, secret) == 401
    assert "ended" in browser.get("/tokens").text


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"name": " "}, "is empty"),
        ({"scope": []}, "at least one scope"),
        ({"scope": ["nonsense"]}, "is no scope"),
        ({"scope": ["custody:read"]}, "only the operator's token"),
        ({"last_day": "2001-01-01"}, "This day is over"),
        ({"last_day": "tomorrow"}, "is no day"),
    ],
)
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    company: Company, browser: Client, wrong: dict[str, Any], why: str
) -> None:
    refused = browser.post("/tokens/new", **FORM | wrong)
    assert refused.status_code == 422
    assert why in unescape(refused.text)
    assert ('value="Payroll"' in refused.text) == ("name" not in wrong)
    assert refused.text.count(" checked") == (0 if "scope" in wrong else 2)
    with company.engine.connect() as conn:
        assert conn.execute(select(api_tokens)).all() == []


def test_a_company_has_so_many_in_use_at_most(
    company: Company, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_tokens_service, "MOST", 1)
    browser.post("/tokens/new", **FORM)
    full = browser.post("/tokens/new", **FORM)
    assert full.status_code == 422
    assert "1 tokens in use already" in full.text
    browser.post(f"/tokens/{kept(company).id}/revoke")
    assert browser.post("/tokens/new", **FORM).status_code == 200


def webhook_of(company: Company, token: int | None, name: str) -> int:
    with company.engine.begin() as conn:
        made = insert(webhooks).values(
            company_id=company.ours, name=name, url="https://example.be/", scopes="workers:read",
            sealed=b"", seen_registration=0, seen_change=0, created_ms=0, token_id=token,
        )  # fmt: skip
        return int(conn.execute(made.returning(webhooks.c.id)).scalar_one())


def test_with_a_revoked_token_end_the_webhooks_that_answer_to_it(
    company: Company, browser: Client, reader: Engine
) -> None:
    secret = hidden(browser.post("/tokens/new", **FORM).text, "secret")
    number = kept(company).id
    theirs, ours = webhook_of(company, number, "Planning"), webhook_of(company, None, "Ours")
    page = browser.get(f"/tokens/{number}").text
    assert "Planning" in page
    assert "Ours" not in page
    assert "activate it again afterwards" in page
    assert browser.post(f"/tokens/{number}/revoke").headers["location"] == "/tokens"
    assert asks(company, reader, secret) == 401
    assert browser.post(f"/tokens/{number}/revoke").status_code == 404
    with company.engine.connect() as conn:
        found = {row.id: row for row in conn.execute(select(webhooks))}
        noted = conn.execute(select(audit).where(audit.c.tag == "console:token:revoke")).one()
    assert (found[theirs].active, found[theirs].ended) == (False, "token")
    assert found[ours].active
    assert json.loads(noted.detail) == {"webhooks": [theirs]}
    assert "revoked or ran out" in browser.get(f"/webhooks/{theirs}").text
    assert "Revoke it" not in browser.get(f"/tokens/{number}").text
    # Whoever activates it answers for it from then on.
    assert browser.post(f"/webhooks/{theirs}/active", active="yes").status_code == 303
    with company.engine.connect() as conn:
        row = conn.execute(select(webhooks).where(webhooks.c.id == theirs)).one()
    assert (row.active, row.token_id) == (True, None)


def test_the_command_ends_them_as_well_and_lists_when_tokens_end(
    company: Company, browser: Client, database_url: str
) -> None:
    runner = CliRunner()
    made = runner.invoke(
        cloud,
        ["token", "add", "--name", "erp", "--company", "BE0403019261", "--until", "2099-01-01",
         "--json", "--db", database_url],
    )  # fmt: skip
    assert made.exit_code == 0, made.output
    number = kept(company).id
    webhook = webhook_of(company, number, "Planning")
    listed = runner.invoke(cloud, ["token", "list", "--json", "--db", database_url])
    assert json.loads(listed.output)[0]["expires_at"] == "2099-01-01T00:00:00.000+01:00"
    revoked = runner.invoke(cloud, ["token", "revoke", str(number), "--db", database_url])
    assert revoked.exit_code == 0, revoked.output
    with company.engine.connect() as conn:
        assert conn.execute(select(webhooks.c.ended)).scalars().all() == ["token"], webhook
    assert "revoked" in browser.get("/tokens").text


def test_only_administrators_find_it(company: Company, reader: Engine, browser: Client) -> None:
    assert 'href="/tokens"' in browser.get("/").text
    for name in ("auditor", "manager", "viewer", "operator"):
        assert 'href="/tokens"' not in company.browser(reader, name).get("/").text
