"""What a company lets go of is gone from what its webhooks were sent, and they are told."""

import json
import threading
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select, update

from cloud.accounts import api_tokens
from cloud.api import forgetting
from cloud.api.tables import SEALED, idempotency_keys
from cloud.exports.withdrawing import Withdrawn
from cloud.retention import restricting, withdrawn
from cloud.webhooks import bodies, outbox
from cloud.webhooks.events import Event
from cloud.webhooks.tables import webhook_deliveries, webhooks
from cloud.workers.tables import workers
from tests.cloud.console.tapping import Gates
from tests.cloud.webhooks.conftest import Post
from tests.cloud.webhooks.receiver import Receiver


def tell(post: Post, event: Event, *numbers: int) -> None:
    with post.engine.begin() as conn:
        outbox.tell(conn, event, post.company.ours, numbers)


def bodies_with(post: Post, word: str) -> list[str]:
    return [row.event for row in post.deliveries() if word in str(row.body)]


def test_what_is_withdrawn_is_emptied_and_told_of(
    post: Post, gates: Gates, receiver: Receiver
) -> None:
    mine, _ = post.webhook()
    theirs, _ = post.webhook(company=post.company.theirs)
    # At our site, of their worker: both are shown it.
    number = gates.stranger("08:00")
    kept = gates.stranger("09:00")
    assert post.courier.once() == 4
    with post.engine.begin() as conn:
        withdrawn.note(conn, [Withdrawn(post.company.ours, "registration", number)], 1)
    of = {
        (row.webhook_id, row.subject_id): row.body
        for row in post.deliveries()
        if row.event == "registration.created"
    }
    assert of.pop((mine, number)) is None
    assert sorted(of) == [(mine, kept), (theirs, number), (theirs, kept)]
    assert all(of.values())
    assert post.courier.once() == 1
    said = receiver.got[-1].json
    assert (said["type"], said["data"]) == ("registration.gone", None)
    assert said["url"] == f"/v1/registrations/{number}"


def test_who_signed_a_correction_is_forgotten_and_nobody_told(post: Post) -> None:
    post.webhook()
    tell(post, Event.CORRECTION_APPROVED, 7, 8)
    with post.engine.begin() as conn:
        conn.execute(update(webhook_deliveries).values(body="{}"))
        withdrawn.note(conn, [Withdrawn(post.company.ours, "approved", 7)], 1)
        withdrawn.note(conn, [Withdrawn(post.company.ours, "correction", 8)], 1)
    rows = [(row.event, row.subject_id, row.body) for row in post.deliveries()]
    assert rows == [
        ("correction.approved", 7, None),
        ("correction.approved", 8, None),
        ("correction.gone", 8, None),
    ]


def test_a_worker_who_is_restricted_is_gone(post: Post, receiver: Receiver) -> None:
    post.webhook()
    worker = post.company.worker
    tell(post, Event.WORKER_CHANGED, worker)
    post.courier.once()
    assert bodies_with(post, "Maes") == ["worker.changed"]
    with post.engine.begin() as conn:
        restricting.restrict(conn, post.company.ours, worker, 10**13)
    assert bodies_with(post, "Maes") == []
    post.courier.once()
    assert receiver.got[-1].json["type"] == "worker.gone"
    assert bodies_with(post, "Maes") == []


def test_what_is_let_go_of_is_not_told_of_as_new(post: Post, gates: Gates) -> None:
    post.webhook()
    gates.tap("08:00", site_let_go=True, employer_let_go=True)
    shown = gates.tap("09:00", site_let_go=True)
    gates.stranger("10:00", site_let_go=True)
    with post.engine.begin() as conn:
        outbox.collect(conn, 1)
    assert post.told() == [("registration.created", shown)]


@pytest.mark.parametrize(
    "backend", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
def test_no_name_is_kept_behind_an_erasure(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It begins while a body is being written: one of them waits for the other."""
    post.webhook()
    worker = post.company.worker
    tell(post, Event.WORKER_CHANGED, worker)
    written, erasing = bodies.written, threading.Event()

    def erase() -> None:
        with post.engine.begin() as conn:
            erasing.set()
            restricting.restrict(conn, post.company.ours, worker, 10**13)

    thread = threading.Thread(target=erase)

    def slowly(*given: Any, **options: Any) -> Any:
        found = written(*given, **options)
        if not erasing.is_set():
            thread.start()
            assert erasing.wait(30)
            thread.join(0.3)
        return found

    monkeypatch.setattr(bodies, "written", slowly)
    post.courier.round()
    thread.join(30)
    assert bodies_with(post, "Maes") == []


def test_an_answer_with_a_secret_does_not_stop_an_erasure(post: Post, engine: Engine) -> None:
    worker, ours = post.company.worker, post.company.ours
    with engine.begin() as conn:
        token, _ = api_tokens.make(conn, "erp", company=ours)
        said = json.dumps({"id": worker, "given_name": "Ann"})
        for key, answer in (("a", f"{SEALED}AAAA"), ("b", said)):
            conn.execute(
                insert(idempotency_keys).values(
                    token_id=token, key=key, request=bytes(32), status=201, answer=answer,
                    headers="{}", at_ms=1,
                )
            )  # fmt: skip
        assert forgetting.of_worker(conn, ours, worker) == 1
        assert conn.execute(select(workers.c.id).where(workers.c.id == worker)).scalar()
        assert conn.execute(select(webhooks)).all() == []
