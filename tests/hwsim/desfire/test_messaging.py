"""What a host sends protected: written as AN12196 and libfreefare have it, and tampered with."""

from collections.abc import Callable

import pytest

from hwsim.desfire import AccessRights, Application, DataFile, DesfireCard, Mode, crypto
from hwsim.desfire.messaging import Ev1Messaging, Ev2Keys, Ev2Messaging, Messaging

UID = bytes.fromhex("04A1B2C3D4E5F6")
AID = bytes.fromhex("010203")
RND_A, RND_B = bytes(range(16)), bytes(range(16, 32))
EV1_KEY = RND_A[:4] + RND_B[:4] + RND_A[12:] + RND_B[12:]
KEYS = Ev2Keys(bytes(range(32, 48)), bytes(range(48, 64)))
TI = bytes.fromhex("7A21085E")
HEADER = bytes.fromhex("01 000000 050000")
WRITE, READ = 0x3D, 0xBD


def card(messaging: Messaging, mode: Mode) -> DesfireCard:
    file = DataFile(bytearray(5), AccessRights(read=0, write=0), mode)
    the_card = DesfireCard(UID, [Application(AID, (bytes(16),), {1: file})])
    the_card.exchange(b"\x5a" + AID)
    the_card.chip.messaging = messaging
    return the_card


def content(the_card: DesfireCard) -> bytes:
    return bytes(the_card.chip.applications[AID].files[1].content)


def ev1_write(mode: Mode, data: bytes) -> bytes:
    command = bytes([WRITE]) + HEADER
    if mode is Mode.MACED:
        return command + data + crypto.cmac(EV1_KEY, command + data)[:8]
    plain = crypto.filled(data + crypto.crc32(command + data))
    return command + crypto.cbc_encrypt(EV1_KEY, plain)


def ev2_write(mode: Mode, data: bytes, padding: bytes = b"\x80" + bytes(10)) -> bytes:
    counted = bytes(2) + TI
    if mode is Mode.FULL:
        vector = crypto.cbc_encrypt(KEYS.enc, b"\xa5\x5a" + TI + bytes(10))
        data = crypto.cbc_encrypt(KEYS.enc, data + padding, vector)
    mac = crypto.cmac(KEYS.mac, bytes([WRITE]) + counted + HEADER + data)[1::2]
    return bytes([WRITE]) + HEADER + data + mac


def ev1() -> Messaging:
    return Ev1Messaging(0, RND_A, RND_B)


def ev2() -> Messaging:
    return Ev2Messaging(0, KEYS, TI)


Begin = Callable[[], Messaging]
Write = Callable[[Mode, bytes], bytes]
WRITES: list[tuple[Begin, Write, Mode]] = [
    (ev1, ev1_write, Mode.MACED),
    (ev1, ev1_write, Mode.FULL),
    (ev2, ev2_write, Mode.MACED),
    (ev2, ev2_write, Mode.FULL),
]


@pytest.mark.parametrize(("messaging", "write", "mode"), WRITES)
def test_what_is_written_protected_is_stored(messaging: Begin, write: Write, mode: Mode) -> None:
    the_card = card(messaging(), mode)
    assert the_card.exchange(write(mode, b"hello"))[0] == 0x00
    assert content(the_card) == b"hello"


@pytest.mark.parametrize(("messaging", "write", "mode"), WRITES)
def test_what_was_tampered_with_is_refused(messaging: Begin, write: Write, mode: Mode) -> None:
    sent = write(mode, b"hello")
    for at in range(1 + len(HEADER), len(sent)):
        the_card = card(messaging(), mode)
        forged = bytearray(sent)
        forged[at] ^= 0x01
        assert the_card.exchange(bytes(forged)) == b"\x1e", at
        assert content(the_card) == bytes(5)


def test_a_padding_of_another_kind_is_refused() -> None:
    for padding in (bytes(11), b"\x80" + bytes(9) + b"\x01"):
        the_card = card(ev2(), Mode.FULL)
        assert the_card.exchange(ev2_write(Mode.FULL, b"hello", padding)) == b"\x1e"


def test_a_command_said_again_is_refused() -> None:
    the_card = card(ev2(), Mode.FULL)
    sent = ev2_write(Mode.FULL, b"hello")
    assert the_card.exchange(sent)[0] == 0x00
    assert the_card.exchange(sent) == b"\x1e"


def test_a_refusal_ends_the_authentication() -> None:
    the_card = card(ev1(), Mode.FULL)
    assert the_card.exchange(bytes([READ]) + HEADER)[0] == 0x00
    assert the_card.exchange(bytes.fromhex("BD 09 000000 000000")) == b"\xf0"
    assert the_card.exchange(bytes([READ]) + HEADER) == b"\xae"


@pytest.mark.parametrize(("open_ended", "mark"), [(False, 0x00), (True, 0x80)])
def test_an_answer_of_untold_length_has_its_end_marked(open_ended: bool, mark: int) -> None:
    sent = ev1().given(b"hello", Mode.FULL, open_ended=open_ended)
    plain = crypto.cbc_decrypt(EV1_KEY, sent)
    assert plain == b"hello" + crypto.crc32(b"hello\x00") + bytes([mark]) + bytes(6)
