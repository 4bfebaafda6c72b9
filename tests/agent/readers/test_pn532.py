"""The PN532 reader on an emulated chip: badges, cards pulled away, chips lost or half asked."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from agent.badges.credentials import Secret
from agent.badges.identify import Identifier
from agent.badges.reading import KeyedProfile
from agent.readers import Pn532Config, base, open_reader, pn532
from agent.readers.pn532 import Pn532Session
from agent.reads import BadgeRead, Feedback, ReaderState, Unreadable
from hwsim.cards import RandomUidCard, UidCard
from hwsim.desfire import DesfireCard
from hwsim.desfire.badges import CONSTRUBADGE, METALBADGE, Holder, Layout
from hwsim.desfire.badges import badge as simulated
from hwsim.pn532 import Pn532Reader, frames
from protocol.badges import Assurance, Flag
from tests.agent.badges.test_identify import PROFILES
from tests.agent.readers.running import Running, descriptors, faults
from tests.support.waiting import wait_for

pytestmark = pytest.mark.integration

UID = bytes.fromhex("04A1B2C3D4E5F6")
NUMBER = "0000001234567890"
HOLDER = Holder(NUMBER, "0403019261", "123456", date(2026, 1, 1), date(2026, 12, 31))
APDUS, APDUS_OF_RANDOM = 4, 9
_LIST, _EXCHANGE = 0x4A, 0x40


@pytest.fixture
def chip(tmp_path: Path) -> Iterator[Pn532Reader]:
    with Pn532Reader(tmp_path / "ttyPN532") as emulated:
        yield emulated


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    quick(monkeypatch)


def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Short waits where a test waits for many of them: for the port, and for a search in vain."""
    for name in ("FIRST_BACKOFF_S", "LONGEST_BACKOFF_S"):
        monkeypatch.setattr(base, name, 0.005)
    monkeypatch.setattr(pn532, "_PERIOD_S", 0.01)
    monkeypatch.setattr(pn532, "_TRIES", 4)
    monkeypatch.setattr(pn532, "_TRIES_AFTER", 2)
    monkeypatch.setattr(pn532, "_SEARCH_S", 1.0)


def identifier() -> Identifier:
    profiles = []
    for layout in (CONSTRUBADGE, METALBADGE):
        profile = PROFILES[layout.name]
        keys = {
            key: Secret(bytes(16) if key.endswith("get-uid") else layout.read_key)
            for key in profile.keys
        }
        profiles.append(KeyedProfile(profile, keys))
    return Identifier(profiles, today=lambda: date(2026, 11, 23))


def reader(chip: Pn532Reader, device: Path | None = None) -> Running:
    config = Pn532Config(name="gate", device=str(device or chip.device), direction="in")
    return Running(config, open_reader(config, identifier()))


def badge(*, random_uid: bool = False) -> DesfireCard:
    return simulated(CONSTRUBADGE, HOLDER, UID, random_uid=random_uid)


def gone(chip: Pn532Reader) -> None:
    """Take the card away, and wait until the reader has searched in vain since."""
    chip.remove()
    before = chip.counts.get(_LIST, 0)
    wait_for(lambda: chip.counts.get(_LIST, 0) >= before + 2, "another search")


@pytest.mark.parametrize("random_uid", [False, True])
@pytest.mark.parametrize("layout", [CONSTRUBADGE, METALBADGE])
def test_a_badge_is_read_once_while_it_lies_there(
    chip: Pn532Reader, layout: Layout, random_uid: bool
) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.insert(simulated(layout, HOLDER, UID, random_uid=random_uid))
        read = running.next(BadgeRead)
        assert (read.badge, read.assurance) == (NUMBER, Assurance.AUTHENTICATED)
        assert (read.employer, read.direction, read.flags) == ("0403019261", "in", 0)
        gone(chip)
        chip.insert(UidCard(UID))
        # Had the first been read twice, its second event would come before this one.
        assert running.next(BadgeRead).badge == UID.hex().upper()
        assert running.nothing_more()


def test_the_same_badge_again_is_another_presentation(chip: Pn532Reader) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        for _ in range(3):
            chip.insert(badge())
            assert running.next(BadgeRead).badge == NUMBER
            gone(chip)


@pytest.mark.parametrize("uid", ["DEADBEEF", "04A1B2C3D4E5F6", "04112233445566778899"])
def test_a_card_without_apdus_is_its_uid(chip: Pn532Reader, uid: str) -> None:
    chip.insert(UidCard.from_hex(uid))
    with reader(chip) as running:
        assert running.state() == "ready"
        read = running.next(BadgeRead)
        assert (read.badge, read.profile, read.assurance) == (uid, "uid", Assurance.UID)
        searched = chip.counts.get(_LIST, 0)
        wait_for(lambda: chip.counts.get(_LIST, 0) > searched + 3, "looks at the card")
        assert running.nothing_more()
        assert _EXCHANGE not in chip.counts


def test_a_random_uid_is_no_identity(chip: Pn532Reader, seed: int) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.insert(RandomUidCard(seed))
        assert running.next(Unreadable) == Unreadable("gate", "random-uid")


def test_a_forged_badge_is_its_uid_flagged(chip: Pn532Reader) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.insert(simulated(CONSTRUBADGE, HOLDER, UID, read_key=bytes(16)))
        read = running.next(BadgeRead)
        assert (read.badge, read.flags) == (UID.hex().upper(), Flag.UNAUTHENTIC)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(("random_uid", "apdus"), [(False, APDUS), (True, APDUS_OF_RANDOM)])
def test_pulled_away_at_every_apdu_it_is_one_try_again_and_no_record(
    chip: Pn532Reader, random_uid: bool, apdus: int
) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        for pull_at in range(1, apdus + 1):
            chip.insert(badge(random_uid=random_uid), pull_at=pull_at)
            assert running.next(Unreadable) == Unreadable("gate", "pulled-away"), pull_at
            gone(chip)
            chip.insert(badge(random_uid=random_uid))
            assert running.next(BadgeRead).badge == NUMBER
            gone(chip)
        assert running.nothing_more()


def test_a_badge_is_read_in_so_many_apdus(chip: Pn532Reader) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.insert(badge())
        running.next(BadgeRead)
        assert chip.counts[_EXCHANGE] == APDUS


def test_a_card_that_answers_nonsense_is_tried_again_and_told_of_once(chip: Pn532Reader) -> None:
    class Counted(DesfireCard):
        powered = 0

        def power_on(self) -> None:
            self.powered += 1
            super().power_on()

    card = badge()
    card.__class__ = Counted
    assert isinstance(card, Counted)
    answer, card.exchange = card.exchange, lambda block: block[:1]  # type: ignore[method-assign]
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.insert(card)
        assert running.next(Unreadable) == Unreadable("gate", "mute")
        asked, powered = chip.counts[_EXCHANGE], card.powered
        wait_for(lambda: chip.counts[_EXCHANGE] > asked + 1, "another try")
        assert card.powered > powered
        card.exchange = answer  # type: ignore[method-assign]
        assert running.next(BadgeRead).badge == NUMBER


def test_it_says_what_it_is(chip: Pn532Reader) -> None:
    with reader(chip) as running:
        assert running.next(ReaderState).detail.endswith("firmware 1.6: answers")
        assert running.reader.describe() == f"PN532 on {chip.device}, firmware 1.6"
        for feedback in Feedback:
            running.reader.feedback(feedback)


@pytest.mark.usefixtures("soon")
def test_unplugged_replugged_and_renamed(chip: Pn532Reader, tmp_path: Path) -> None:
    link = tmp_path / "pn532"
    link.symlink_to(chip.device)
    with reader(chip, link) as running:
        assert running.state() == "ready"
        chip.unplug()
        absent = running.next(ReaderState)
        assert absent.state == "absent"
        chip.replug(tmp_path / "ttyUSB7")
        link.unlink()
        link.symlink_to(tmp_path / "ttyUSB7")
        running.until("ready")
        chip.insert(badge())
        assert running.next(BadgeRead).badge == NUMBER


@pytest.mark.usefixtures("soon")
def test_a_card_lying_there_over_an_unplug_counts_once(chip: Pn532Reader) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.insert(badge())
        assert running.next(BadgeRead).badge == NUMBER
        chip.unplug()
        assert running.state() == "absent"
        chip.replug()
        running.until("ready")
        # Counted since it was plugged in.
        wait_for(lambda: chip.counts.get(_EXCHANGE, 0) >= APDUS, "the card looked at anew")
        gone(chip)
        assert running.nothing_more()


HALF_A_LONG_FRAME = bytes.fromhex("0000FFFFFF0109F6D400") + bytes(40)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    ("sent", "baud"),
    [
        (b"", None),
        (b"\x00\x00\xff", None),
        (bytes.fromhex("0000FF05FBD414"), None),
        (bytes.fromhex("0000FFFE02D400") + b"x" * 20, None),
        (HALF_A_LONG_FRAME, None),
        (bytes.fromhex("0000FF04FCD44A0100E100"), None),  # still searching, without end
        (b"", 921600),
        (bytes.fromhex("0000FF05FBD414"), 230400),
        (HALF_A_LONG_FRAME, 460800),
    ],
)
def test_a_chip_left_in_the_middle_of_a_command_is_woken(
    chip: Pn532Reader, sent: bytes, baud: int | None
) -> None:
    chip.leave_with(sent, baud=baud)
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.insert(badge())
        assert running.next(BadgeRead).badge == NUMBER


@pytest.mark.usefixtures("soon")
def test_a_chip_that_is_mute_is_said_to_be_and_comes_back(chip: Pn532Reader) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.mute = True
        failed = running.next(ReaderState)
        assert failed.state == "failed"
        assert "HSU" in failed.detail
        chip.mute = False
        running.until("ready")
        chip.insert(badge())
        assert running.next(BadgeRead).badge == NUMBER


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    "spoil",
    [
        lambda _: b"",
        lambda answer: answer[:-3],
        lambda answer: answer + b"\xff\xff\xff",
        lambda answer: answer[:-2] + bytes([answer[-2] ^ 1, 0]),
        lambda _: frames.ACK + frames.SYNTAX_ERROR,
        lambda _: frames.ACK + frames.response(0x4A, b""),
        lambda _: frames.ACK + frames.response(0x4A, b"\x01"),
        lambda _: frames.ACK + frames.response(0x4A, b"\x01\x01\x03\x44"),
        lambda _: frames.ACK + frames.response(0x02, b"\x00"),
        lambda _: bytes(range(256)) * 4,
    ],
)
def test_garbage_on_the_line_is_lived_through(
    chip: Pn532Reader, spoil: Callable[[bytes], bytes]
) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        chip.spoil_next(spoil)
        chip.send(b"\x00\xff\x00\x00\xff\x55")
        searched = chip.counts.get(_LIST, 0)
        wait_for(lambda: chip.counts.get(_LIST, 0) > searched + 3, "searches after it")
        chip.insert(badge())
        while not isinstance(event := running.any(), BadgeRead):
            assert isinstance(event, ReaderState)
        assert event.badge == NUMBER


def test_a_device_that_is_not_there_is_absent(tmp_path: Path) -> None:
    config = Pn532Config(name="gate", device=str(tmp_path / "ttyUSB0"))
    with Running(config) as running:
        absent = running.next(ReaderState)
    assert absent.state == "absent"
    assert "plug the reader in" in absent.detail


@pytest.mark.timeout(60 + faults(25))
@pytest.mark.usefixtures("soon")
def test_unplugs_leak_nothing(chip: Pn532Reader) -> None:
    with reader(chip) as running:
        assert running.state() == "ready"
        before = descriptors(), threading.active_count()
        for _ in range(faults(25)):
            chip.unplug()
            running.until("absent")
            chip.replug()
            running.until("ready")
        wait_for(lambda: (descriptors(), threading.active_count()) == before, "all given back")
        chip.insert(badge())
        assert running.next(BadgeRead).badge == NUMBER


@pytest.mark.parametrize("hasty", [False, True])
def test_a_waiting_reader_costs_next_to_nothing(
    chip: Pn532Reader, monkeypatch: pytest.MonkeyPatch, hasty: bool
) -> None:
    """Against busy polling, also of a chip that gives up a search at once."""
    if hasty:
        monkeypatch.setattr("hwsim.pn532.chip._TRY_S", 0.0)
    with reader(chip) as running:
        assert running.state() == "ready"
        thread = time.pthread_getcpuclockid(running.thread_ident())
        began = time.monotonic()
        begun, searched = time.clock_gettime(thread), chip.counts.get(_LIST, 0)
        time.sleep(0.5)
        spent = time.clock_gettime(thread) - begun
        searches = chip.counts[_LIST] - searched
        lasted = time.monotonic() - began
        print(f"{spent / lasted:.2%} of a core, for {searches / lasted:.1f} searches a second")
        assert searches <= 1 + 11 * lasted
        assert spent < 0.25 * lasted


def test_being_told_to_end_is_no_fault(chip: Pn532Reader) -> None:
    for _ in range(3):
        with reader(chip) as running:
            assert running.state() == "ready"
        assert running.nothing_more()


def test_it_ends_though_the_chip_says_nothing(chip: Pn532Reader) -> None:
    chip.mute = True
    with reader(chip):
        wait_for(lambda: chip.counts, "it to be asked")


def test_a_long_answer_is_one_answer() -> None:
    class Chipset:
        def in_data_exchange(self, data: bytearray, timeout: float) -> tuple[bytearray, bool]:
            assert timeout > 0
            return bytearray(data) + b"\x90\x00", False

    session = Pn532Session(Chipset())
    long = os.urandom(256)
    assert session.transmit(long) == (long, 0x9000)
