"""One company is slow, or its names are, and the others are served."""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import pytest

from cloud.webhooks import deliveries, sending
from cloud.webhooks.addresses import Address, Reach
from cloud.webhooks.courier import IN_HAND
from cloud.webhooks.deliveries import AT_ONCE, OF_COMPANY
from cloud.webhooks.places import Names, Places
from cloud.webhooks.service import MOST
from tests.cloud.webhooks.conftest import Clock, Post
from tests.cloud.webhooks.conftest import names as resolve
from tests.cloud.webhooks.receiver import Receiver
from tests.support.waiting import wait_for

HANGS = "hangs.example.test"


def many(post: Post, url: str | None = None) -> None:
    """As many webhooks as a company may have, each owed more than is sent to one at once."""
    for _ in range(MOST):
        webhook, _secret = post.webhook(url=url)
        for _ in range(AT_ONCE + 1):
            post.test(webhook)


def test_a_company_has_some_places_and_the_others_have_room(post: Post) -> None:
    assert MOST * AT_ONCE > IN_HAND > OF_COMPANY
    many(post)
    theirs = post.company.theirs
    other, _ = post.webhook(company=theirs)
    for _ in range(AT_ONCE):
        post.test(other, theirs)
    held = Counter(letter.company_id for letter in post.courier.round())
    assert held == {post.company.ours: OF_COMPANY, theirs: AT_ONCE}
    # It gets no more while its servers are slow, whichever of them are.
    assert post.courier.round() == []


def test_what_ended_makes_room_for_more(post: Post, receiver: Receiver) -> None:
    many(post)
    assert post.courier.once() == MOST * (AT_ONCE + 1)
    assert post.courier._places.held() == {}


def test_names_that_hang_hold_the_places_of_their_own_company(
    post: Post, reach: Reach, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    let_go = threading.Event()

    def hang(host: str, port: int) -> Sequence[Address]:
        if host != HANGS:
            return resolve(host, port)
        asked.append(host)
        let_go.wait(60)
        return []

    ours, theirs = post.company.ours, post.company.theirs
    many(post, f"https://{HANGS}/")
    other, _ = post.webhook(company=theirs)
    courier = post.make_courier(reach=replace(reach, resolve=hang))
    try:
        with monkeypatch.context() as patched:
            patched.setattr(sending, "LIMIT_S", 0.05)
            assert courier.once() == 0
        # Each try is over, and none of the look-ups.
        timeouts = Counter(row.outcome for row in post.deliveries())
        assert timeouts == {"timeout": OF_COMPANY, None: MOST * (AT_ONCE + 1) - OF_COMPANY}
        clock.ms += 3_600_000
        post.test(other, theirs)
        assert courier.once() == 1
        assert len(asked) == OF_COMPANY
        assert sum(courier._places.held().values()) == OF_COMPANY
    finally:
        let_go.set()
    wait_for(lambda: not courier._places.held(), "the places are free")
    assert {letter.company_id for letter in courier.round()} == {ours}


def test_a_look_up_that_waits_for_a_thread_is_given_up_with_its_try() -> None:
    let_go = threading.Event()
    places = Places()

    def hang(_host: str, _port: int) -> Sequence[Address]:
        let_go.wait(60)
        return []

    async def two() -> None:
        names = Names(hang, places, 1)
        tries = [asyncio.create_task(names.look_up((1, 2), HANGS, 443)) for _ in range(2)]
        await asyncio.sleep(0)
        for each in tries:
            each.cancel()
        await asyncio.gather(*tries, return_exceptions=True)
        names.end()

    asyncio.run(two())
    assert places.held() == {(1, 2): 1}
    let_go.set()
    wait_for(lambda: not places.held(), "the thread is done")


def test_claiming_counts_what_is_in_hand_of_the_webhook_and_of_its_company(
    post: Post, clock: Clock
) -> None:
    webhook, _ = post.webhook()
    for _ in range(AT_ONCE):
        post.test(webhook)
    ours = post.company.ours
    for whose, held, left in (
        ((ours, webhook), AT_ONCE - 1, 1),
        ((ours, webhook + 1), OF_COMPANY - 2, 2),
        ((ours + 1, webhook + 1), OF_COMPANY, AT_ONCE),
    ):
        # Not committed: each finds all of them due.
        with post.engine.connect() as conn:
            found = deliveries.claim(conn, clock.ms, most=IN_HAND, in_hand={whose: held})
            assert [len(rows) for _webhook, rows in found] == [left]
