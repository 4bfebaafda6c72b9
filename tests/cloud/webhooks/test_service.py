"""Making, changing and ending webhooks: whose, how many, and what whoever does it may read."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from cloud.accounts.scopes import Scope
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.stale import StaleError
from cloud.webhooks import outbox, queries, service
from cloud.webhooks.events import CHOSEN, SCOPES, Event, checked_events, checked_scopes
from cloud.webhooks.queries import State
from cloud.webhooks.service import Wanted
from cloud.webhooks.tables import webhook_deliveries, webhook_events, webhooks
from cloud.webhooks.why import why
from tests.cloud.webhooks.conftest import Clock, Post
from tests.cloud.webhooks.receiver import Receiver, says, takes
from tests.support.postgresql import waits_for_a_lock
from tests.support.waiting import wait_for

LESS = frozenset({Scope.REGISTRATIONS_READ})


def test_nobody_has_it_shown_more_than_they_read(post: Post) -> None:
    ours = post.company.ours
    wanted = Wanted("x", post.url, frozenset(CHOSEN), frozenset(SCOPES))
    with post.engine.begin() as conn, pytest.raises(InvalidError, match="workers:read"):
        service.create(conn, post.vault, ours, wanted, LESS)
    # What reads more is not led elsewhere, nor given a secret, by who reads less.
    webhook, _ = post.webhook()
    acts: list[Any] = [
        lambda conn: service.change(conn, ours, webhook, {"url": "https://x.example"}, LESS),
        lambda conn: service.change(conn, ours, webhook, {"scopes": frozenset()}, LESS),
        lambda conn: service.rotate(conn, post.vault, ours, webhook, LESS),
        lambda conn: service.activate(conn, ours, webhook, LESS),
    ]
    for act in acts:
        with post.engine.begin() as conn, pytest.raises(InvalidError, match="workers:read"):
            act(conn)
    assert post.row(webhook).url == post.url


def test_it_is_the_company_s_own(post: Post) -> None:
    webhook, _ = post.webhook()
    delivery = post.test(webhook)
    theirs = post.company.theirs
    acts: list[Any] = [
        lambda conn: service.change(conn, theirs, webhook, {"name": "x"}, SCOPES),
        lambda conn: service.rotate(conn, post.vault, theirs, webhook, SCOPES),
        lambda conn: service.activate(conn, theirs, webhook, SCOPES),
        lambda conn: service.deactivate(conn, theirs, webhook),
        lambda conn: service.remove(conn, theirs, webhook),
        lambda conn: service.test(conn, theirs, webhook),
        lambda conn: service.again(conn, theirs, webhook, delivery),
    ]
    other, _ = post.webhook(company=theirs)
    acts.append(lambda conn: service.again(conn, theirs, other, delivery))
    for act in acts:
        with post.engine.begin() as conn, pytest.raises(NotFoundError):
            act(conn)


def test_a_company_has_so_many_at_most(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST", 2)
    post.webhook(), post.webhook()
    with pytest.raises(ConflictError, match="2 webhooks already"):
        post.webhook()
    post.webhook(company=post.company.theirs)


def test_it_changes_and_says_what(post: Post) -> None:
    webhook, _ = post.webhook()
    ours = post.company.ours
    with post.engine.begin() as conn:
        shown = queries.shown(conn, ours, webhook)
        values = {"name": "Planning", "events": frozenset({Event.WORKER_CHANGED})}
        assert service.change(conn, ours, webhook, values, SCOPES, shown) == ["events", "name"]
        assert service.change(conn, ours, webhook, values, SCOPES, shown) == []
        row = queries.one(conn, webhook)
        assert (row["name"], row["events"], row["url"]) == (
            "Planning", ["worker.changed"], post.url,
        )  # fmt: skip
        with pytest.raises(StaleError):
            service.change(conn, ours, webhook, {"name": "x"}, SCOPES, shown)
        scopes = {"scopes": frozenset({Scope.TERMINALS_READ})}
        assert service.change(conn, ours, webhook, scopes, SCOPES) == ["scopes"]
        assert queries.one(conn, webhook)["scopes"] == "terminals:read"


def test_deleting_it_leaves_nothing(post: Post) -> None:
    webhook, _ = post.webhook()
    post.test(webhook)
    with post.engine.begin() as conn:
        assert service.remove(conn, post.company.ours, webhook) == "Payroll"
        for table in (webhooks, webhook_events, webhook_deliveries):
            assert conn.execute(select(table)).all() == []


@pytest.mark.parametrize(
    "backend", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
def test_deleting_it_at_the_moment_of_an_event_spoils_neither(post: Post) -> None:
    """On SQLite, whoever writes waits for its turn from the beginning."""
    webhook, _ = post.webhook()
    ours = post.company.ours

    def tell() -> None:
        with post.engine.begin() as conn:
            outbox.tell(conn, Event.WORKER_CHANGED, ours, [1])

    with ThreadPoolExecutor(1) as other:
        with post.engine.begin() as conn:
            service.remove(conn, ours, webhook)
            telling = other.submit(tell)
            wait_for(lambda: waits_for_a_lock(post.engine), "whoever tells waits for us")
        telling.result(30)
    assert post.deliveries() == []


def test_one_that_is_not_active_is_sent_neither_tests_nor_anything_again(post: Post) -> None:
    webhook, _ = post.webhook()
    delivery = post.test(webhook)
    ours = post.company.ours
    with post.engine.begin() as conn:
        assert service.deactivate(conn, ours, webhook)
        assert not service.deactivate(conn, ours, webhook)
        with pytest.raises(ConflictError, match="activate it first"):
            service.test(conn, ours, webhook)
        with pytest.raises(ConflictError, match="activate it first"):
            service.again(conn, ours, webhook, delivery)
        assert service.activate(conn, ours, webhook, SCOPES)
        assert not service.activate(conn, ours, webhook, SCOPES)
        service.again(conn, ours, webhook, delivery)
        with pytest.raises(NotFoundError, match="30 days"):
            service.again(conn, ours, webhook, delivery + 1)


@pytest.mark.parametrize(
    ("check", "words", "why_not"),
    [
        (checked_events, ["worker.deleted"], "'worker.deleted' is no event; choose of regis"),
        (checked_events, ["test"], "'test' is no event"),
        (checked_events, [], "at least one"),
        (checked_scopes, ["workers:write"], "'workers:write' is no scope of a webhook"),
    ],
)
def test_what_cannot_be_chosen(check: Any, words: list[str], why_not: str) -> None:
    with pytest.raises(InvalidError, match=why_not):
        check(words)


def test_deliveries_are_listed_by_how_far_they_are(
    post: Post, receiver: Receiver, clock: Clock
) -> None:
    webhook, _ = post.webhook()
    taken, failing, waiting = (post.test(webhook) for _ in range(3))
    given_up = post.test(webhook)
    with post.engine.begin() as conn:
        for number, values in (
            (taken, {"outcome": "taken", "tried_ms": 1, "tries": 1, "over_ms": 1}),
            (failing, {"outcome": "refused", "tried_ms": 1, "tries": 1}),
            (given_up, {"outcome": "refused", "tried_ms": 1, "tries": 9, "over_ms": 1}),
        ):
            this = webhook_deliveries.c.id == number
            conn.execute(webhook_deliveries.update().where(this).values(**values))
        of = dict(zip(State, ([waiting], [failing], [taken], [given_up]), strict=True))
        for state, numbers in of.items():
            rows = queries.deliveries(conn, webhook, only=state, limit=9)
            assert [row["id"] for row in rows] == numbers, state
            assert {queries.state(row) for row in rows} == {state}
        rows = queries.deliveries(conn, webhook, before=given_up, limit=2)
        assert [row["id"] for row in rows] == [waiting, failing]
        found = queries.one(conn, webhook)
        assert (found["owed"], found["missed"]) == (2, 1)


def test_it_says_why_it_gets_nothing(
    post: Post, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = post.webhook()
    ours = post.company.ours

    def said() -> str:
        with post.engine.connect() as conn:
            return " ".join(why(conn, queries.one(conn, webhook), clock.ms))

    assert "Nothing that it is told of has happened yet" in said()
    post.test(webhook)
    assert said() == ""
    clock.ms += 121_000
    assert "`pointeuse cloud serve` runs" in said()
    post.courier.once()
    assert said() == ""
    receiver.answer = says(500)
    post.test(webhook)
    post.courier.once()
    assert "the server did not answer with 2xx (500)" in said()
    assert "tried again at" in said()
    receiver.answer = says(410)
    clock.ms += 5_000
    post.courier.once()
    assert "gone for good (410). Activate it" in said()
    assert "tried again at" not in said()
    with post.engine.begin() as conn:
        service.activate(conn, ours, webhook, SCOPES)
    receiver.answer = takes
    post.courier.once()
    with post.engine.begin() as conn:
        service.deactivate(conn, ours, webhook)
    assert "It was deactivated at" in said()
    with post.engine.begin() as conn:
        service.activate(conn, ours, webhook, SCOPES)
        conn.execute(webhook_deliveries.update().values(outcome="refused", over_ms=1))
    assert "2 was given up after three days" in said()
