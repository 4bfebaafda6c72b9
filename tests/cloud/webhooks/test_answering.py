"""A webhook answers to the program that made or changed it last, and ends with its token."""

from sqlalchemy import update

from cloud.accounts import api_tokens
from cloud.accounts.tables import api_tokens as tokens
from cloud.webhooks import answering, service
from cloud.webhooks.events import CHOSEN, SCOPES
from cloud.webhooks.service import Wanted
from cloud.webhooks.tables import webhooks
from tests.cloud.console.tapping import Gates
from tests.cloud.webhooks.conftest import Clock, Post
from tests.cloud.webhooks.receiver import Receiver


def program(post: Post) -> int:
    with post.engine.begin() as conn:
        return api_tokens.make(conn, "erp", company=post.company.ours, may=SCOPES)[0]


def webhook_of(post: Post, token: int | None) -> int:
    wanted = Wanted("Planning", post.url, frozenset(CHOSEN), frozenset(SCOPES))
    with post.engine.begin() as conn:
        return service.create(conn, post.vault, post.company.ours, wanted, SCOPES, token)[0]


def test_it_answers_to_who_made_changed_or_activated_it_last(post: Post) -> None:
    ours, one, other = post.company.ours, program(post), program(post)
    webhook = webhook_of(post, one)
    with post.engine.begin() as conn:
        assert answering.of(conn, one) == [(webhook, "Planning")]
        service.change(conn, ours, webhook, {"name": "Planning"}, SCOPES)
        assert answering.of(conn, one) == [(webhook, "Planning")], "nothing was changed"
        events = {"events": frozenset(CHOSEN[:1])}
        service.change(conn, ours, webhook, events, SCOPES, token=other)
        assert answering.of(conn, other) == [(webhook, "Planning")]
        service.change(conn, ours, webhook, {"name": "Ours"}, SCOPES)
        assert (answering.of(conn, one), answering.of(conn, other)) == ([], [])
        service.deactivate(conn, ours, webhook)
        service.activate(conn, ours, webhook, SCOPES, one)
        assert answering.of(conn, one) == [(webhook, "Ours")]


def test_nothing_is_sent_once_its_token_is_revoked(
    post: Post, gates: Gates, receiver: Receiver
) -> None:
    token = program(post)
    forsaken, kept = webhook_of(post, token), webhook_of(post, None)
    with post.engine.begin() as conn:
        api_tokens.revoke(conn, token)
    gates.tap("08:00")
    assert post.courier.once() == 1
    (took,) = [row for row in post.deliveries() if row.outcome == "taken"]
    assert took.webhook_id == kept
    assert len(receiver.got) == 1
    row = post.row(forsaken)
    assert (row.active, row.ended) == (False, "token")


def test_nothing_is_sent_once_its_token_has_ended(post: Post, clock: Clock) -> None:
    token = program(post)
    webhook = webhook_of(post, token)
    with post.engine.begin() as conn:
        conn.execute(update(tokens).values(expires_ms=clock.ms + 1_000))
    post.test(webhook)
    assert post.courier.once() == 1
    clock.ms += 1_000
    # Also when nothing is owed to anybody, so that its page says so.
    assert post.courier.once() == 0
    assert post.row(webhook).ended == "token"
    with post.engine.begin() as conn:
        assert service.activate(conn, post.company.ours, webhook, SCOPES)
        conn.execute(update(webhooks).values(failures=0))
    post.test(webhook)
    assert post.courier.once() == 1
