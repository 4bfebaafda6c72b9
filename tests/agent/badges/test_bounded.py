"""A card that never comes to an end does not hold the reader for ever."""

import itertools
import time

import pytest

from agent.badges import bounded
from agent.badges.identify import Identifier
from agent.badges.sessions import CardError
from tests.agent.readers.test_pn532 import identifier

UID = bytes.fromhex("04A1B2C3D4E5F6")


class Endless:
    """Says after every octet that there is one more."""

    def __init__(self) -> None:
        self.asked = 0

    def transmit(self, apdu: bytes, /) -> tuple[bytes, int]:
        self.asked += 1
        return b"\x00", 0x6101


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that pass with each look at the clock."""
    passes = [0.0]
    ticks = itertools.count()
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks) * passes[0])
    return passes


def given_up(made: Identifier) -> int:
    card = Endless()
    with pytest.raises(CardError) as refused:
        made.identify(card, UID)
    assert refused.value.reason == "endless"
    return card.asked


def test_it_is_given_so_many_commands(clock: list[float]) -> None:
    clock[0] = 0.0
    assert given_up(identifier()) == 2 * bounded.MOST


def test_it_is_given_so_much_time(clock: list[float]) -> None:
    clock[0] = 1.0
    assert given_up(identifier()) == bounded.LONGEST_S
