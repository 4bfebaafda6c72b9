"""Of two who change the same webhook and its deliveries, one waits for the other, and both go on.

On PostgreSQL: on SQLite there is one who writes.
"""

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, Engine, select, text

from cloud.webhooks import deliveries, outbox, service, withdrawing
from cloud.webhooks.deliveries import Tried
from cloud.webhooks.events import SCOPES, Event
from cloud.webhooks.outbox import KEPT_MS
from cloud.webhooks.sending import Answer, Outcome
from cloud.webhooks.tables import webhook_deliveries
from tests.cloud.webhooks.conftest import Clock, Post
from tests.support.waiting import wait_for

pytestmark = pytest.mark.parametrize(
    "backend", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)


class Beside:
    """Something done in a transaction of its own, beside the test; `end` raises what it raised."""

    def __init__(self, engine: Engine, act: Callable[[Connection], object]) -> None:
        self._engine, self._act = engine, act
        self._failed: list[Exception] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def waits(self) -> bool:
        """Whether somebody waits for somebody's lock."""
        with self._engine.connect() as conn:
            waiting = text("SELECT count(*) FROM pg_locks WHERE NOT granted")
            return bool(conn.execute(waiting).scalar())

    def end(self) -> None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        for error in self._failed:
            raise error

    def _run(self) -> None:
        try:
            with self._engine.begin() as conn:
                self._act(conn)
        except Exception as error:  # noqa: BLE001 - given to `end`
            self._failed.append(error)


def told(post: Post, *subjects: int) -> list[int]:
    """Deliveries about workers of ours; their ids."""
    with post.engine.begin() as conn:
        outbox.tell(conn, Event.WORKER_CHANGED, post.company.ours, subjects)
    return [row.id for row in post.deliveries()]


@pytest.mark.parametrize("change", ["again", "activate", "remove"])
def test_withdrawing_waits_for_whoever_changes_the_webhook(post: Post, change: str) -> None:
    ours = post.company.ours
    webhook, _ = post.webhook()
    (number,) = told(post, 7)
    if change == "activate":
        with post.engine.begin() as conn:
            service.deactivate(conn, ours, webhook)
    with post.engine.begin() as conn:
        # As all of them begin.
        service._locked(conn, ours, webhook)
        beside = Beside(post.engine, lambda conn: withdrawing.withdraw(conn, "worker", [(ours, 7)]))
        wait_for(beside.waits, "withdrawing waits")
        if change == "again":
            service.again(conn, ours, webhook, number)
        elif change == "activate":
            service.activate(conn, ours, webhook, SCOPES)
        else:
            service.remove(conn, ours, webhook)
    beside.end()
    gone = [] if change == "remove" else ["worker.changed", "worker.gone"]
    assert [row.event for row in post.deliveries()] == gone


def test_withdrawing_waits_for_a_courier_that_notes_what_became_of_several(
    post: Post, clock: Clock
) -> None:
    ours = post.company.ours
    post.webhook()
    workers = range(1, 21)
    told(post, *workers)
    tried = [
        Tried(row.id, row.webhook_id, row.message, Answer(Outcome.TAKEN, 204))
        for row in post.deliveries()
    ]
    with post.engine.begin() as conn:
        deliveries.mark(conn, tried[:1], clock.ms)
        beside = Beside(
            post.engine,
            lambda conn: withdrawing.withdraw(conn, "worker", [(ours, each) for each in workers]),
        )
        wait_for(beside.waits, "withdrawing waits")
        deliveries.mark(conn, tried[1:], clock.ms)
    beside.end()
    assert [row.outcome for row in post.deliveries()] == ["taken"] * 20 + [None] * 20


def test_what_somebody_is_at_is_forgotten_another_time(post: Post, clock: Clock) -> None:
    post.webhook()
    numbers = told(post, 7, 8)
    clock.ms += KEPT_MS + 1
    with post.engine.begin() as conn:
        first = select(webhook_deliveries.c.id).where(webhook_deliveries.c.id == numbers[0])
        conn.execute(first.with_for_update())
        beside = Beside(post.engine, lambda conn: deliveries.forget(conn, clock.ms))
        beside.end()
    assert [row.id for row in post.deliveries()] == numbers[:1]
    post.courier._forget()
    assert post.deliveries() == []
