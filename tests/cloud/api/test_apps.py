"""A worker's app over the API: paired by a code, shown what is its worker's own."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, select, update

from cloud.accounts import api_tokens
from cloud.api.app import create_app
from cloud.api.rates import Buckets
from cloud.api.throttle import FAILURES
from cloud.apps import pairing, service
from cloud.apps.tables import apps, pairing_codes
from cloud.audit.service import Actor
from cloud.audit.tables import audit
from cloud.registrations import correcting
from cloud.times import parse
from cloud.visibility.rules import viewer
from cloud.workers import service as workers
from cloud.workers.tables import badges
from tests.cloud.apps.pairing import bearer, paired
from tests.cloud.client import Client
from tests.cloud.console.company import CANARY, Company
from tests.cloud.console.tapping import Gates

MONDAY = "/v1/app/days?since=2026-03-02&until=2026-03-02"
PAIRING = "/v1/app/pairing"


@pytest.fixture
def app(reader: Engine, engine: Engine) -> Any:
    return create_app(reader, engine)


@pytest.fixture
def anybody(app: Any) -> Client:
    """Who has no token."""
    return Client(app)


@pytest.fixture
def ann(app: Any, company: Company) -> Client:
    """The app of Ann, of our company."""
    return Client(app, bearer(paired(company.engine, company.worker).token))


def offered(company: Company, worker: int | None = None, owner: int | None = None) -> str:
    with company.engine.begin() as conn:
        return pairing.offer(conn, owner or company.ours, worker or company.worker)[0]


def sent(client: Client, code: str, **fields: object) -> httpx.Response:
    return client.request("POST", PAIRING, json={"code": code, "name": "Ann's telephone", **fields})


def lines(engine: Engine) -> list[tuple[str, int | None, int | None, dict[str, Any]]]:
    """The trail: tag, company, target, detail."""
    with engine.connect() as conn:
        rows = conn.execute(select(audit).order_by(audit.c.id)).all()
    return [(row.tag, row.company_id, row.target_id, json.loads(row.detail)) for row in rows]


def test_a_code_is_exchanged_for_a_token(company: Company, anybody: Client) -> None:
    answer = sent(anybody, offered(company))
    assert answer.status_code == 201
    assert answer.headers["cache-control"] == "no-store"
    assert "set-cookie" not in answer.headers
    given = answer.json()
    anybody.headers = bearer(given["token"])
    assert anybody.get("/v1/app/me").json() == {
        "number": "7", "given_name": "Ann", "family_name": "Maes", "company": "Solvay",
    }  # fmt: skip
    assert lines(company.engine) == [
        ("api:app:pair", company.ours, company.worker, {"app": given["app"]}),
        ("api:worker:read", company.ours, company.worker, {"app": given["app"]}),
    ]


def test_a_refusal_says_nothing_and_the_trail_says_why(company: Company, anybody: Client) -> None:
    engine = company.engine
    used = offered(company)
    sent(anybody, used)
    refusals = [sent(anybody, used)]
    expired = offered(company)
    with engine.begin() as conn:
        conn.execute(update(pairing_codes).values(expires_ms=0))
    refusals.append(sent(anybody, expired))
    left = offered(company, company.their_worker, company.theirs)
    with engine.begin() as conn:
        workers.set_active(conn, company.their_worker, active=False)
    refusals += [sent(anybody, each) for each in (left, "AAAA-AAAA-AAAA-AAAA", "", "é", "x" * 100)]
    assert {answer.status_code for answer in refusals} == {403}
    assert len({answer.content for answer in refusals}) == 1
    assert refusals[0].headers["content-type"] == "application/problem+json"
    told = lines(engine)[1:]
    ours = ("api:app:refuse", company.ours, company.worker)
    assert told[:2] == [(*ours, {"why": "used"}), (*ours, {"why": "expired"})]
    assert told[2:] == [("api:app:refuse", None, None, {"why": "unknown"})] * 5


@pytest.mark.parametrize(
    "fields",
    [
        {"code": None}, {"name": ""}, {"name": "x" * 61}, {"name": "\x07"}, {"code": "x" * 101},
        {"code": "\ud800"}, {"name": "\ud800"}, {"token": "A" * 43}, {"technical_account": 1},
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_meant_uses_no_code_up(
    company: Company, anybody: Client, fields: dict[str, object]
) -> None:
    code = offered(company)
    body = json.dumps({"code": code, "name": "x", **fields})
    headers = {"content-type": "application/json"}
    answer = anybody.request("POST", PAIRING, content=body, headers=headers)
    assert answer.status_code == 422
    assert code not in answer.text
    assert sent(anybody, code).status_code == 201


def test_of_two_apps_at_once_one_is_paired(company: Company, anybody: Client) -> None:
    for _ in range(3):
        code = offered(company)
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(lambda _, code=code: sent(anybody, code), range(2)))
        assert sorted(answer.status_code for answer in answers) == [201, 403]


def test_a_token_is_made_here_and_never_brought_along(
    company: Company, app: Any, ann: Client
) -> None:
    """Whoever plants a token, or is logged in as another app, gets no hold of the one to come."""
    before = ann.headers["authorization"].removeprefix("Bearer ")
    with company.engine.begin() as conn:
        bob = workers.put_worker(conn, company.ours, "8", "Bob", "Thys")
    planted = "A" * 43
    for header in (before, planted):
        client = Client(app, bearer(header) | {"cookie": f"token={planted}"})
        given = sent(client, offered(company, bob)).json()["token"]
        assert given not in (before, planted)
        assert Client(app, bearer(given)).get("/v1/app/me").json()["number"] == "8"
    assert ann.get("/v1/app/me").json()["number"] == "7"
    assert Client(app, bearer(planted)).get("/v1/app/me").status_code == 401


def test_a_code_gives_no_more_than_its_own_worker(company: Company, anybody: Client) -> None:
    code = offered(company, company.their_worker, company.theirs)
    anybody.headers = bearer(sent(anybody, code).json()["token"])
    told = anybody.get("/v1/app/me").json()
    assert (told["family_name"], told["company"]) == ("Janssens", f"{CANARY} Bouw")


def test_guesses_are_counted_by_address(company: Company, app: Any, anybody: Client) -> None:
    for _ in range(FAILURES):
        assert sent(anybody, "AAAA-AAAA-AAAA-AAAA").status_code == 403
    code = offered(company)
    refused = sent(anybody, code)
    assert refused.status_code == 429
    assert refused.headers["retry-after"] == "600"
    assert refused.json()["title"] == "Too Many Requests"
    assert [tag for tag, *_ in lines(company.engine)] == ["api:app:refuse"] * FAILURES

    async def elsewhere() -> int:
        transport = httpx.ASGITransport(app, client=("192.0.2.1", 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return (await client.post(PAIRING, json={"code": code, "name": "x"})).status_code

    assert asyncio.run(elsewhere()) == 201


def test_who_pairs_many_apps_is_not_taken_for_who_guesses(
    company: Company, anybody: Client
) -> None:
    for _ in range(FAILURES + 1):
        assert sent(anybody, offered(company)).status_code == 201


def test_an_app_has_a_bucket_of_its_own(company: Company, reader: Engine) -> None:
    engine = company.engine
    app = create_app(reader, engine, buckets=Buckets(0.001, 2))
    with engine.begin() as conn:
        number, token = api_tokens.make(conn, "erp", company=company.ours)
    found = paired(engine, company.worker)
    assert number == found.app_id
    program, ann = (Client(app, bearer(each)) for each in (token, found.token))
    for client, path in ((program, "/v1/registrations"), (ann, "/v1/app/me")):
        assert [client.get(path).status_code for _ in range(3)] == [200, 200, 429]


def test_it_ends_at_once(company: Company, app: Any) -> None:
    engine = company.engine
    lost, other = (paired(engine, company.worker) for _ in range(2))
    with engine.begin() as conn:
        service.revoke(conn, company.ours, company.worker, lost.app_id)
    clients = [Client(app, bearer(each.token)) for each in (lost, other)]
    answers = [client.get("/v1/app/me") for client in clients]
    assert [answer.status_code for answer in answers] == [401, 200]
    assert answers[0].headers["www-authenticate"] == 'Bearer error="invalid_token"'
    with engine.begin() as conn:
        workers.set_active(conn, company.worker, active=False)
    assert clients[1].get("/v1/app/me").status_code == 401


def test_the_day_of_its_last_use_is_kept(company: Company, ann: Client) -> None:
    ann.get(MONDAY)
    with company.engine.connect() as conn:
        used = conn.execute(select(apps.c.used_ms)).scalar_one()
    assert used is not None


def clock_times(answer: httpx.Response) -> list[list[str]]:
    return [
        [tap["at"][11:16] for tap in (pair["start"], pair["end"]) if tap]
        for day in answer.json()["days"]
        for pair in day["pairs"]
    ]


def test_its_days_are_its_own_wherever_they_were_spent(
    company: Company, gates: Gates, ann: Client
) -> None:
    gates.tap("07:00")
    gates.tap("09:00", "out")
    gates.tap("10:00", site=company.their_site)
    gates.tap("11:00", "out", site=company.their_site)
    # Of a colleague, of another company's worker, and of a badge that is nobody's.
    with company.engine.begin() as conn:
        bob = workers.put_worker(conn, company.ours, "8", "Bob", "Thys")
    gates.tap("12:00", worker_id=bob)
    gates.stranger("13:00")
    gates.tap("14:00", worker_id=None)
    # What neither is at a site of the company nor of whom it employs the company does not see.
    gates.tap("15:00", site=company.their_site, employer_id=company.theirs)
    answer = ann.get(MONDAY)
    assert clock_times(answer) == [["07:00", "09:00"], ["10:00", "11:00"]]
    assert set(answer.json()) == {"days", "void", "proposed"}
    for word in (f"{CANARY} Janssens", "Thys", "Bob"):
        assert word not in answer.text
    elsewhere = Client(ann._app, bearer(paired(company.engine, company.their_worker).token))
    assert clock_times(elsewhere.get(MONDAY)) == [["13:00"]]
    assert lines(company.engine)[0] == ("api:day:read", company.ours, company.worker, {"app": 1})


def test_its_company_s_corrections_count_and_no_other_s(
    company: Company, gates: Gates, ann: Client
) -> None:
    gates.tap("07:00")
    gates.tap("08:00", site=company.their_site)

    def enter(name: str, owner: int, site: int, at: str) -> int:
        with company.engine.begin() as conn:
            who = viewer(conn, company.who[name], owner)
            return correcting.add(
                conn, who, Actor("console", who.account_id), worker=company.worker, site=site,
                at_ms=parse(f"2026-03-02T{at}"), direction="out", reason="Private word",
                second=at == "16:30",
            )  # fmt: skip

    enter("administrator", company.ours, company.quai, "16:00")
    waiting = enter("administrator", company.ours, company.quai, "16:30")
    enter("other", company.theirs, company.their_site, "17:00")
    answer = ann.get(MONDAY)
    assert clock_times(answer) == [["07:00", "16:00"], ["08:00"]]
    assert answer.json()["proposed"] == [waiting]
    assert "Private word" not in answer.text


@pytest.mark.parametrize(
    "query", ["", "?since=2026-03-02", "?since=2026-03-02&until=2026-03-01",
              "?since=2026-01-01&until=2026-12-31", "?since=2026-03-02&until=2026-03-02&worker=1"],
)  # fmt: skip
def test_a_period_that_cannot_be(ann: Client, query: str) -> None:
    assert ann.get(f"/v1/app/days{query}").status_code == 422


def test_it_is_told_why(company: Company, gates: Gates, ann: Client) -> None:
    def found(query: str = "") -> list[tuple[str, str, str | None]]:
        answer = ann.get(f"/v1/app/explain{query}").json()
        return [(step["check"], step["verdict"], step["mender"]) for step in answer["steps"]]

    start = [("company", "ok", None), ("worker", "ok", None), ("badge", "ok", None)]
    assert found() == [*start, ("registrations", "stop", "administrator")]
    gates.tap("07:00", corrected=True)
    gates.tap("08:00", site=company.their_site, reason="clock-unsure")
    gates.stranger("09:00")
    gates.tap("10:00", site=company.their_site, employer_id=company.theirs)
    whole = ann.get("/v1/app/explain")
    assert found() == [
        *start, ("registrations", "ok", None), ("clock", "note", None), ("remarks", "note", None),
    ]  # fmt: skip
    assert "All 2 registrations are visible to you." in whole.text
    assert "your own registrations, as far as Solvay sees them" in whole.text
    assert "…6789" in whole.text
    assert "123456789" not in whole.text
    assert CANARY not in whole.text
    until = "?until=2026-03-02T07:30%2B01:00"
    assert "All 1 registrations" in ann.get(f"/v1/app/explain{until}").text
    with company.engine.begin() as conn:
        conn.execute(update(badges).values(worker_id=None))
    assert ("badge", "stop", "administrator") in found()
    assert lines(company.engine)[-1] == (
        "api:worker:explain", company.ours, company.worker, {"app": 1},
    )  # fmt: skip
