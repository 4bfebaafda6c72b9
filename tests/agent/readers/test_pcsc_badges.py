"""Badges with keys on a real pcscd: read once, and pulled away at every APDU."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from agent.badges.identify import Identifier
from agent.readers import PcscConfig, open_reader
from agent.reads import BadgeRead, Unreadable
from hwsim.cards import ATR_DESFIRE, ATR_MIFARE_1K
from hwsim.pcscd import Pcscd
from hwsim.vpcd import Slot
from protocol.badges import Assurance, Flag
from tests.agent.badges.card import Card
from tests.agent.badges.test_identify import ALL, OTHER_KEY, RANDOM, UID, constru
from tests.agent.readers.running import Running
from tests.support.pcsc import private_pcscd

pytestmark = pytest.mark.integration

NUMBER = "0000001234567890"


class Laid:
    """A test card as vpcd has it."""

    def __init__(self, card: Card, uid: bytes = UID, atr: bytes = ATR_DESFIRE) -> None:
        self.atr = atr
        self.asked: list[bytes] = []
        self._card = card
        self._uid = uid

    def power_on(self) -> None:
        self._card.version = 0

    def answer(self, apdu: bytes) -> bytes:
        self.asked.append(apdu)
        if apdu[:2] == b"\xff\xca":
            return self._uid + b"\x90\x00"
        data, status = self._card.transmit(apdu)
        return data + status.to_bytes(2, "big")


@pytest.fixture
def pcscd() -> Iterator[Pcscd]:
    with private_pcscd() as running:
        yield running


def reader(match: str = "") -> Running:
    config = PcscConfig(name="gate", match=match)
    running = Running(config)
    running.reader = open_reader(config, Identifier(ALL, today=lambda: date(2026, 11, 23)))
    return running


@pytest.mark.parametrize(("uid", "apdus"), [(UID, 5), (RANDOM, 10)])
def test_a_badge_is_read_in_so_many_apdus(pcscd: Pcscd, uid: bytes, apdus: int) -> None:
    card = Laid(constru(), uid)
    with reader() as running:
        assert running.state() == "ready"
        pcscd.slots[0].insert(card)
        read = running.next(BadgeRead)
    assert (read.badge, read.assurance) == (NUMBER, Assurance.AUTHENTICATED)
    assert (read.profile, read.employer, read.flags) == ("construbadge-sim", "0403019261", 0)
    assert len(card.asked) == apdus


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("uid", "apdus"), [(UID, 5), (RANDOM, 10)])
def test_pulled_away_at_every_apdu_it_is_one_try_again_and_no_record(
    uid: bytes, apdus: int
) -> None:
    """Each APDU in a slot of its own, all at once: what takes long is pcscd's look at a slot."""
    with private_pcscd(apdus) as pcscd, ThreadPoolExecutor(apdus) as pool:
        turns = range(1, apdus + 1)
        for _ in pool.map(pulled_and_held_again, pcscd.slots, turns, [uid] * apdus):
            pass


def pulled_and_held_again(slot: Slot, pull_at: int, uid: bytes) -> None:
    with reader(slot.reader) as running:
        assert running.state() == "ready"
        slot.tap(Laid(constru(), uid), pull_at=pull_at)
        assert running.next(Unreadable) == Unreadable("gate", "pulled-away"), pull_at
        slot.join()
        # The reader is ready for the next, and told of the one before once.
        slot.insert(Laid(constru(), uid))
        assert running.next(BadgeRead).badge == NUMBER, pull_at
        slot.remove()
        slot.join()
        assert running.nothing_more(), pull_at


def test_a_card_that_is_not_genuine_is_its_uid_flagged(pcscd: Pcscd) -> None:
    with reader() as running:
        assert running.state() == "ready"
        pcscd.slots[0].insert(Laid(constru(OTHER_KEY)))
        read = running.next(BadgeRead)
    assert (read.badge, read.assurance) == (UID.hex().upper(), Assurance.UID)
    assert read.flags == Flag.UNAUTHENTIC


def test_a_card_without_apdus_is_asked_its_uid_only(pcscd: Pcscd) -> None:
    card = Laid(constru(), atr=ATR_MIFARE_1K)
    with reader() as running:
        assert running.state() == "ready"
        pcscd.slots[0].insert(card)
        assert running.next(BadgeRead).badge == UID.hex().upper()
    assert len(card.asked) == 1


def test_a_reader_s_word_for_a_card_that_left_is_no_false_card(pcscd: Pcscd) -> None:
    genuine = constru(spoil=lambda number, own: (b"", 0x6300) if number == 3 else own)
    with reader() as running:
        assert running.state() == "ready"
        pcscd.slots[0].insert(Laid(genuine))
        assert running.next(Unreadable).reason == "pulled-away"
        # It lies there after all, and is spoken to again.
        assert running.next(BadgeRead).badge == NUMBER
