"""The emulated PN532 by itself: frames, waking, searching, ISO-DEP."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hwsim.cards import UidCard
from hwsim.desfire import FREE, AccessRights, Application, DataFile, DesfireCard
from hwsim.errors import SimulatorError
from hwsim.pn532 import frames
from hwsim.pn532.chip import Chip
from hwsim.pn532.field import Field
from hwsim.pn532.frames import Command, FrameParser, Word
from hwsim.pn532.isodep import IsoDep

UID = bytes.fromhex("04A1B2C3D4E5F6")
WAKE = b"\x55\x55" + bytes(14)
# From UM0701-02, 7.2.2 and 7.2.10.
GET_FIRMWARE = bytes.fromhex("0000FF02FED4022A00")
FIRMWARE = bytes.fromhex("0000FF06FAD50332010607E800")
SAM = bytes.fromhex("0000FF05FBD4140100001700")


def command(code: int, data: bytes = b"") -> bytes:
    body = bytes([0xD4, code]) + data
    if len(body) < 256:
        head = bytes([len(body), -len(body) & 0xFF])
    else:
        length = len(body).to_bytes(2, "big")
        head = b"\xff\xff" + length + bytes([-sum(length) & 0xFF])
    return b"\x00\x00\xff" + head + body + bytes([-sum(body) & 0xFF, 0])


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def chip(clock: Clock) -> Chip:
    chip = Chip(Field(), clock)
    chip.receive(WAKE)
    return chip


def said(chip: Chip, code: int, data: bytes = b"") -> bytes:
    """What the chip answers to a command, checked to be one whole frame after the ACK."""
    out = chip.receive(command(code, data)) + chip.tick()
    assert out.startswith(frames.ACK)
    out = out[6:]
    for payload in (out[7:-2], out[10:-2]):
        if out == frames.response(code, payload):
            return payload
    raise AssertionError(out.hex())


def test_the_firmware_as_in_the_manual(chip: Chip) -> None:
    assert chip.receive(GET_FIRMWARE) == frames.ACK + FIRMWARE
    assert chip.receive(SAM) == frames.ACK + bytes.fromhex("0000FF02FED5151600")


def test_asleep_it_hears_nothing_until_woken() -> None:
    chip = Chip(Field())
    assert chip.receive(GET_FIRMWARE[:5]) == b""
    chip = Chip(Field())
    assert chip.receive(b"\x00" * 4) == b""
    assert chip.sleep.asleep
    assert chip.receive(WAKE + GET_FIRMWARE).endswith(FIRMWARE)
    assert said(chip, 0x16, b"\x10") == b"\x00"
    assert chip.sleep.asleep
    assert chip.receive(WAKE + GET_FIRMWARE).endswith(FIRMWARE)


def test_ten_zeros_wake_it_as_well() -> None:
    assert Chip(Field()).receive(bytes(10) + GET_FIRMWARE).endswith(FIRMWARE)


@pytest.mark.parametrize("length", [0, 1, 252, 253, 254, 262])
def test_the_longest_frames_come_back(chip: Chip, length: int) -> None:
    data = b"\x00" + bytes(n & 0xFF for n in range(length))
    assert said(chip, 0x00, data) == data


@given(st.binary(max_size=300))
def test_what_is_no_frame_is_passed_over(noise: bytes) -> None:
    parser = FrameParser()
    parser.feed(noise)
    # A frame begun takes what it announced; after as much as one can announce it is over.
    parser.feed(bytes(275))
    assert parser.feed(GET_FIRMWARE)[-1] == Command(0x02, b"")


@given(st.integers(0, 8), st.integers(1, 255))
def test_a_changed_octet_is_no_command(at: int, change: int) -> None:
    frame = bytearray(GET_FIRMWARE)
    frame[at] ^= change
    found = FrameParser().feed(bytes(frame))
    # The preamble and the octet after the checksum are no part of the frame.
    assert Command(0x02, b"") not in found or at in (0, 8)


def test_a_nack_has_the_answer_said_again(chip: Chip) -> None:
    chip.receive(GET_FIRMWARE)
    assert chip.receive(frames.NACK) == FIRMWARE
    assert FrameParser().feed(frames.NACK + frames.ACK) == [Word.NACK, Word.ACK]


def test_an_unknown_command_is_a_syntax_error(chip: Chip) -> None:
    for code, data in (
        (0x8C, b""),
        (0x00, b"\x77"),
        (0x32, b""),
        (0x10, b"\x20"),
        (0x4A, b"\x05\x00"),
    ):
        assert chip.receive(command(code, data)) == frames.ACK + frames.SYNTAX_ERROR


def test_the_speed_changes_with_the_host_s_ack(chip: Chip) -> None:
    said(chip, 0x10, b"\x07")
    assert chip.baud == 115200
    chip.receive(frames.ACK)
    assert chip.baud == 921600


def test_registers_keep_what_is_written(chip: Chip) -> None:
    said(chip, 0x08, bytes.fromhex("630280 630381"))
    assert said(chip, 0x06, bytes.fromhex("6303 6302 6305")) == b"\x81\x80\x00"


def test_a_search_ends_when_its_tries_are_used_up(chip: Chip, clock: Clock) -> None:
    said(chip, 0x32, b"\x05\xff\x01\x09")
    assert chip.receive(command(0x4A, b"\x01\x00")) == frames.ACK
    clock.now += 0.04
    assert chip.tick() == b""
    clock.now += 0.02
    assert chip.tick() == frames.response(0x4A, b"\x00")
    assert chip.tick() == b""


def test_a_search_without_end_is_ended_by_an_ack(chip: Chip, clock: Clock) -> None:
    chip.receive(command(0x4A, b"\x01\x00"))
    clock.now += 3600
    assert chip.tick() == b""
    assert chip.receive(frames.ACK) == b""
    chip.field.insert(UidCard(UID))
    assert chip.tick() == b""


def test_a_search_ends_with_the_next_command(chip: Chip) -> None:
    chip.receive(command(0x4A, b"\x01\x00"))
    assert chip.receive(GET_FIRMWARE) == frames.ACK + FIRMWARE
    chip.field.insert(UidCard(UID))
    assert chip.tick() == b""


def test_a_card_found_again_is_activated_anew(chip: Chip) -> None:
    said(chip, 0x12, b"\x00")
    chip.field.insert(card())
    found = b"\x01\x01\x03\x44\x20\x07" + UID
    for _ in range(2):
        assert said(chip, 0x4A, b"\x01\x00") == found
        assert said(chip, 0x42, b"\x02\x6a") == b"\x01"
        assert said(chip, 0x42, b"\xe0\x80") == b"\x00" + bytes.fromhex("067577810280")
        assert said(chip, 0x42, b"\x02\x6a") == b"\x00\x02\x00\x01\x00\x00"


def test_a_card_laid_there_while_searching_is_told_at_once(chip: Chip) -> None:
    chip.receive(command(0x4A, b"\x01\x00"))
    chip.field.insert(UidCard(UID))
    assert chip.tick() == frames.response(0x4A, b"\x01\x01\x00\x44\x08\x07" + UID)


def card(**options: bool) -> DesfireCard:
    file = DataFile(bytearray(range(256)), AccessRights(read=FREE))
    return DesfireCard(UID, [Application(b"\x01\x00\x00", (bytes(16),), {1: file})], **options)  # type: ignore[arg-type]


def test_a_card_that_was_released_answers_its_name_only(chip: Chip, clock: Clock) -> None:
    said(chip, 0x32, b"\x05\xff\x01\x00")
    chip.field.insert(card())
    ats = bytes.fromhex("067577810280")
    found = b"\x01\x01\x03\x44\x20\x07" + UID + ats
    assert said(chip, 0x4A, b"\x01\x00") == found
    assert said(chip, 0x52, b"\x00") == b"\x00"
    assert chip.receive(command(0x4A, b"\x01\x00")) == frames.ACK
    clock.now += 1
    assert chip.tick() == frames.response(0x4A, b"\x00")
    assert said(chip, 0x4A, b"\x01\x00\x88" + UID) == found
    said(chip, 0x44, b"\x01")
    assert said(chip, 0x54, b"\x01") == b"\x00"
    said(chip, 0x32, b"\x01\x00")
    assert said(chip, 0x4A, b"\x01\x00") == found


def test_presence_is_told_without_disturbing_the_card(chip: Chip) -> None:
    assert said(chip, 0x00, b"\x06") == b"\x01"
    chip.field.insert(card())
    said(chip, 0x4A, b"\x01\x00")
    assert said(chip, 0x04)[2] == 1
    assert said(chip, 0x40, b"\x01\x5a\x01\x00\x00") == b"\x00\x00"
    assert said(chip, 0x00, b"\x06") == b"\x00"
    assert said(chip, 0x40, b"\x01\x6f") == b"\x00\x00\x01"
    chip.field.remove()
    assert said(chip, 0x00, b"\x06") == b"\x01"
    assert said(chip, 0x40, b"\x01\x6f") == b"\x01"


def test_a_command_may_come_in_two_exchanges(chip: Chip) -> None:
    chip.field.insert(card())
    said(chip, 0x4A, b"\x01\x00")
    assert said(chip, 0x40, b"\x41\x5a\x01") == b"\x00"
    assert said(chip, 0x40, b"\x01\x00\x00") == b"\x00\x00"


def test_a_card_pulled_away_answers_nothing_from_then_on(chip: Chip) -> None:
    chip.field.insert(card(), pull_at=2)
    said(chip, 0x4A, b"\x01\x00")
    assert said(chip, 0x40, b"\x01\x5a\x01\x00\x00") == b"\x00\x00"
    assert said(chip, 0x40, b"\x01\x6f") == b"\x01"
    assert not chip.field.present()


def test_without_the_field_a_card_forgets_and_a_random_uid_changes(chip: Chip) -> None:
    chip.field.insert(card(random_uid=True))
    first = said(chip, 0x4A, b"\x01\x00")
    assert said(chip, 0x4A, b"\x01\x00") == first
    said(chip, 0x32, b"\x01\x00")
    second = said(chip, 0x4A, b"\x01\x00")
    assert first[6:10] != second[6:10]
    assert second[:7] == b"\x01\x01\x03\x04\x20\x04\x08"


def test_only_one_card_at_a_time() -> None:
    field = Field()
    field.insert(UidCard(UID))
    with pytest.raises(SimulatorError):
        field.insert(UidCard(UID))


def iso_dep(ats_size: int = 0x80) -> IsoDep:
    dep = IsoDep(b"\x06\x75\x77\x81\x02\x80", lambda data: data[::-1])
    assert dep.block(bytes([0xE0, ats_size])) == b"\x06\x75\x77\x81\x02\x80"
    return dep


def test_iso_dep_numbers_its_blocks_and_says_lost_ones_again() -> None:
    dep = iso_dep()
    assert dep.block(b"\x02abc") == b"\x02cba"
    assert dep.block(b"\x03de") == b"\x03ed"
    # R(NAK) of the same number: the answer was lost; of the other: the command was.
    assert dep.block(b"\xb3") == b"\x03ed"
    assert dep.block(b"\xb2") == b"\xa3"
    assert dep.block(b"\x02f") == b"\x02f"


def test_iso_dep_chains_both_ways() -> None:
    dep = iso_dep(0x00)
    assert dep.block(b"\x12" + b"a" * 10) == b"\xa2"
    assert dep.block(b"\x03" + b"b" * 10) == b"\x13" + b"b" * 10 + b"a" * 3
    assert dep.block(b"\xa2") == b"\x02" + b"a" * 7


def test_iso_dep_ends_with_deselect() -> None:
    dep = iso_dep()
    assert dep.block(b"\xc2") == b"\xc2"
    assert dep.block(b"\x02a") is None
    assert dep.block(b"") is None


@given(st.lists(st.binary(max_size=20), max_size=6))
def test_iso_dep_survives_anything(blocks: list[bytes]) -> None:
    dep = iso_dep()
    for block in blocks:
        dep.block(block)
    dep.block(b"\xc2")
    assert dep.block(b"\xe0\x80") is not None


@given(st.lists(st.tuples(st.integers(0, 0x60), st.binary(max_size=12)), max_size=8))
def test_any_command_is_answered(commands: list[tuple[int, bytes]]) -> None:
    clock = Clock()
    chip = Chip(Field(), clock)
    chip.field.insert(card())
    for code, data in commands:
        out = chip.receive(WAKE + command(code, data))
        clock.now += 10
        out += chip.tick()
        assert out.startswith(frames.ACK)
        if not chip.searching:
            assert len(out) > 6
