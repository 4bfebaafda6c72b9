"""Changing things: at most once, and never over what somebody else has changed."""

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, func, select, update

from cloud.accounts import api_tokens
from cloud.accounts.scopes import COMPANY_S
from cloud.api import tables, writing
from cloud.api.app import create_app
from cloud.api.tables import idempotency_keys
from cloud.audit.tables import audit
from cloud.times import now_ms
from cloud.workers.tables import workers
from tests.cloud.api.conftest import program
from tests.cloud.client import Client
from tests.cloud.sample import Sample

BO = {"number": "9", "given_name": "Bo", "family_name": "Bos"}


@pytest.fixture
def ours(reader: Engine, engine: Engine, sample: Sample) -> Client:
    return program(reader, engine, sample.subcontractor)


def post(client: Client, path: str, body: dict[str, Any], key: str | None = None) -> httpx.Response:
    headers = {} if key is None else {"idempotency-key": key}
    return client.request("POST", path, json=body, headers=headers)


def patch(client: Client, path: str, body: dict[str, Any], tag: str | None) -> httpx.Response:
    headers = {} if tag is None else {"if-match": tag}
    return client.request("PATCH", path, json=body, headers=headers)


class TestKeys:
    def test_what_is_sent_again_is_answered_again_and_not_done(
        self, ours: Client, engine: Engine
    ) -> None:
        first, again = (post(ours, "/v1/workers", BO, "k1") for _ in range(2))
        assert first.status_code == again.status_code == 201
        assert first.json() == again.json()
        for name in ("etag", "location"):
            assert first.headers[name] == again.headers[name]
        assert post(ours, "/v1/workers", BO).status_code == 409
        with engine.connect() as conn:
            query = select(func.count()).select_from(workers).where(workers.c.number == "9")
            assert conn.execute(query).scalar() == 1

    def test_another_request_under_the_same_key_is_refused(self, ours: Client) -> None:
        assert post(ours, "/v1/workers", BO, "k1").status_code == 201
        for path, body in (
            ("/v1/workers", BO | {"number": "10"}),
            ("/v1/divisions", {"name": "x"}),
        ):
            refused = post(ours, path, body, "k1")
            assert refused.status_code == 422
            assert "another request" in refused.json()["detail"]

    def test_keys_are_a_token_s_own(
        self, ours: Client, reader: Engine, engine: Engine, sample: Sample
    ) -> None:
        other = program(reader, engine, sample.contractor)
        answers = [post(client, "/v1/workers", BO, "k1") for client in (ours, other)]
        assert [answer.status_code for answer in answers] == [201, 201]
        assert answers[0].json()["id"] != answers[1].json()["id"]

    def test_what_was_refused_may_be_sent_again(self, ours: Client, engine: Engine) -> None:
        taken = BO | {"number": "7"}
        assert post(ours, "/v1/workers", taken, "k1").status_code == 409
        with engine.begin() as conn:
            conn.execute(update(workers).where(workers.c.number == "7").values(number="8"))
        assert post(ours, "/v1/workers", taken, "k1").status_code == 201

    def test_after_a_day_it_is_forgotten(
        self, ours: Client, engine: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now = now_ms()
        assert post(ours, "/v1/workers", BO, "k1").status_code == 201
        monkeypatch.setattr(writing, "now_ms", lambda: now + tables.KEPT_MS + 60_000)
        assert post(ours, "/v1/divisions", {"name": "x"}, "k1").status_code == 201
        with engine.connect() as conn:
            assert len(conn.execute(select(idempotency_keys)).all()) == 1

    def test_two_at_once_change_one_thing(
        self, ours: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        inside, go_on = threading.Event(), threading.Event()
        known = writing._answered

        def held(*given: Any) -> Any:
            inside.set()
            assert go_on.wait(30)
            return known(*given)

        monkeypatch.setattr(writing, "_answered", held)
        answers: list[httpx.Response] = []
        thread = threading.Thread(target=lambda: answers.append(post(ours, "/v1/workers", BO, "k")))
        thread.start()
        try:
            assert inside.wait(30)
            second = post(ours, "/v1/workers", BO, "k")
        finally:
            go_on.set()
            thread.join()
        assert (second.status_code, second.headers["retry-after"]) == (409, "1")
        assert answers[0].status_code == 201
        assert post(ours, "/v1/workers", BO, "k").json() == answers[0].json()

    @pytest.mark.parametrize("key", ["", "k" * 256, "a b", "é".encode()])
    def test_what_is_no_key(self, ours: Client, key: str | bytes) -> None:
        headers: Any = {"idempotency-key": key}
        answer = ours.request("POST", "/v1/workers", json=BO, headers=headers)
        assert answer.status_code == 422
        assert "Idempotency-Key" in answer.json()["detail"]


class TestTags:
    @pytest.mark.parametrize(
        ("path", "changes"),
        [
            ("/v1/workers/{worker}", [{"given_name": "An"}, {"active": False}]),
            ("/v1/divisions/{division}", [{"name": "Sud"}, {"name": "Est"}]),
            ("/v1/sites/{site}", [{"address": "Kaai 1"}, {"name": "Kaai"}]),
        ],
    )
    def test_who_comes_second_is_told_so(
        self,
        reader: Engine,
        engine: Engine,
        sample: Sample,
        path: str,
        changes: list[dict[str, Any]],
    ) -> None:
        company = sample.subcontractor if "worker" in path else sample.contractor
        client = program(reader, engine, company)
        path = path.format(worker=sample.worker, division=sample.division, site=sample.sites[0])
        tag = client.get(path).headers["etag"]
        assert patch(client, path, changes[0], None).status_code == 428
        changed = patch(client, path, changes[0], tag)
        assert changed.status_code == 200
        assert changed.headers["etag"] == client.get(path).headers["etag"] != tag
        refused = patch(client, path, changes[1], tag)
        assert refused.status_code == 412
        assert client.get(path).json() == changed.json()
        weak = "W/" + changed.headers["etag"]
        assert patch(client, path, changes[1], weak).status_code == 412
        both = f'"other", {changed.headers["etag"]}'
        (name, value) = next(iter(changes[1].items()))
        assert patch(client, path, changes[1], both).json()[name] == value


class TestWorkers:
    def test_a_worker_s_life(
        self, reader: Engine, engine: Engine, sample: Sample, tmp_path: Path
    ) -> None:
        with engine.begin() as conn:
            _, token = api_tokens.make(
                conn, "erp", company=sample.subcontractor, may=sorted(COMPANY_S)
            )
        (tmp_path / "keys").mkdir()
        app = create_app(reader, engine, directory=tmp_path)
        client = Client(app, {"authorization": f"Bearer {token}"})
        made = post(client, "/v1/workers", BO | {"inss": "85.07.30-033.28"})
        assert made.status_code == 201, made.text
        path = made.headers["location"]
        assert made.json() == client.get(path).json()
        assert made.json()["inss"] == "••.••.••-033.••"
        twice = post(client, "/v1/workers", BO | {"number": "10", "inss": "85073003328"})
        assert twice.status_code == 409
        wrong = post(client, "/v1/workers", BO | {"number": "10", "inss": "85073003329"})
        assert (wrong.status_code, "85073003329" in wrong.text) == (422, False)

        badge = {"profile": "uid", "number": "04:A1:B2:C3", "valid_from": "2026-03-01T00:00+01:00"}
        linked = post(client, path + "/badges", badge)
        assert linked.status_code == 201
        assert linked.json()["number"] == "…B2C3"
        assert client.get(path).json()["badges"] == [linked.json()]
        one = f"{path}/badges/{linked.json()['id']}"
        empty = {"valid_from": "2026-03-02T00:00Z", "valid_until": "2026-03-01T00:00Z"}
        assert client.request("PUT", one, json=empty).status_code == 422
        until = {"valid_until": "2026-04-01T00:00Z"}
        changed = client.request("PUT", one, json=until).json()
        assert changed["valid_from"] is None
        assert changed["valid_until"] == "2026-04-01T02:00:00.000+02:00"
        assert client.request("DELETE", one).status_code == 204
        assert client.request("DELETE", one).status_code == 404

        tag = client.get(path).headers["etag"]
        assert patch(client, path, {"active": False}, tag).json()["active"] is False

        def numbers(**query: str) -> list[str]:
            answer = client.get("/v1/workers", params=query)
            return [item["number"] for item in answer.json()["items"]]

        assert numbers() == ["7", "9"]
        assert numbers(state="active") == ["7"]
        assert numbers(number="9") == numbers(state="inactive") == ["9"]
        follows = client.get("/v1/workers", params={"limit": "1"}).json()["next"]
        assert numbers(cursor=follows) == ["9"]

        with engine.connect() as conn:
            tags = set(conn.execute(select(audit.c.tag)).scalars())
        words = ("create", "read", "list", "deactivate")
        assert tags >= {f"api:worker:{word}" for word in words}
        assert tags >= {f"api:badge:{word}" for word in ("link", "change", "unlink")}

    def test_without_a_key_for_them_no_inss_is_taken(self, ours: Client) -> None:
        refused = post(ours, "/v1/workers", BO | {"inss": "85073003328"})
        assert (refused.status_code, "no key" in refused.json()["detail"]) == (422, True)

    def test_what_is_not_known_is_refused(self, ours: Client) -> None:
        refused = post(ours, "/v1/workers", BO | {"givenname": "Bo"})
        assert (refused.status_code, "givenname" in refused.json()["detail"]) == (422, True)


def test_explaining_says_what_the_command_says(
    reader: Engine, engine: Engine, sample: Sample
) -> None:
    with engine.begin() as conn:
        sample.tap(conn)
    client = program(reader, engine, sample.subcontractor)
    found = client.get("/v1/explain/worker", params={"worker": "Ann Maes"}).json()
    assert found["visible"] is True
    assert [step["check"] for step in found["steps"]][:2] == ["company", "worker"]
    later = {"worker": "7", "since": "2030-01-01T00:00Z"}
    found = client.get("/v1/explain/worker", params=later).json()
    assert found["visible"] is False
    assert found["steps"][-1]["mender"] == "you"
    assert client.get("/v1/explain/registration", params={"number": "1"}).json()["visible"]
    device = {"device": sample.devices[0]}
    hidden = client.get("/v1/explain/terminal", params=device).json()
    assert (hidden["visible"], "Solvay" in str(hidden)) == (False, False)
    assert client.get("/v1/explain/terminal", params={"device": "x"}).status_code == 422
    with engine.connect() as conn:
        tags = list(conn.execute(select(audit.c.tag).order_by(audit.c.id)).scalars())
    assert tags == [
        "api:worker:explain",
        "api:worker:explain",
        "api:registration:explain",
        "api:terminal:explain",
    ]
