"""Webhooks over the API: made, changed, tried, and what became of what they were sent."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select, update

from cloud.accounts.scopes import COMPANY_S, Scope
from cloud.accounts.tables import api_tokens
from cloud.api.tables import idempotency_keys
from cloud.audit.tables import audit
from cloud.webhooks import signing
from cloud.webhooks.events import Event
from cloud.webhooks.tables import webhook_deliveries, webhooks
from cloud.workers.vault import Vault
from tests.cloud.api.conftest import program
from tests.cloud.client import Client
from tests.cloud.sample import Sample

READS = frozenset({Scope.REGISTRATIONS_READ, Scope.WORKERS_READ, Scope.TERMINALS_READ})
NEW = {
    "name": "Payroll",
    "url": "https://example.be/hook?key=hidden",
    "events": ["worker.changed", "registration.created"],
    "scopes": ["workers:read"],
}


@pytest.fixture
def ours(reader: Engine, engine: Engine, sample: Sample, tmp_path: Path) -> Client:
    return program(reader, engine, sample.contractor, may=COMPANY_S | READS, directory=tmp_path)


def post(client: Client, path: str, body: Any = None, key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return client.request("POST", path, json=body, headers=headers)


def patch(client: Client, path: str, body: dict[str, Any]) -> httpx.Response:
    headers = {"if-match": client.get(path).headers["etag"]}
    return client.request("PATCH", path, json=body, headers=headers)


def test_a_webhook_s_life(ours: Client, engine: Engine, tmp_path: Path) -> None:
    made = post(ours, "/v1/webhooks", NEW)
    assert made.status_code == 201, made.text
    path, whole = made.headers["location"], made.json()
    secret = whole.pop("secret")
    assert ours.get(path).json() == whole
    assert ours.get("/v1/webhooks").json()["items"] == [whole]
    assert whole["why"] == ["Nothing that it is told of has happened yet; send it a test."]
    with engine.connect() as conn:
        row = conn.execute(select(webhooks)).one()
        (token,) = conn.execute(select(api_tokens.c.id)).scalars()
    assert row.token_id == token, "it ends with the token of the program that made it"
    assert signing.unsealed(Vault.open(tmp_path), row.id, row.sealed) == secret

    assert ours.request("PATCH", path, json={"name": "x"}).status_code == 428
    stale = {"if-match": made.headers["etag"]}
    changed = patch(ours, path, {"events": ["terminal.silent"], "scopes": []})
    assert (changed.json()["events"], changed.json()["scopes"]) == (["terminal.silent"], [])
    assert ours.request("PATCH", path, json={"name": "x"}, headers=stale).status_code == 412

    another = post(ours, f"{path}/secret").json()["secret"]
    assert another.startswith("whsec_")
    assert another != secret

    tried = post(ours, f"{path}/test")
    assert tried.status_code == 202
    assert (tried.json()["event"], tried.json()["state"]) == ("test", "waiting")
    again = f"{path}/deliveries/{tried.json()['id']}/again"
    with engine.begin() as conn:
        over = {"outcome": "taken", "status": 204, "tries": 1, "tried_ms": 5, "over_ms": 5}
        conn.execute(update(webhook_deliveries).values(**over))
    (listed,) = ours.get(f"{path}/deliveries", params={"state": "taken"}).json()["items"]
    assert (listed["outcome"], listed["status"], listed["due_at"]) == ("taken", 204, None)
    assert listed["message"] == tried.json()["message"]
    assert ours.get(f"{path}/deliveries", params={"state": "failing"}).json()["items"] == []
    assert post(ours, again).json()["state"] == "waiting"

    assert patch(ours, path, {"active": False}).json()["active"] is False
    assert post(ours, f"{path}/test").status_code == 409
    assert patch(ours, path, {"active": True}).json()["active"] is True
    assert ours.request("DELETE", path).status_code == 204
    assert ours.get(path).status_code == 404

    with engine.connect() as conn:
        lines = conn.execute(select(audit.c.tag, audit.c.detail).order_by(audit.c.id)).all()
    assert [line.tag for line in lines] == [
        f"api:webhook:{word}"
        for word in (
            "create", "change", "rotate", "test", "send-again", "deactivate", "activate", "delete",
        )
    ]  # fmt: skip
    noted = json.loads(lines[0].detail)
    assert (noted["host"], noted["scopes"]) == ("example.be", ["workers:read"])
    assert not any(word in str(lines) for word in (secret, another, "hidden"))


def test_deliveries_are_paged(ours: Client) -> None:
    path = post(ours, "/v1/webhooks", NEW).headers["location"]
    numbers = [post(ours, f"{path}/test").json()["id"] for _ in range(3)]
    first = ours.get(f"{path}/deliveries", params={"limit": 2}).json()
    rest = ours.get(f"{path}/deliveries", params={"limit": 2, "cursor": first["next"]}).json()
    assert [each["id"] for each in first["items"] + rest["items"]] == numbers[::-1]
    assert rest["next"] is None


@pytest.mark.parametrize("path", ["/v1/webhooks", "/v1/webhooks/1/secret"])
def test_a_secret_is_answered_again_under_its_key_and_kept_sealed(
    ours: Client, engine: Engine, path: str
) -> None:
    """Who lost the answer asks again; who reads the database learns nothing."""
    post(ours, "/v1/webhooks", NEW)
    body = NEW if path == "/v1/webhooks" else None
    first, again = (post(ours, path, body, "k1") for _ in range(2))
    assert first.json() == again.json()
    assert first.headers["etag"] == again.headers["etag"]
    secret = first.json()["secret"]
    with engine.connect() as conn:
        (kept,) = conn.execute(select(idempotency_keys)).all()
        everything = str(conn.execute(select(webhooks)).all()) + str(kept)
    assert kept.answer.startswith("sealed:")
    assert secret not in everything
    assert secret.removeprefix("whsec_") not in everything


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"url": "http://example.be/"}, "only https"),
        ({"url": "https://127.0.0.1/"}, "inside a network"),
        ({"events": []}, "at least one event"),
        ({"events": ["test"]}, "'test' is no event"),
        ({"events": ["worker.deleted"]}, "events.0"),
        ({"scopes": ["workers:write"]}, "no scope of a webhook"),
        ({"scopes": ["corrections:read"]}, "corrections:read is missing"),
        ({"name": "  "}, "is empty"),
        ({"secret": "mine"}, "secret"),
    ],
)
def test_what_cannot_be_meant(
    reader: Engine, engine: Engine, sample: Sample, tmp_path: Path, changed: Any, why: str
) -> None:
    may = READS | {Scope.WEBHOOKS_WRITE}
    client = program(reader, engine, sample.contractor, may=may, directory=tmp_path)
    refused = post(client, "/v1/webhooks", NEW | changed)
    assert refused.status_code == 422
    assert why in refused.json()["detail"]


def test_a_token_that_reads_less_does_not_lead_it_elsewhere(
    ours: Client, reader: Engine, engine: Engine, sample: Sample, tmp_path: Path
) -> None:
    path = post(ours, "/v1/webhooks", NEW).headers["location"]
    may = frozenset({Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE})
    less = program(reader, engine, sample.contractor, may=may, directory=tmp_path)
    bodies: list[dict[str, Any]] = [{"url": "https://evil.example/"}, {"scopes": []}]
    for body in bodies:
        refused = patch(less, path, body)
        assert (refused.status_code, "workers:read" in refused.text) == (422, True)
    assert post(less, f"{path}/secret").status_code == 422
    # It may stop it, and delete it.
    assert patch(less, path, {"active": False}).status_code == 200
    assert patch(less, path, {"active": True}).status_code == 422
    assert less.request("DELETE", path).status_code == 204


def test_without_a_key_for_secrets_none_is_made(
    reader: Engine, engine: Engine, sample: Sample
) -> None:
    client = program(reader, engine, sample.contractor)
    refused = post(client, "/v1/webhooks", NEW | {"scopes": []})
    assert (refused.status_code, "no key to keep a secret" in refused.text) == (422, True)


def test_the_description_has_every_event_with_its_body(ours: Client) -> None:
    described = ours.get("/v1/openapi.json").json()
    assert described["openapi"].startswith("3.1")
    assert set(described["webhooks"]) == set(Event)
    for name, methods in described["webhooks"].items():
        (method,) = methods
        body = methods[method]["requestBody"]["content"]["application/json"]["schema"]
        shape = described["components"]["schemas"][body["$ref"].rpartition("/")[2]]
        assert set(shape["required"]) == {"type", "id", "timestamp", "company", "url", "data"}
        headers = {each["name"] for each in methods[method]["parameters"]}
        assert headers == {"webhook-id", "webhook-timestamp", "webhook-signature"}, name
        assert methods[method]["description"]
