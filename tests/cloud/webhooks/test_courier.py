"""Deliveries to a real server, by a clock that the test moves: nothing is lost, little doubled."""

import threading
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, select, update

from cloud.accounts.scopes import Scope
from cloud.audit.tables import audit
from cloud.custody.tables import epochs
from cloud.interpretation.interpreter import Interpreter
from cloud.webhooks import courier as couriers
from cloud.webhooks import deliveries, outbox, service, signing
from cloud.webhooks.deliveries import GIVEN_UP_MS, LEASE_MS, WAITS_MS
from cloud.webhooks.events import SCOPES, Event
from cloud.webhooks.letters import Writer
from cloud.webhooks.outbox import KEPT_MS
from cloud.webhooks.tables import webhook_deliveries, webhooks
from cloud.workers.tables import badges
from cloud.workers.vault import Vault
from tests.cloud.console.tapping import Gates
from tests.cloud.interpretation.test_interpreter import Platform
from tests.cloud.webhooks.conftest import Clock, Post
from tests.cloud.webhooks.receiver import Authority, Got, Receiver, says, takes
from tests.support.waiting import wait_for

HOUR = 3_600_000


def test_a_tap_comes_signed_with_what_the_api_shows(
    post: Post, gates: Gates, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, secret = post.webhook()
    number = gates.tap("08:00")
    assert post.courier.once() == 1
    (got,) = receiver.got
    monkeypatch.setattr("time.time", lambda: clock.ms / 1000)
    _stand_still(monkeypatch, clock)
    said = got.verified(secret)
    assert said["type"] == "registration.created"
    assert said["id"] == got.id
    assert said["company"] == "BE0403019261"
    assert said["url"] == f"/v1/registrations/{number}"
    assert said["timestamp"] == "2026-09-21T16:13:20.000+02:00"
    assert (said["data"]["worker"], said["data"]["badge"]) == ("Ann Maes", "…6789")
    (row,) = post.deliveries()
    assert (row.outcome, row.status, row.over_ms, row.tries) == ("taken", 204, clock.ms, 1)
    assert post.row(webhook).taken_ms == clock.ms
    assert post.courier.once() == 0


def _stand_still(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    """The library that verifies has a clock of its own."""
    from datetime import UTC, datetime

    import standardwebhooks.webhooks as library

    class Standing(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:  # type: ignore[override]
            return datetime.fromtimestamp(clock.ms / 1000, tz or UTC)

    monkeypatch.setattr(library, "datetime", Standing)


def test_what_fails_is_tried_after_ever_longer_waits_until_the_webhook_ends(
    post: Post, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = says(503, b"later")
    webhook, _ = post.webhook()
    post.test(webhook)
    begun = clock.ms
    waits = []
    while post.row(webhook).active:
        assert post.courier.once() == 0
        (row,) = post.deliveries()
        assert (row.outcome, row.status, row.answer) == ("refused", 503, "later")
        waits.append(row.due_ms - clock.ms)
        clock.ms = row.due_ms - 1
        assert post.courier.once() == 0
        assert len(receiver.got) == len(waits)
        clock.ms += 1
    assert waits == [*WAITS_MS, WAITS_MS[-1]]
    assert GIVEN_UP_MS <= post.row(webhook).ended_ms - begun < GIVEN_UP_MS + 4 * HOUR
    assert post.row(webhook).ended == "failing"
    assert len({got.id for got in receiver.got}) == len({got.body for got in receiver.got}) == 1
    # It is owed what it did not take; once activated, it gets that at once.
    post.courier.once()
    assert len(receiver.got) == len(waits)
    receiver.answer = takes
    with post.engine.begin() as conn:
        assert service.activate(conn, post.company.ours, webhook, SCOPES)
    assert post.courier.once() == 1
    assert receiver.got[-1].id == receiver.got[0].id


def test_waits_are_spread(post: Post, receiver: Receiver, clock: Clock) -> None:
    receiver.answer = says(500)
    webhook, _ = post.webhook()
    post.test(webhook)
    post.make_courier(jitter=lambda: 1.1).once()
    assert post.deliveries()[0].due_ms == clock.ms + 5_500
    assert len({deliveries.jitter() for _ in range(100)}) > 90
    assert all(0.9 <= deliveries.jitter() <= 1.1 for _ in range(100))


def test_a_server_may_ask_for_more_time(post: Post, receiver: Receiver, clock: Clock) -> None:
    receiver.answer = says(429, headers={"retry-after": "7200"})
    webhook, _ = post.webhook()
    post.test(webhook)
    post.courier.once()
    assert post.deliveries()[0].due_ms == clock.ms + 2 * HOUR


def test_a_server_that_is_gone_ends_it_at_once(
    post: Post, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = says(410)
    webhook, _ = post.webhook()
    post.test(webhook)
    post.courier.once()
    row = post.row(webhook)
    assert (row.active, row.ended, row.ended_ms) == (False, "gone", clock.ms)


def test_a_server_that_takes_nothing_is_asked_with_one_thing_at_a_time(
    post: Post, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = says(500)
    webhook, _ = post.webhook()
    for _ in range(10):
        post.test(webhook)
    post.courier.once()
    # As many as were in hand when nobody knew yet.
    assert len(receiver.got) == deliveries.AT_ONCE
    for _ in range(3):
        clock.ms = post.row(webhook).paused_until_ms
        post.courier.once()
    assert len(receiver.got) == deliveries.AT_ONCE + 3
    assert post.row(webhook).paused_until_ms - clock.ms <= 300_000
    # It takes things again: after an outage, all that it is owed is due, however long the waits.
    clock.ms += 12 * HOUR
    receiver.answer = takes
    assert post.courier.once() == 10
    assert post.row(webhook).failing_since_ms is None


def test_after_an_outage_what_it_is_owed_does_not_wait_for_its_turn(
    post: Post, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = says(500)
    webhook, _ = post.webhook()
    post.test(webhook)
    for _ in range(5):
        post.courier.once()
        (row,) = post.deliveries()
        clock.ms = row.due_ms
    post.courier.once()
    clock.ms = post.row(webhook).paused_until_ms
    assert post.deliveries()[0].due_ms - clock.ms > 9 * HOUR
    receiver.answer = takes
    post.test(webhook)
    assert post.courier.once() == 2


def test_one_event_that_is_never_taken_is_given_up_and_the_webhook_goes_on(
    post: Post, receiver: Receiver, clock: Clock
) -> None:
    webhook, _ = post.webhook()
    post.test(webhook)
    (poison,) = (row.message for row in post.deliveries())

    def answer(got: Got) -> tuple[int, dict[str, str], bytes]:
        return (500 if got.id == poison else 204), {}, b""

    receiver.answer = answer
    begun, tests = clock.ms, 1
    while post.deliveries()[0].over_ms is None:
        clock.ms = max(post.deliveries()[0].due_ms, post.row(webhook).paused_until_ms or 0)
        post.courier.once()
        post.test(webhook)
        clock.ms += 300_000
        post.courier.once()
        tests += 1
    row = post.deliveries()[0]
    assert GIVEN_UP_MS <= row.over_ms - begun <= GIVEN_UP_MS + 30 * HOUR
    assert (row.outcome, post.row(webhook).active) == ("refused", True)
    counted = Counter(got.id for got in receiver.got)
    assert len(counted) == tests
    assert 10 <= counted.pop(poison) <= 25
    assert set(counted.values()) == {1}
    with post.engine.begin() as conn:
        service.again(conn, post.company.ours, webhook, row.id)
    receiver.answer = takes
    assert post.courier.once() == 1
    assert receiver.got[-1].id == poison


def test_who_falls_over_between_sending_and_noting_it_sends_it_again(
    post: Post, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook, _ = post.webhook()
    post.test(webhook)

    class KilledError(BaseException):
        pass

    def dies(_conn: Any, tried: Any, *_: Any) -> None:
        if tried:
            raise KilledError

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "mark", dies)
        with pytest.raises(KilledError):
            post.courier.once()
    assert len(receiver.got) == 1
    other = post.make_courier()
    assert other.once() == 0  # It may still be in the other's hands.
    clock.ms += LEASE_MS
    assert other.once() == 1
    first, second = receiver.got
    assert (first.id, first.body) == (second.id, second.body)
    assert first.headers["webhook-timestamp"] != second.headers["webhook-timestamp"]


def test_two_couriers_send_each_thing_once(post: Post, gates: Gates, receiver: Receiver) -> None:
    webhook, _ = post.webhook()
    numbers = [gates.tap(f"{hour:02}:00") for hour in range(10)]
    for _ in range(10):
        post.test(webhook)
    taken: list[int] = []
    threads = [
        threading.Thread(target=lambda: taken.append(post.make_courier().once())) for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(taken) == 20
    assert Counter(got.id for got in receiver.got).most_common(1)[0][1] == 1
    told = [got.json["url"] for got in receiver.got if got.json["url"]]
    assert sorted(told) == sorted(f"/v1/registrations/{number}" for number in numbers)


def test_a_server_that_is_slow_holds_up_nobody_else(
    post: Post, authority: Authority, receiver: Receiver
) -> None:
    let_go = threading.Event()

    def slow(_got: Got) -> tuple[int, dict[str, str], bytes]:
        let_go.wait(30)
        return 204, {}, b""

    other = Receiver(authority)
    other.answer = slow
    sluggish, _ = post.webhook(url=other.url)
    quick, _ = post.webhook()
    for webhook in (sluggish, quick):
        for _ in range(12):
            post.test(webhook)
    courier = post.make_courier(every_s=0.01)
    courier.start()
    try:
        wait_for(lambda: len(receiver.got) == 12, "the quick one has all of it")
        wait_for(lambda: len(other.got) == deliveries.AT_ONCE, "the slow one has some")
        assert all(row.outcome is None for row in post.deliveries() if row.webhook_id == sluggish)
    finally:
        let_go.set()
        courier.stop()
        other.stop()


def test_it_goes_on_by_itself_and_no_error_ends_it(
    post: Post, gates: Gates, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing = [True, True]
    collect = outbox.collect

    def away(*given: Any) -> bool:
        if failing:
            failing.pop()
            raise RuntimeError("away")
        return collect(*given)

    monkeypatch.setattr(outbox, "collect", away)
    webhook, _ = post.webhook()
    courier = post.make_courier(every_s=0.01)
    courier.start()
    gates.tap("08:00")
    wait_for(lambda: len(receiver.got) == 1, "it is told")
    post.test(webhook)
    wait_for(lambda: len(receiver.got) == 2, "it is told again")
    courier.stop()
    assert [row.outcome for row in post.deliveries()] == ["taken", "taken"]


def test_stopping_does_not_wait_for_a_slow_server(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(couriers, "_STOP_S", 0.01)
    let_go = threading.Event()
    receiver.answer = lambda _got: (let_go.wait(30) and 204, {}, b"")
    webhook, _ = post.webhook()
    post.test(webhook)
    courier = post.make_courier(every_s=0.01)
    courier.start()
    wait_for(lambda: receiver.got, "it is being sent")
    courier.stop()
    let_go.set()
    (row,) = post.deliveries()
    assert (row.outcome, row.tries, row.over_ms) == (None, 1, None)


def test_without_anything_to_do_nothing_is_written(post: Post, gates: Gates) -> None:
    gates.tap("08:00")
    post.webhook()
    post.courier.once()
    assert post.courier.round() == []

    def refuse() -> Any:
        raise AssertionError("it writes")

    post.courier._writing = type("Engine", (), {"begin": staticmethod(refuse)})()
    assert post.courier.round() == []
    gates.tap("09:00")
    with pytest.raises(AssertionError, match="it writes"):
        post.courier.round()


def test_both_secrets_sign_for_a_day(
    post: Post, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    _stand_still(monkeypatch, clock)
    webhook, first = post.webhook()

    def rotated() -> str:
        with post.engine.begin() as conn:
            return service.rotate(conn, post.vault, post.company.ours, webhook, SCOPES)

    second = rotated()
    for at_ms, ways in ((clock.ms + 24 * HOUR - 1, 2), (clock.ms + 24 * HOUR, 1)):
        clock.ms = at_ms
        post.test(webhook)
        post.courier.once()
        got = receiver.got[-1]
        assert len(got.headers["webhook-signature"].split()) == ways
        assert got.verified(second)["type"] == "test"
        if ways == 2:
            assert got.verified(first)["type"] == "test"
    third = rotated()
    post.test(webhook)
    post.courier.once()
    assert receiver.got[-1].verified(second)
    assert receiver.got[-1].verified(third)


def test_a_secret_that_cannot_be_read_is_said_and_the_others_go_on(
    post: Post, receiver: Receiver
) -> None:
    lost, _ = post.webhook()
    fine, _ = post.webhook()
    for webhook in (lost, fine):
        post.test(webhook)
    with post.engine.begin() as conn:
        strange = signing.sealed(Vault(b"k" * 32), lost, "whsec_")
        conn.execute(update(webhooks).where(webhooks.c.id == lost).values(sealed=strange))
    assert post.courier.once() == 1
    assert (post.row(lost).outcome, post.row(fine).outcome) == ("sealed", "taken")


def test_it_is_deleted_while_it_is_being_sent(post: Post, receiver: Receiver) -> None:
    webhook, _ = post.webhook()
    post.test(webhook)

    def delete_it(_got: Got) -> tuple[int, dict[str, str], bytes]:
        with post.engine.begin() as conn:
            service.remove(conn, post.company.ours, webhook)
        return 204, {}, b""

    receiver.answer = delete_it
    assert post.courier.once() == 1
    assert post.deliveries() == []


def test_what_is_over_is_kept_for_thirty_days(post: Post, receiver: Receiver, clock: Clock) -> None:
    webhook, _ = post.webhook()
    ended, _ = post.webhook()
    post.test(webhook)
    post.test(ended)
    with post.engine.begin() as conn:
        service.deactivate(conn, post.company.ours, ended)
    post.courier.once()
    clock.ms += KEPT_MS
    post.courier._forget()
    assert len(post.deliveries()) == 2
    assert post.deliveries()[0].body is not None
    clock.ms += 1
    post.courier._forget()
    assert post.deliveries() == []


def test_interpreting_all_again_sends_nothing_again(
    post: Post, receiver: Receiver, tmp_path: Path
) -> None:
    """As `pointeuse cloud reinterpret`: registrations that remain as they were say nothing."""
    platform = Platform(post.engine, tmp_path / "platform")
    post.webhook(company=platform.company)
    for _ in range(5):
        platform.terminal.tap()
    platform.deliver()
    assert len(platform.interpret()) == post.courier.once() == 5
    with post.engine.begin() as conn:
        conn.execute(update(epochs).values(interpreted_seq=0))
    assert len(platform.interpret()) == 5
    assert post.courier.once() == 0
    # What becomes another thereby is told of as changed.
    with post.engine.begin() as conn:
        conn.execute(update(epochs).values(interpreted_seq=0))
        conn.execute(update(badges).values(worker_id=None))
    platform.interpreter = Interpreter(post.engine, [platform.terminal.platform])
    platform.interpret()
    assert post.courier.once() == 5
    told = Counter(got.json["type"] for got in receiver.got)
    assert told == {"registration.created": 5, "registration.changed": 5}


def test_fields_that_leave_of_people_are_in_the_trail(post: Post, receiver: Receiver) -> None:
    def noted() -> list[Any]:
        with post.engine.connect() as conn:
            query = select(audit.c.tag, audit.c.target_id, audit.c.company_id)
            return list(conn.execute(query.where(audit.c.tag.startswith("webhook:"))).all())

    ours, worker = post.company.ours, post.company.worker
    webhook, _ = post.webhook(scopes=())
    with post.engine.begin() as conn:
        outbox.tell(conn, Event.WORKER_CHANGED, ours, [worker])
    post.courier.once()
    assert not receiver.got[-1].json["data"]
    assert noted() == []
    with post.engine.begin() as conn:
        values = {"scopes": frozenset({Scope.WORKERS_READ})}
        service.change(conn, ours, webhook, values, SCOPES)
        outbox.tell(conn, Event.WORKER_CHANGED, ours, [worker])
    post.courier.once()
    assert receiver.got[-1].json["data"]["family_name"] == "Maes"
    assert noted() == [("webhook:worker:send", worker, ours)]


def test_a_webhook_that_cannot_be_served_holds_up_nobody_else(
    post: Post, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, _ = post.webhook()
    fine, _ = post.webhook()
    for webhook in (broken, fine):
        post.test(webhook)
    letters = Writer.letters

    def some(self: Any, webhook: Any, *given: Any) -> Any:
        if webhook.id == broken:
            raise RuntimeError("this one")
        return letters(self, webhook, *given)

    monkeypatch.setattr(Writer, "letters", some)
    assert post.courier.once() == 1
    assert [row.outcome for row in post.deliveries()] == [None, "taken"]


def test_nothing_is_left_of_a_delivery_that_was_pruned_while_in_hand(
    post: Post, receiver: Receiver
) -> None:
    webhook, _ = post.webhook()
    post.test(webhook)

    def prune(_got: Got) -> tuple[int, dict[str, str], bytes]:
        with post.engine.begin() as conn:
            conn.execute(delete(webhook_deliveries))
        return 500, {}, b""

    receiver.answer = prune
    assert post.courier.once() == 0
    assert post.row(webhook).failures == 0
