"""The PC/SC reader on a real pcscd: cards, cards pulled away, pcscd coming and going."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from smartcard import scard

from agent.readers import PcscConfig, base
from agent.readers.winscard import ServiceError
from agent.reads import BadgeRead, Feedback, ReaderState, Unreadable
from hwsim.cards import RandomUidCard, UidCard
from hwsim.pcscd import Pcscd
from protocol.badges import Assurance
from tests.agent.readers.running import Running, descriptors, faults
from tests.support.pcsc import private_pcscd

pytestmark = pytest.mark.integration

UID = "04A1B2C3D4E5F6"


@pytest.fixture
def pcscd() -> Iterator[Pcscd]:
    with private_pcscd() as running:
        yield running


@pytest.mark.parametrize("uid", ["DEADBEEF", UID, "04112233445566778899"])
def test_a_card_is_read_once_while_it_lies_there(pcscd: Pcscd, uid: str) -> None:
    with Running(PcscConfig(name="gate", direction="out")) as running:
        assert running.state() == "ready"
        slot = pcscd.slots[0]
        slot.insert(UidCard.from_hex(uid))
        assert running.next(BadgeRead) == BadgeRead("gate", uid, "uid", Assurance.UID, "out")
        slot.remove()
        # Had the first card been read twice, its second event would come before this one.
        assert slot.tap(UidCard.from_hex("CAFEBABE"))
        assert running.next(BadgeRead).badge == "CAFEBABE"
        assert running.nothing_more()
        assert UidCard.from_hex(uid).atr.hex(" ").upper() in running.reader.describe()
        assert uid not in running.reader.describe()


def test_the_same_card_again_is_another_presentation(pcscd: Pcscd) -> None:
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        for _ in range(3):
            assert pcscd.slots[0].tap(UidCard.from_hex(UID))
            assert running.next(BadgeRead).badge == UID


def test_a_card_already_there_at_the_start_counts(pcscd: Pcscd) -> None:
    pcscd.slots[0].insert(UidCard.from_hex(UID))
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        assert running.next(BadgeRead).badge == UID


def test_a_random_uid_is_no_identity(pcscd: Pcscd, seed: int) -> None:
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        pcscd.slots[0].tap(RandomUidCard(seed))
        assert running.next(Unreadable) == Unreadable("gate", "random-uid")


def test_a_card_pulled_away_half_way(pcscd: Pcscd) -> None:
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        pcscd.slots[0].tap(UidCard.from_hex(UID), pull_at=1)
        assert running.next(Unreadable) == Unreadable("gate", "pulled-away")
        assert pcscd.slots[0].tap(UidCard.from_hex(UID))
        assert running.next(BadgeRead).badge == UID


class Program:
    """Another program that uses cards."""

    def __init__(self, reader: str) -> None:
        self._reader = reader
        _, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        self._card: Any = None

    def take(self, share: int) -> bool:
        """Connect to the card, once one is there and free."""

        def taken() -> bool:
            code, self._card, _ = scard.SCardConnect(
                self._context, self._reader, share, scard.SCARD_PROTOCOL_ANY
            )
            return bool(code == scard.SCARD_S_SUCCESS)

        return eventually(taken)

    def leave(self) -> None:
        scard.SCardDisconnect(self._card, scard.SCARD_LEAVE_CARD)

    def close(self) -> None:
        scard.SCardReleaseContext(self._context)


@pytest.fixture
def program(pcscd: Pcscd) -> Iterator[Program]:
    program = Program(pcscd.slots[0].reader)
    yield program
    program.close()


def test_a_card_busy_with_another_program_is_read_when_free(pcscd: Pcscd, program: Program) -> None:
    pcscd.slots[0].insert(UidCard.from_hex(UID))
    assert program.take(scard.SCARD_SHARE_EXCLUSIVE)
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        assert running.next(Unreadable).reason == "busy"
        program.leave()
        assert running.next(BadgeRead).badge == UID


def test_a_card_used_by_another_program_is_no_new_presentation(
    pcscd: Pcscd, program: Program
) -> None:
    slot, other = pcscd.slots
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        slot.insert(UidCard.from_hex(UID))
        assert running.next(BadgeRead).badge == UID
        assert program.take(scard.SCARD_SHARE_SHARED)
        # pcscd then tells of both slots, and of the first that it is in use.
        other.insert(UidCard.from_hex("CAFEBABE"))
        assert running.next(BadgeRead).badge == "CAFEBABE"
        program.leave()
        other.remove()
        assert other.tap(UidCard.from_hex("DEADBEEF"))
        assert running.next(BadgeRead).badge == "DEADBEEF"


class Answering(UidCard):
    """A card that answers GET DATA with anything."""

    def __init__(self, answer: bytes) -> None:
        super().__init__(b"")
        self._answer = answer

    def answer(self, apdu: bytes) -> bytes:
        return self._answer


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("6300", "pulled-away"),
        ("6A81", "no-uid"),
        ("90", "pulled-away"),
        ("9000", "uid-length"),
        ("0102039000", "uid-length"),
        ("000000009000", "blank"),
        ("041122336982", "no-uid"),
    ],
)
def test_every_answer_has_its_word(pcscd: Pcscd, answer: str, reason: str) -> None:
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        pcscd.slots[0].tap(Answering(bytes.fromhex(answer)))
        assert running.next(Unreadable).reason == reason


@pytest.mark.parametrize(
    ("call", "code", "away", "denied"),
    [
        ("SCardEstablishContext", scard.SCARD_E_NO_SERVICE, True, False),
        ("SCardEstablishContext", scard.SCARD_W_SECURITY_VIOLATION, False, True),
        ("SCardListReaders", scard.SCARD_W_SECURITY_VIOLATION, True, False),
        ("SCardGetStatusChange", scard.SCARD_F_COMM_ERROR, True, False),
        ("SCardListReaders", scard.SCARD_F_INTERNAL_ERROR, False, False),
    ],
)
def test_a_refusal_is_told_from_an_end(call: str, code: int, away: bool, denied: bool) -> None:
    error = ServiceError(call, code)
    assert (error.away, error.denied) == (away, denied)
    assert call in str(error)


def test_pcscd_killed_and_restarted(pcscd: Pcscd) -> None:
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        pcscd.kill()
        failed = running.next(ReaderState)
        assert failed.state == "failed"
        assert "systemctl" in failed.detail
        pcscd.start()
        running.until("ready")
        assert pcscd.slots[0].tap(UidCard.from_hex(UID))
        assert running.next(BadgeRead).badge == UID


def test_a_card_lying_there_over_a_restart_counts_once(pcscd: Pcscd) -> None:
    slot = pcscd.slots[0]
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        slot.insert(UidCard.from_hex(UID))
        assert running.next(BadgeRead).badge == UID
        pcscd.kill()
        assert running.state() == "failed"
        slot.asked.clear()
        pcscd.start()
        running.until("ready")
        assert slot.wait_asked(), "the card was not looked at again"
        slot.remove()
        assert slot.tap(UidCard.from_hex("CAFEBABE"))
        assert running.next(BadgeRead).badge == "CAFEBABE"
        # Gone in between, it is presented anew.
        assert slot.tap(UidCard.from_hex(UID))
        assert running.next(BadgeRead).badge == UID


def test_another_card_after_a_restart_counts(pcscd: Pcscd) -> None:
    slot = pcscd.slots[0]
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        slot.insert(UidCard.from_hex(UID))
        assert running.next(BadgeRead).badge == UID
        pcscd.kill()
        assert running.state() == "failed"
        slot.remove()
        slot.insert(UidCard.from_hex("CAFEBABE"))
        pcscd.start()
        running.until("ready")
        assert running.next(BadgeRead).badge == "CAFEBABE"


def test_two_readers_at_once_each_have_their_own_cards(pcscd: Pcscd) -> None:
    one, other = pcscd.slots
    with (
        Running(PcscConfig(name="in", match=one.reader, direction="in")) as first,
        Running(PcscConfig(name="out", match=other.reader, direction="out")) as second,
    ):
        assert (first.state(), second.state()) == ("ready", "ready")
        one.insert(UidCard.from_hex(UID))
        other.insert(UidCard.from_hex("CAFEBABE"))
        assert (first.next(BadgeRead).badge, second.next(BadgeRead).badge) == (UID, "CAFEBABE")
        assert first.nothing_more()
        assert second.nothing_more()


class Stuck(UidCard):
    """A card that answers only when let."""

    def __init__(self) -> None:
        super().__init__(bytes.fromhex(UID))
        self.asked = threading.Event()
        self.let = threading.Event()

    def answer(self, apdu: bytes) -> bytes:
        self.asked.set()
        self.let.wait(30)
        return super().answer(apdu)


def test_a_slow_card_holds_up_no_other_reader(pcscd: Pcscd) -> None:
    one, other = pcscd.slots
    stuck = Stuck()
    with (
        Running(PcscConfig(name="in", match=one.reader)) as first,
        Running(PcscConfig(name="out", match=other.reader)) as second,
    ):
        assert (first.state(), second.state()) == ("ready", "ready")
        one.insert(stuck)
        assert stuck.asked.wait(30)
        other.insert(UidCard.from_hex("CAFEBABE"))
        assert second.next(BadgeRead).badge == "CAFEBABE"
        assert first.nothing_more()
        stuck.let.set()
        assert first.next(BadgeRead).badge == UID


def test_a_match_that_finds_nothing_names_what_there_is(pcscd: Pcscd) -> None:
    with Running(PcscConfig(name="gate", match="ACR")) as running:
        absent = running.next(ReaderState)
    assert absent.state == "absent"
    assert "'ACR'" in absent.detail
    assert pcscd.slots[0].reader in absent.detail


class Lamp(UidCard):
    """A card that remembers what else its reader was told."""

    def __init__(self, uid: str) -> None:
        super().__init__(bytes.fromhex(uid))
        self.others: list[bytes] = []

    def answer(self, apdu: bytes) -> bytes:
        if apdu[1] != 0xCA:
            self.others.append(apdu)
        return super().answer(apdu)


@pytest.mark.parametrize(
    ("name", "lit"),
    [("ACS ACR122U PICC", [bytes.fromhex("FF0040A00402010101")]), ("OMNIKEY 5022", [])],
)
def test_only_an_acr122u_is_told_to_light(name: str, lit: list[bytes]) -> None:
    with private_pcscd(name=name) as pcscd, Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        card = Lamp(UID)
        pcscd.slots[0].insert(card)
        running.next(BadgeRead)
        running.reader.feedback(Feedback.RECORDED)
        # The card is free when the reader has done with it, lit or not.
        program = Program(pcscd.slots[0].reader)
        assert program.take(scard.SCARD_SHARE_EXCLUSIVE)
        program.leave()
        program.close()
        assert card.others == lit


def test_feedback_never_waits_and_never_raises(pcscd: Pcscd) -> None:
    with Running(PcscConfig(name="gate")) as running:
        for _ in range(100):
            running.reader.feedback(Feedback.TRY_AGAIN)
        assert running.state() == "ready"
        assert pcscd.slots[0].tap(UidCard.from_hex(UID))
        assert running.next(BadgeRead).badge == UID


def eventually(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 20
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.timeout(180)
@pytest.mark.timeout(60 + faults(25))
def test_crashes_of_pcscd_leak_nothing(pcscd: Pcscd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "FIRST_BACKOFF_S", 0.005)
    monkeypatch.setattr(base, "LONGEST_BACKOFF_S", 0.005)
    with Running(PcscConfig(name="gate")) as running:
        assert running.state() == "ready"
        before = descriptors(), threading.active_count()
        for _ in range(faults(25)):
            pcscd.kill()
            assert running.state() == "failed"
            pcscd.start()
            running.until("ready")
        assert eventually(lambda: (descriptors(), threading.active_count()) == before)
        assert pcscd.slots[0].tap(UidCard.from_hex(UID))
        assert running.next(BadgeRead).badge == UID


@pytest.mark.timeout(60 + 2 * faults(5))
def test_cards_pulled_away_leak_nothing(pcscd: Pcscd) -> None:
    with Running(PcscConfig(name="gate", match=pcscd.slots[0].reader)) as running:
        assert running.state() == "ready"
        before = None
        for number in range(faults(5)):
            pcscd.slots[0].tap(UidCard.from_hex(UID), pull_at=1)
            assert running.next(Unreadable).reason == "pulled-away"
            pcscd.slots[0].join()
            if number == 0:
                before = descriptors(), threading.active_count()
        assert (descriptors(), threading.active_count()) == before
