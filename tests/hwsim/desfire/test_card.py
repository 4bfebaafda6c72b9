"""The card's own rules: framing, chaining, rights, refusals, and what a power-up forgets."""

import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.desfire import FREE, NEVER, AccessRights, Application, DataFile, DesfireCard, Mode
from hwsim.desfire.badges import CONSTRUBADGE, METALBADGE, Holder, badge
from hwsim.errors import SimulatorError

UID = bytes.fromhex("04A1B2C3D4E5F6")
AID = bytes.fromhex("010203")
KEY = bytes(range(16))
MASTER_NAME = bytes.fromhex("00A4040007D276000085010000")
LONG = bytes(range(256)) * 2


def card(generation: str = "EV2", *, random_uid: bool = False, settings: int = 0x0F) -> DesfireCard:
    files = {
        1: DataFile(bytearray(LONG), AccessRights(read=1, write=1), Mode.FULL),
        2: DataFile(bytearray(LONG), AccessRights(read=FREE, write=FREE), iso_id=b"\xe1\x04"),
        3: DataFile(bytearray(b"shut"), AccessRights(read=NEVER)),
    }
    application = Application(AID, (bytes(16), KEY), files, settings=settings, df_name=b"pointeuse")
    return DesfireCard(
        UID,
        [application],
        generation=generation,
        random_uid=random_uid,
        chance=random.Random(1).randbytes,
    )


def wrapped(ins: int, data: bytes = b"") -> bytes:
    body = bytes([len(data)]) + data if data else b""
    return bytes([0x90, ins, 0, 0]) + body + b"\x00"


def everything(the_card: DesfireCard, ins: int, data: bytes = b"") -> list[bytes]:
    """The frames of an answer, in ISO wrapping, without their status words."""
    frames = []
    answer = the_card.exchange(wrapped(ins, data))
    while answer.endswith(b"\x91\xaf"):
        frames.append(answer[:-2])
        answer = the_card.exchange(wrapped(0xAF))
    assert answer.endswith(b"\x91\x00"), answer.hex()
    return [*frames, answer[:-2]]


@pytest.mark.parametrize(("generation", "major"), [("EV1", 0x01), ("EV2", 0x12), ("EV3", 0x33)])
def test_the_version_comes_in_three_frames(generation: str, major: int) -> None:
    hardware, software, production = everything(card(generation), 0x60)
    assert (len(hardware), len(software), len(production)) == (7, 7, 14)
    assert (hardware[0], hardware[3]) == (0x04, major)
    assert production[:7] == UID


def test_native_and_wrapped_frames_say_the_same() -> None:
    native = card().exchange(b"\x60")
    assert card().exchange(wrapped(0x60)) == native[1:] + b"\x91" + native[:1]


def test_the_directory() -> None:
    the_card = card()
    assert everything(the_card, 0x6A) == [AID]
    assert everything(the_card, 0x6D) == [AID + bytes(2) + b"pointeuse"]
    assert everything(the_card, 0x45) == [b"\x0f\x81"]
    everything(the_card, 0x5A, AID)
    assert everything(the_card, 0x6F) == [b"\x01\x02\x03"]
    assert everything(the_card, 0x45) == [b"\x0f\x82"]
    assert everything(the_card, 0xF5, b"\x01") == [bytes.fromhex("0003 ff11 000200")]
    assert everything(the_card, 0x61) == [b"\x04\xe1"]


def test_a_closed_directory_is_for_the_master_key() -> None:
    the_card = card(settings=0x09)
    everything(the_card, 0x5A, AID)
    assert the_card.exchange(wrapped(0x6F)) == b"\x91\xae"


def test_a_long_answer_is_chained_in_frames_of_59() -> None:
    the_card = card()
    everything(the_card, 0x5A, AID)
    frames = everything(the_card, 0xBD, bytes.fromhex("02 000000 000000"))
    assert b"".join(frames) == LONG
    assert {len(frame) for frame in frames[:-1]} == {59}


def test_a_command_in_between_ends_a_chain() -> None:
    the_card = card()
    everything(the_card, 0x5A, AID)
    read = wrapped(0xBD, bytes.fromhex("02 000000 000000"))
    assert the_card.exchange(read).endswith(b"\x91\xaf")
    assert the_card.exchange(wrapped(0x6F)) == b"\x91\xca"
    assert the_card.exchange(wrapped(0xAF)) == b"\x91\x1c"


def test_writing_in_several_frames() -> None:
    the_card = card()
    everything(the_card, 0x5A, AID)
    header = bytes.fromhex("02 0A0000 640000")
    assert the_card.exchange(wrapped(0x3D, header + b"x" * 50)) == b"\x91\xaf"
    assert the_card.exchange(wrapped(0xAF, b"y" * 50)) == b"\x91\x00"
    [first, second] = everything(the_card, 0xBD, header)
    assert first + second == b"x" * 50 + b"y" * 50


@pytest.mark.parametrize(
    ("frame", "status"),
    [
        ("BD01000000000000", 0xAE),  # needs a key
        ("BD03000000000000", 0x9D),  # nobody may
        ("BD09000000000000", 0xF0),  # no such file
        ("BD02000200000000", 0xBE),  # beyond the end
        ("BD02000000010200", 0xBE),
        ("BD0200", 0x7E),
        ("AA02", 0x40),  # no such key
        ("7701", 0xAE),  # nothing to go on with
        ("51", 0xAE),
        ("5A999999", 0xA0),
        ("6A", 0x9D),  # only on the card itself
        ("AF", 0x1C),
        ("0A00", 0x1C),
    ],
)
def test_refusals(frame: str, status: int) -> None:
    the_card = card()
    everything(the_card, 0x5A, AID)
    assert the_card.exchange(bytes.fromhex(frame)) == bytes([status])


def test_a_wrong_proof_is_refused() -> None:
    the_card = card()
    everything(the_card, 0x5A, AID)
    for start in (b"\x01", b"\x01\x00"):
        ins = 0xAA if len(start) == 1 else 0x71
        assert the_card.exchange(wrapped(ins, start)).endswith(b"\x91\xaf")
        assert the_card.exchange(wrapped(0xAF, bytes(32))) == b"\x91\xae"


def test_an_ev1_knows_nothing_of_ev2() -> None:
    assert card("EV1").exchange(b"\x71\x00\x00") == b"\x1c"


def test_a_power_up_forgets_what_was_selected() -> None:
    the_card = card()
    everything(the_card, 0x5A, AID)
    the_card.power_on()
    assert the_card.exchange(wrapped(0x6F)) == b"\x91\x9d"


def test_a_random_uid_changes_and_hides_the_own_one() -> None:
    the_card = card(random_uid=True)
    seen = set()
    for _ in range(10):
        the_card.power_on()
        seen.add(the_card.uid)
        assert the_card.answer(bytes.fromhex("FFCA000000")) == the_card.uid + b"\x90\x00"
    assert len(seen) == 10
    assert {(len(uid), uid[0]) for uid in seen} == {(4, 0x08)}
    assert everything(the_card, 0x60)[2][:7] == bytes(7)


def test_selection_by_name_and_read_binary() -> None:
    the_card = card()
    assert the_card.exchange(MASTER_NAME) == b"\x90\x00"
    assert the_card.exchange(bytes.fromhex("00A4040003ABCDEF00")) == b"\x6a\x82"
    assert the_card.exchange(b"\x00\xa4\x04\x00\x09pointeuse\x00") == b"\x90\x00"
    assert the_card.exchange(bytes.fromhex("00B0000000")) == b"\x69\x86"
    assert the_card.exchange(bytes.fromhex("00A4020C02E104")) == b"\x90\x00"
    assert the_card.exchange(bytes.fromhex("00B0000A05")) == LONG[10:15] + b"\x90\x00"
    assert the_card.exchange(bytes.fromhex("00B001F800")) == LONG[0x1F8:] + b"\x90\x00"
    assert the_card.exchange(bytes.fromhex("00B001F820")) == LONG[0x1F8:] + b"\x62\x82"
    assert the_card.exchange(bytes.fromhex("00B0020001")) == b"\x6b\x00"


@given(st.lists(st.binary(max_size=70), max_size=8))
def test_anything_is_answered(blocks: list[bytes]) -> None:
    the_card = card()
    for block in blocks:
        assert the_card.answer(block)


def test_the_badges_differ_in_layout_and_keys() -> None:
    day = date(2026, 1, 1)
    holder = Holder("123", "0403019261", "42", day, date(2026, 12, 31), "A. Worker")
    constru, metal = badge(CONSTRUBADGE, holder, UID), badge(METALBADGE, holder, UID)
    assert everything(constru, 0x6A) == [bytes.fromhex("01C5F5")]
    assert everything(metal, 0x6A) == [bytes.fromhex("01A6F5")]
    application = metal.chip.applications[METALBADGE.aid]
    content = application.files[1].content
    numbers = bytes.fromhex("0000000000000123 0403019261 000000000042 20260101 20261231")
    assert content == numbers + b"A. Worker" + bytes(28)
    assert len(content) == 64
    assert application.keys[1] == METALBADGE.card_key(UID) != CONSTRUBADGE.card_key(UID)


@pytest.mark.parametrize(
    ("number", "name"), [("12A", ""), ("1" * 17, ""), ("", ""), ("1", "é"), ("1", "x" * 33)]
)
def test_a_badge_that_cannot_be_is_said_to_be_none(number: str, name: str) -> None:
    day = date(2026, 1, 1)
    with pytest.raises(SimulatorError):
        badge(CONSTRUBADGE, Holder(number, "1", "1", day, day, name), UID)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: DesfireCard(b"\x04"),
        lambda: DesfireCard(UID, generation="EV9"),
        lambda: Application(b"\x01", (KEY,)),
        lambda: Application(AID, (b"short",)),
        lambda: Application(AID, (KEY,), {32: DataFile(bytearray(1), AccessRights(FREE))}),
    ],
)
def test_a_card_that_cannot_be_is_said_to_be_none(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(SimulatorError):
        wrong()
