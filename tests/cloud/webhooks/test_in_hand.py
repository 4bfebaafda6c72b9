"""What is in hand, and what somebody else does to it meanwhile: noted once, each by itself."""

from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from cloud.webhooks import deliveries, service
from cloud.webhooks.deliveries import LEASE_MS, WAITS_MS
from cloud.webhooks.events import SCOPES
from cloud.webhooks.sending import Answer, Outcome
from tests.cloud.webhooks.conftest import Clock, Post
from tests.cloud.webhooks.receiver import Receiver, says, takes


class InHand:
    """What a courier took in hand, until the test says what became of it."""

    def __init__(self, post: Post) -> None:
        self.post = post
        self.letters = post.courier.round()

    def end(self, status: int) -> None:
        """Each was answered so; another round notes it."""
        outcome = Outcome.TAKEN if status < 300 else Outcome.REFUSED
        for letter in self.letters:
            self.post.courier._end(letter, Answer(outcome, status))
        self.letters = self.post.courier.round()


def test_what_is_sent_again_during_a_try_that_fails_is_at_its_first_try(
    post: Post, receiver: Receiver, clock: Clock
) -> None:
    receiver.answer = says(503)
    webhook, _ = post.webhook()
    other, _ = post.webhook(company=post.company.theirs)
    post.test(webhook)
    for _ in range(5):
        post.courier.once()
        clock.ms = post.deliveries()[0].due_ms
    in_hand = InHand(post)
    (row,) = post.deliveries()
    assert (row.tries, len(in_hand.letters)) == (6, 1)
    with post.engine.begin() as conn:
        service.again(conn, post.company.ours, webhook, row.id)
    in_hand.end(503)
    (row,) = post.deliveries()
    assert (row.tries, row.first_ms, row.due_ms) == (1, clock.ms, clock.ms + WAITS_MS[0])
    # Nobody else is held up by it.
    receiver.answer = takes
    post.test(other, post.company.theirs)
    assert post.courier.once() == 1
    clock.ms = max(row.due_ms, post.row(webhook).paused_until_ms)
    assert post.courier.once() == 1


def test_what_was_in_hand_when_its_webhook_was_activated_is_at_its_first_try(
    post: Post, clock: Clock
) -> None:
    webhook, _ = post.webhook()
    post.test(webhook)
    in_hand = InHand(post)
    with post.engine.begin() as conn:
        service.deactivate(conn, post.company.ours, webhook)
        service.activate(conn, post.company.ours, webhook, SCOPES)
        service.deactivate(conn, post.company.ours, webhook)
    clock.ms += 1
    in_hand.end(503)
    (row,) = post.deliveries()
    assert (row.tries, row.first_ms, row.due_ms) == (1, clock.ms, clock.ms + WAITS_MS[0])


def test_what_one_try_brought_there_is_not_missed_because_another_failed(
    post: Post, receiver: Receiver
) -> None:
    webhook, _ = post.webhook()
    post.test(webhook)
    first = InHand(post)
    with post.engine.begin() as conn:
        service.again(conn, post.company.ours, webhook, first.letters[0].id)
    second = InHand(post)
    assert [each.message for each in second.letters] == [each.message for each in first.letters]
    first.end(204)
    second.end(503)
    (row,) = post.deliveries()
    assert (row.outcome, row.status) == ("taken", 204)
    assert row.over_ms is not None
    assert post.row(webhook).failures == 1


def test_a_try_that_cannot_be_noted_holds_up_no_other(
    post: Post, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        post.test(post.webhook()[0])
    in_hand = InHand(post)
    broken = in_hand.letters[0].webhook_id
    took = deliveries._took

    def some(conn: Any, webhook: Any, *given: Any) -> None:
        took(conn, webhook, *given)
        if webhook.id == broken:
            raise RuntimeError("this one")

    monkeypatch.setattr(deliveries, "_took", some)
    in_hand.end(204)
    assert in_hand.letters == []
    noted = {row.webhook_id: row.outcome for row in post.deliveries()}
    assert noted.pop(broken) is None
    assert list(noted.values()) == ["taken"]
    # Nothing is kept of half a note, and it is sent again.
    assert post.row(broken).taken_ms is None
    clock.ms += LEASE_MS
    monkeypatch.undo()
    assert [letter.webhook_id for letter in post.courier.round()] == [broken]


def test_tries_are_kept_while_the_database_is_away(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.test(post.webhook()[0])
    in_hand = InHand(post)

    def away(*_given: Any) -> None:
        raise OperationalError("select", {}, Exception("away"))

    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "_took", away)
        with pytest.raises(OperationalError):
            in_hand.end(204)
    post.courier.round()
    assert [row.outcome for row in post.deliveries()] == ["taken"]


def test_a_webhook_made_anew_during_a_try_is_not_given_its_answer(post: Post) -> None:
    """On SQLite it, and its delivery, have the ids of those that were deleted."""
    webhook, _ = post.webhook()
    post.test(webhook)
    in_hand = InHand(post)
    with post.engine.begin() as conn:
        service.remove(conn, post.company.ours, webhook)
    anew, _ = post.webhook()
    number = post.test(anew)
    in_hand.end(204)
    (row,) = post.deliveries()
    assert (row.id, row.outcome, row.over_ms) == (number, None, None)
    assert post.row(anew).taken_ms is None
    assert [letter.message for letter in in_hand.letters] == [row.message]
