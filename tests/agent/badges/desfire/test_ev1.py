"""EV1 against a conversation with a real card."""

import pytest

from agent.badges.desfire import crypto, ev1
from agent.badges.desfire.channels import Mode
from agent.badges.desfire.errors import MalformedError, UnauthenticError
from tests.agent.badges.desfire.script import VECTORS, Script, handshake, vector


def authenticated(table: str) -> tuple[ev1.Ev1Channel, Script]:
    script = Script(handshake(table))
    channel = ev1.authenticate(script, 0, vector(table, "key"), vector(table, "rnd_a"))
    return channel, script


@pytest.mark.parametrize("table", ["ev1_authentication", "ev1_conversation"])
def test_the_frames_sent_are_those_of_the_log(table: str) -> None:
    _, script = authenticated(table)
    token = vector(table, "response_to_card")
    assert script.sent == [
        bytes.fromhex("90AA0000010000"),
        bytes.fromhex("90AF000020") + token + b"\x00",
    ]


def test_the_session_key_of_the_log() -> None:
    channel, _ = authenticated("ev1_authentication")
    assert channel._key == vector("ev1_authentication", "session_key")


EXCHANGES = [
    (bytes.fromhex(sent), bytes.fromhex(answer))
    for sent, answer in VECTORS["ev1_conversation"]["exchanges"]
]


def say(channel: ev1.Ev1Channel, sent: bytes, answer: bytes) -> bytes:
    channel.request(sent[0], sent[1:], Mode.PLAIN)
    return channel.answer(answer[1:], len(answer) - 9, Mode.PLAIN)


def test_every_answer_of_the_log_verifies() -> None:
    channel, _ = authenticated("ev1_conversation")
    said = [say(channel, *exchange) for exchange in EXCHANGES]
    assert said[-2] + said[-1] == bytes(range(80))


@pytest.mark.parametrize("number", range(len(EXCHANGES)))
def test_an_answer_changed_in_any_octet_is_refused(number: int) -> None:
    sent, answer = EXCHANGES[number]
    for place in range(1, len(answer)):
        channel, _ = authenticated("ev1_conversation")
        for before in EXCHANGES[:number]:
            say(channel, *before)
        changed = bytearray(answer)
        changed[place] ^= 0x01
        with pytest.raises(UnauthenticError, match="wrong-mac"):
            say(channel, sent, bytes(changed))


def test_an_answer_played_again_is_refused() -> None:
    channel, _ = authenticated("ev1_conversation")
    for exchange in EXCHANGES:
        say(channel, *exchange)
    with pytest.raises(UnauthenticError, match="wrong-mac"):
        say(channel, *EXCHANGES[-1])


@pytest.mark.parametrize("length", [1, 11, 12, 13, 27, 28, 44])
def test_an_encrypted_answer_that_ends_with_zeros_keeps_them(length: int) -> None:
    key = bytes(range(16))
    data = bytes(length)
    plain = data + crypto.crc32(data + b"\x00")
    padded = plain.ljust(crypto.padded_length(len(plain)), b"\0")
    sender, receiver = ev1.Ev1Channel(key), ev1.Ev1Channel(key)
    header = bytes.fromhex("01000000400000")
    sender.request(0xBD, header, Mode.FULL)
    receiver.request(0xBD, header, Mode.FULL)
    wire = crypto.encrypt(key, padded, sender._iv)
    assert len(wire) == receiver.answer_length(length, Mode.FULL)
    assert receiver.answer(wire, length, Mode.FULL) == data
    # The chain went on, so the same once more is another time's.
    receiver.request(0xBD, header, Mode.FULL)
    with pytest.raises(UnauthenticError, match="wrong-crc"):
        receiver.answer(wire, length, Mode.FULL)


def test_another_key_and_a_false_proof_are_told() -> None:
    table = "ev1_authentication"
    script = Script(handshake(table))
    with pytest.raises(UnauthenticError, match="wrong-key"):
        ev1.authenticate(script, 0, bytes(range(16)), vector(table, "rnd_a"))
    refusing = Script([handshake(table)[0], (b"", 0x91AE)])
    with pytest.raises(UnauthenticError, match="wrong-key"):
        ev1.authenticate(refusing, 0, bytes(16), vector(table, "rnd_a"))


@pytest.mark.parametrize("frames", [[(bytes(15), 0x91AF)], [(bytes(16), 0x9100)], [(b"", 0x91AF)]])
def test_frames_that_are_none_of_an_authentication(frames: list[tuple[bytes, int]]) -> None:
    with pytest.raises(MalformedError):
        ev1.authenticate(Script(frames), 0, bytes(16), bytes(16))
