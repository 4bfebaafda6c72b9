"""Every route, with every kind of token, speaking of every company's objects: nothing leaks."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Connection, Engine, insert

from cloud.accounts import api_tokens
from cloud.accounts.scopes import Scope
from cloud.api.app import create_app
from cloud.audit.service import Actor
from cloud.companies import service as companies
from cloud.exports import service as exports
from cloud.registrations import correcting
from cloud.retention import asking
from cloud.terminals import service as terminals
from cloud.visibility import rules
from cloud.webhooks import service as webhook_service
from cloud.webhooks.tables import webhooks
from cloud.workers import service as workers
from protocol.identity import compact, device_number, group
from protocol.keys import SigningKey
from tests.cloud.api.conftest import program
from tests.cloud.api.matrix import ROUTES, Route
from tests.cloud.apps.pairing import bearer, paired
from tests.cloud.client import Client
from tests.cloud.sample import START_MS, Sample

ABSENT = 987_654


@dataclass(frozen=True)
class Things:
    """The objects of one company, by what routes call them."""

    company: int
    ids: dict[str, int]
    badge: int
    delivery: int
    name: str
    device: str


def build(conn: Connection, sample: Sample, vat: str, word: str) -> Things:
    """A company whose every word says whose it is."""
    company = companies.register(conn, vat, f"{word} NV")
    division = companies.put_division(conn, company, f"{word} division")
    site = companies.put_site(conn, division, f"{word} site", address=f"{word} street")
    key = SigningKey.generate().public
    terminal = terminals.register(conn, key, f"{word} gate")
    terminals.assign(conn, terminal, site, 0)
    worker = workers.put_worker(conn, company, f"{word}-7", word, "Maes")
    badge = workers.put_badge(conn, "uid", company.to_bytes(7).hex())
    workers.link_badge(conn, badge, worker)
    registration = sample.tap(
        conn,
        terminal_id=terminal,
        badge_id=badge,
        worker_id=worker,
        employer_id=company,
        company_id=company,
        division_id=division,
        site_id=site,
    )
    may = frozenset({Scope.CORRECTIONS_WRITE})
    token, _ = api_tokens.make(conn, word, company=company, may=may)
    correction = correcting.add(
        conn, rules.program(company, token=token, may=may), Actor("api"), worker=worker, site=site,
        at_ms=START_MS, direction="in", reason=f"{word} forgot", second=True,
    )  # fmt: skip
    left = workers.put_worker(conn, company, f"{word}-8", word, "Vertrokken", active=False)
    erasure = asking.enter(conn, Actor("api"), company, left, alone=False)
    webhook, delivery = webhook_of(conn, company, f"{word} payroll")
    ids = {
        "division": division,
        "terminal": terminal,
        "webhook": webhook,
        "site": site,
        "worker": worker,
        "left": left,
        "erasure": erasure,
        "registration": registration,
        "correction": correction,
    }
    device = compact(device_number(key.thumbprint))
    return Things(company, ids, badge, delivery, f"{word} Maes", device)


def webhook_of(conn: Connection, company: int, name: str) -> tuple[int, int]:
    """A webhook, and a delivery of it."""
    made = insert(webhooks).values(
        company_id=company, name=name, url="https://example.be/", scopes="workers:read",
        sealed=b"", seen_registration=0, seen_change=0, created_ms=0,
    )  # fmt: skip
    webhook = conn.execute(made.returning(webhooks.c.id)).scalar_one()
    return webhook, webhook_service.test(conn, company, webhook)


@pytest.fixture
def both(reader: Engine, engine: Engine) -> tuple[Things, Things]:
    """Our company and another, alike but for the words."""
    with engine.begin() as conn:
        sample = Sample(conn)
        ours = build(conn, sample, "BE0428759497", "Oursword")
        theirs = build(conn, sample, "BE0202239951", "Canaryword")
    for things in (ours, theirs):
        things.ids["export"] = exports.make(
            reader, engine, rules.program(things.company), Actor("api")
        )
    return ours, theirs


def ask(client: Client, method: str, path: str, route: Route, things: Things) -> httpx.Response:
    """Ask a route about the objects of somebody."""
    subject = things.ids.get(route.subject or "", ABSENT)

    def filled(value: Any) -> Any:
        if value == "{subject}":
            return subject
        if not isinstance(value, str):
            return value
        return value.format(name=things.name, device=things.device)

    options: dict[str, Any] = {"params": {key: filled(v) for key, v in route.query.items()}}
    if route.body is not None:
        options["json"] = {key: filled(value) for key, value in route.body.items()}
    address = path.replace("{number}", str(subject)).replace("{badge}", str(things.badge))
    address = address.replace("{delivery}", str(things.delivery))
    return client.request(method.upper(), address, headers={"if-match": "*"}, **options)


def absent(things: Things) -> Things:
    """Objects of the same kinds that nobody has."""
    number = compact(device_number(SigningKey.generate().public.thumbprint))
    ids = dict.fromkeys(things.ids, ABSENT)
    return Things(ABSENT, ids, ABSENT, ABSENT, "Absentword Maes", number)


def plain(answer: httpx.Response) -> str:
    """What an answer says, without the numbers that were asked for."""
    return re.sub(r"\d+", "N", answer.json()["detail"])


def test_every_route_is_here(client: Client) -> None:
    paths = client.get("/v1/openapi.json").json()["paths"]
    assert {(method, path) for path, methods in paths.items() for method in methods} == set(ROUTES)


def test_a_company_is_shown_its_own_and_nothing_of_another(
    reader: Engine, engine: Engine, both: tuple[Things, Things], tmp_path: Path
) -> None:
    ours, others = both
    client = program(reader, engine, ours.company, directory=tmp_path)
    for (method, path), route in ROUTES.items():
        asked = (others, absent(others)) if route.names_objects else ()
        answers = [ask(client, method, path, route, things) for things in asked]
        own = ask(client, method, path, route, ours)
        if not route.company:
            assert own.status_code == route.refused, (method, path)
        elif route.tells:
            assert own.status_code in (200, 201, 202), (method, path, own.text)
        else:
            assert own.status_code == 204, (method, path)
        for answer in (*answers, own):
            found = answer.text.replace(others.name, "")
            assert "Canaryword" not in found, (method, path)
            assert others.device not in found.replace(group(others.device), ""), (method, path)
        if route.company and route.names_objects and not path.startswith("/v1/explain/"):
            assert answers[0].status_code == answers[1].status_code == 404, (method, path)
            assert plain(answers[0]) == plain(answers[1]), (method, path)


def test_the_operator_s_token_is_of_no_company(
    reader: Engine, engine: Engine, both: tuple[Things, Things]
) -> None:
    client = program(reader, engine, None)
    for (method, path), route in ROUTES.items():
        answer = ask(client, method, path, route, both[0])
        expected = 200 if route.operator else route.refused
        assert answer.status_code == expected, (method, path, answer.text)


def test_a_token_without_the_scope_changes_and_learns_nothing(
    reader: Engine, engine: Engine, both: tuple[Things, Things]
) -> None:
    ours, _ = both
    client = program(reader, engine, ours.company, may=frozenset())
    for (method, path), route in ROUTES.items():
        answer = ask(client, method, path, route, ours)
        assert answer.status_code == (200 if route.least else route.refused), (method, path)


def test_nobody_is_told_anything(client: Client, both: tuple[Things, Things]) -> None:
    client.headers = {}
    for (method, path), route in ROUTES.items():
        answer = ask(client, method, path, route, both[0])
        assert answer.status_code == route.nobody, (method, path)
        assert "Oursword" not in answer.text


def test_an_app_is_shown_its_worker_s_own_and_nothing_else(
    reader: Engine, engine: Engine, both: tuple[Things, Things]
) -> None:
    ours, others = both
    with engine.begin() as conn:
        colleague = workers.put_worker(conn, ours.company, "8", "Colleagueword", "Thys")
    client = Client(create_app(reader, engine), bearer(paired(engine, ours.ids["worker"]).token))
    for (method, path), route in ROUTES.items():
        asked = [ask(client, method, path, route, each) for each in (ours, others, absent(ours))]
        expected = 200 if route.app else route.nobody
        assert {answer.status_code for answer in asked} == {expected}, (method, path)
        told = " ".join(answer.text for answer in asked)
        assert not {"Canaryword", "Colleagueword", others.device} & set(told.split('"')), path
        assert ("Oursword" in told) == route.app, (method, path)
    assert colleague
