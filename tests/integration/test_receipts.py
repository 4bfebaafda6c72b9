"""Receipts that are lost, late, repeated, out of order, old, another's or forged: none misleads."""

import os
import secrets
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from hwsim.processes import wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack
from protocol.keyfiles import load_signing_key
from protocol.keys import SigningKey
from protocol.receipts import Leaf, Verdict, sign_receipts
from tests.integration.test_path import WholePath
from tests.support.wire import Wire

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_NEVER = 1_000_000
"""A generation that no restore has reached."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholePath]:
    """One for all: each test begins with everything delivered, and ends so."""
    home = tmp_path_factory.mktemp("receipts")
    with (
        Stack(home / "stack", ingests=2) as stack,
        SerialReader(home / "reader", "rdm6300") as reader,
    ):
        yield WholePath(stack, reader)


@pytest.fixture
def wire(path: WholePath) -> Iterator[Wire]:
    with Wire(path.stack.platform, path.stack.broker_port, path.broker) as wire:
        yield wire


@contextmanager
def silent(path: WholePath) -> Iterator[None]:
    """The platform says nothing: its ingest holds still in the middle of whatever it does."""
    os.kill(path.ingest.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(path.ingest.pid, signal.SIGCONT)


def said(path: WholePath) -> dict[str, Any]:
    status = path.terminal.status()
    assert status is not None
    return status


def counted(path: WholePath, name: str) -> int:
    return int(said(path)["counts"].get(name, 0))


def until_counted(path: WholePath, name: str, more: int, act: Callable[[], None]) -> None:
    """Do something, again and again if need be, until the agent has counted `more` of `name`.

    A terminal that waits for an answer in vain connects anew; what comes in between is not for it.
    """
    wanted = counted(path, name) + more

    def enough() -> bool:
        act()
        return counted(path, name) >= wanted

    wait_for(enough, f"the agent does not count {name}: {said(path)['counts']}")


def held(path: WholePath) -> int:
    return len(path.stack.registrations())


def lose(path: WholePath, wire: Wire) -> bytes:
    """Make five taps of which the platform takes some, and its receipt for them never arrives."""
    path.tap(1)
    path.terminal.wait_delivered()
    wire.cut()
    missed, known = counted(path, "unanswered"), len(wire.heard)
    delivered = path.made
    path.tap(5)
    wait_for(lambda: held(path) > delivered, "the platform holds none of the new taps")
    wait_for(lambda: counted(path, "unanswered") > missed, "no receipt is missed")
    assert said(path)["queue"] == 5
    return next(
        message
        for message, leaf in zip(wire.heard[known:], wire.leaves()[known:], strict=False)
        if leaf.verdict is Verdict.STORED
    )


def test_broker_and_ingest_killed_between_the_commit_and_its_receipt(
    path: WholePath, wire: Wire
) -> None:
    resends = counted(path, "resends")
    lose(path, wire)
    path.broker.kill()
    path.ingest.kill()
    wire.forget()
    path.broker.start()
    path.ingest.start()
    path.check()
    # The answer to the next hello says what the lost receipt said.
    assert counted(path, "resends") == resends


def test_a_receipt_that_comes_late_counts_for_what_it_names(path: WholePath, wire: Wire) -> None:
    receipt = lose(path, wire)
    with silent(path):
        wire.mend()

        def comes() -> bool:
            wire.say(path.terminal.device, receipt)
            return bool(said(path)["queue"] < 5)

        wait_for(comes, "the late receipt moves nothing")
    path.check()


def test_old_receipts_repeated_and_out_of_order_move_nothing(path: WholePath, wire: Wire) -> None:
    path.tap(3)
    path.terminal.wait_delivered()
    path.tap(3)
    path.check()
    newest = max(leaf.seq for leaf in wire.leaves())
    old = [
        message
        for message, leaf in zip(list(wire.heard), wire.leaves(), strict=False)
        if leaf.seq < newest
    ]
    assert old
    resends = counted(path, "resends")

    def replay() -> None:
        for message in [*old, *reversed(old), *old]:
            wire.say(path.terminal.device, message)

    until_counted(path, "ignored_receipts", 3 * len(old), replay)
    assert (said(path)["queue"], counted(path, "resends")) == (0, resends)
    with silent(path):
        path.tap(4)
        until_counted(path, "ignored_receipts", 3 * len(old), replay)
        assert said(path)["queue"] == 4
    path.check()
    assert len({each["epoch"] for each in path.stack.registrations()}) == 1


def test_receipts_that_are_not_for_this_or_not_the_platforms(path: WholePath, wire: Wire) -> None:
    path.tap(3)
    path.check()
    genuine = max(wire.leaves(), key=lambda leaf: leaf.seq)
    message = wire.heard[wire.leaves().index(genuine)]
    key = load_signing_key(path.stack.platform / "keys" / "receipt.key")
    ahead = replace(genuine, seq=genuine.seq + 4, nonce=secrets.token_bytes(16))
    ignored = [
        # A chain that is not this terminal's, or not its own any more.
        replace(ahead, link=secrets.token_bytes(32)),
        replace(ahead, epoch=secrets.token_bytes(16)),
        replace(genuine, terminal=secrets.token_bytes(32)),
        # Verdicts that answer nothing that was asked, of whatever generation.
        replace(ahead, verdict=Verdict.RESUME, seq=0, resume=1, generation=_NEVER),
        replace(ahead, verdict=Verdict.BEHIND, generation=_NEVER),
        replace(ahead, verdict=Verdict.BANNED),
    ]
    refused = [
        message[:-1] + bytes([message[-1] ^ 1]),
        sign_receipts([ahead], SigningKey.generate())[0],
        b"not CBOR",
        b"",
    ]
    with silent(path):
        path.tap(4)
        for leaf in ignored:
            _is_passed_over(path, wire, "ignored_receipts", sign_receipts([leaf], key)[0], leaf)
        for forged in refused:
            _is_passed_over(path, wire, "refused_messages", forged, None)
    path.check()
    assert said(path)["alarms"] == {}
    assert len({each["epoch"] for each in path.stack.registrations()}) == 1


def _is_passed_over(
    path: WholePath, wire: Wire, name: str, message: bytes, leaf: Leaf | None
) -> None:
    until_counted(path, name, 1, lambda: wire.say(path.terminal.device, message))
    assert said(path)["queue"] == 4, leaf
