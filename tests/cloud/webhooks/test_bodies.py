"""What is sent is what the API shows a program with the same scopes, and never more."""

import json
from typing import Any

import pytest
from sqlalchemy import Engine, update

from cloud.accounts import api_tokens
from cloud.accounts.scopes import Scope
from cloud.api.app import create_app
from cloud.audit.service import Actor
from cloud.registrations import correcting
from cloud.registrations.tables import registrations
from cloud.terminals import service
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from cloud.visibility.rules import program
from cloud.webhooks import bodies, outbox
from cloud.webhooks.events import MEANINGS, SCOPES, SHOWN_BY, Event
from cloud.webhooks.tables import webhook_deliveries
from tests.cloud.client import Client
from tests.cloud.console.tapping import Gates
from tests.cloud.webhooks.conftest import Post
from tests.cloud.webhooks.receiver import Receiver

MORE = frozenset({Scope.CORRECTIONS_WRITE})
PERSONAL = ("Maes", "Ann", "123456789")


@pytest.fixture
def things(post: Post, gates: Gates) -> dict[str, int]:
    """One thing of each kind, told of."""
    ours = post.company.ours
    number = gates.tap("08:00")
    with post.engine.begin() as conn:
        token, _ = api_tokens.make(conn, "erp", company=ours, may=MORE)
        who = program(ours, token=token, may=MORE)
        correction = correcting.correct(
            conn, who, Actor("api"), number, direction="out", reason="Wrong", second=True
        )
    return {
        "registration": number,
        "correction": correction,
        "terminal": gates.terminal(post.company.quai),
        "worker": post.company.worker,
    }


EVENTS = {
    "registration": Event.REGISTRATION_CHANGED,
    "correction": Event.CORRECTION_PROPOSED,
    "terminal": Event.TERMINAL_SILENT,
    "worker": Event.WORKER_CHANGED,
}


def tell(post: Post, things: dict[str, int]) -> None:
    with post.engine.begin() as conn:
        for thing, number in things.items():
            outbox.tell(conn, EVENTS[thing], post.company.ours, [number])


def test_its_fields_are_those_that_the_api_shows_at_its_address(
    post: Post, receiver: Receiver, reader: Engine, things: dict[str, int]
) -> None:
    with post.engine.begin() as conn:
        _, token = api_tokens.make(
            conn, "reader", company=post.company.ours, may=[scope.value for scope in SCOPES]
        )
    api = Client(create_app(reader, post.engine), {"authorization": f"Bearer {token}"})
    post.webhook()
    tell(post, things)
    assert post.courier.once() == 4
    for got in receiver.got:
        said = got.json
        shown = api.get(said["url"]).json()
        # Even masked, it is nothing that a webhook is for.
        assert shown.pop("inss", None) is None
        assert said["data"] == shown, said["type"]
        assert list(said) == ["type", "id", "timestamp", "company", "url", "data"]
    assert {got.json["type"] for got in receiver.got} == set(EVENTS.values())
    assert all("123456789" not in got.body.decode() for got in receiver.got)


@pytest.mark.parametrize("scope", [None, *SCOPES])
def test_no_more_is_told_than_the_scopes_show(
    post: Post, receiver: Receiver, things: dict[str, int], scope: Scope | None
) -> None:
    post.webhook(scopes=() if scope is None else (scope,))
    tell(post, things)
    post.courier.once()
    for got in receiver.got:
        said = got.json
        shown = SHOWN_BY[said["type"].partition(".")[0]] is scope
        assert (said["data"] is not None) == shown, said["type"]
        if not shown:
            assert [word for word in PERSONAL if word in got.body.decode()] == []
            assert said["url"].split("/")[-1] == str(things[said["type"].partition(".")[0]])


def test_what_is_not_seen_any_more_is_named_alone(
    post: Post, gates: Gates, receiver: Receiver, things: dict[str, int]
) -> None:
    post.webhook()
    tell(post, things)
    theirs = {"company_id": post.company.theirs, "employer_id": post.company.theirs}
    with post.engine.begin() as conn:
        conn.execute(update(registrations).values(**theirs))
        outbox.tell(conn, Event.WORKER_CHANGED, post.company.ours, [post.company.their_worker])
    post.courier.once()
    hidden = [got.json for got in receiver.got if got.json["data"] is None]
    assert sorted(each["url"] for each in hidden) == sorted(
        [f"/v1/registrations/{things['registration']}", f"/v1/workers/{post.company.their_worker}"]
    )


def test_what_a_terminal_told_elsewhere_and_where_it_stands_there_is_not_sent(
    post: Post, receiver: Receiver, gates: Gates
) -> None:
    company, terminal = post.company, gates.terminal(post.company.quai)
    with post.engine.begin() as conn:
        service.assign(conn, terminal, company.their_site, 0)
        service.assign(conn, terminal, company.quai, now_ms() + 3_600_000)
        told = {"last_status": '{"telemetry": {"queue": 666}}', "last_seen_ms": now_ms()}
        conn.execute(update(terminals).where(terminals.c.id == terminal).values(**told))
    post.webhook()
    tell(post, {"terminal": terminal})
    assert post.courier.once() == 1
    said = receiver.got[0].json["data"]
    assert (said["id"], said["site"], said["said"]) == (terminal, None, {})


def test_what_is_gone_is_never_shown(post: Post, receiver: Receiver, gates: Gates) -> None:
    post.webhook()
    number = gates.tap("08:00")
    with post.engine.begin() as conn:
        outbox.tell(conn, Event.REGISTRATION_GONE, post.company.ours, [number])
    post.courier.once()
    said = [got.json for got in receiver.got if got.json["type"] == "registration.gone"]
    assert [each["data"] for each in said] == [None]


def test_addresses_begin_where_the_platform_is(
    post: Post, receiver: Receiver, gates: Gates
) -> None:
    post.webhook()
    number = gates.tap("08:00")
    post.make_courier(base="https://pointeuse.example.be/").once()
    assert receiver.got[0].json["url"] == f"https://pointeuse.example.be/v1/registrations/{number}"


def test_a_body_is_written_once_and_kept(post: Post, receiver: Receiver, gates: Gates) -> None:
    post.webhook()
    gates.tap("08:00")
    post.courier.once()
    (row,) = post.deliveries()
    assert row.body.encode() == receiver.got[0].body
    assert bodies.encoded(json.loads(row.body)) == row.body
    with post.engine.begin() as conn:
        conn.execute(update(registrations).values(reader="other"))
        conn.execute(update(webhook_deliveries).values(over_ms=None, due_ms=0))
    post.courier.once()
    assert receiver.got[1].body == receiver.got[0].body


def test_every_event_has_its_meaning() -> None:
    assert set(MEANINGS) == set(Event)
    things: dict[str, Any] = {event.thing: event for event in Event}
    assert set(things) - {"test"} == set(SHOWN_BY)
