"""EV2 against the published examples of AN12196."""

import pytest

from agent.badges.desfire import crypto, ev2
from agent.badges.desfire.channels import Mode
from agent.badges.desfire.errors import UnauthenticError
from tests.agent.badges.desfire.script import Script, handshake, vector

FIRST = "an12196_ev2first"


def authenticated() -> tuple[ev2.Ev2Channel, Script]:
    script = Script(handshake(FIRST))
    channel = ev2.authenticate_first(script, 0, vector(FIRST, "key"), vector(FIRST, "rnd_a"))
    return channel, script


def test_the_frames_sent_are_those_of_an12196() -> None:
    _, script = authenticated()
    token = vector(FIRST, "response_to_card")
    assert script.sent == [
        bytes.fromhex("9071000002000000"),
        bytes.fromhex("90AF000020") + token + b"\x00",
    ]


def test_the_session_keys_of_an12196() -> None:
    channel, _ = authenticated()
    assert channel._enc == vector(FIRST, "session_enc_key")
    assert channel._mac_key == vector(FIRST, "session_mac_key")
    assert channel.counter == 0


def test_a_command_carries_the_mac_of_an12196() -> None:
    key = vector("an12196_mact", "session_mac_key")
    channel = ev2.Ev2Channel(bytes(16), key, bytes.fromhex("7A21085E"))
    assert channel.request(0xF5, b"\x02", Mode.MAC) == b"\x02" + vector("an12196_mact", "mact")
    assert channel.counter == 1
    assert channel.request(0xF5, b"\x02", Mode.PLAIN) == b"\x02"
    assert channel.counter == 2


def full(counter: int = 0) -> tuple[ev2.Ev2Channel, bytes]:
    """The channel of AN12196's GetCardUID before the command, and the answer with its MAC."""
    table = "an12196_full_response_iv"
    mac_key = bytes(range(16))
    channel = ev2.Ev2Channel(
        vector(table, "session_enc_key"), mac_key, bytes.fromhex("DF055522"), counter
    )
    sent = vector(table, "ciphertext")
    # The note's example gives no MAC key: the MAC here is only to let the decryption be reached.
    mac = crypto.cmac(mac_key, bytes.fromhex("000100DF055522") + sent)
    return channel, sent + crypto.truncated(mac)


def test_a_full_answer_decrypts_as_in_an12196() -> None:
    channel, answer = full()
    channel.request(0x51, b"", Mode.FULL)
    assert len(answer) == channel.answer_length(7, Mode.FULL)
    assert channel.answer(answer, 7, Mode.FULL) == bytes.fromhex("04958CAA5C5E80")


@pytest.mark.parametrize("place", range(24))
def test_a_full_answer_changed_in_any_octet_is_refused(place: int) -> None:
    channel, answer = full()
    channel.request(0x51, b"", Mode.FULL)
    changed = bytearray(answer)
    changed[place] ^= 0x80
    with pytest.raises(UnauthenticError, match="wrong-mac"):
        channel.answer(bytes(changed), 7, Mode.FULL)


def test_an_answer_to_another_command_of_the_transaction_is_refused() -> None:
    channel, answer = full()
    channel.request(0x51, b"", Mode.FULL)
    channel.answer(answer, 7, Mode.FULL)
    channel.request(0x51, b"", Mode.FULL)
    with pytest.raises(UnauthenticError, match="wrong-mac"):
        channel.answer(answer, 7, Mode.FULL)


def test_padding_that_is_another_length_s_is_refused() -> None:
    channel, answer = full()
    channel.request(0x51, b"", Mode.FULL)
    with pytest.raises(UnauthenticError, match="padding"):
        channel.answer(answer, 6, Mode.FULL)


def test_a_proof_of_other_chance_is_refused() -> None:
    script = Script(handshake(FIRST))
    with pytest.raises(UnauthenticError, match="wrong-key"):
        ev2.authenticate_first(script, 0, vector(FIRST, "key"), bytes(16))


def test_the_next_authentication_keeps_transaction_and_counter() -> None:
    key, rnd_a, rnd_b = bytes(range(16)), bytes(range(16, 32)), bytes(range(32, 48))
    before = ev2.Ev2Channel(bytes(16), bytes(16), b"\x01\x02\x03\x04", 5)
    script = Script(
        [
            (crypto.encrypt(key, rnd_b), 0x91AF),
            (crypto.encrypt(key, crypto.rotated(rnd_a)), 0x9100),
        ]
    )
    channel = ev2.authenticate_non_first(script, 3, key, rnd_a, before)
    assert script.sent[0] == bytes.fromhex("90770000010300")
    assert (channel.ti, channel.counter) == (before.ti, 5)
    assert (channel._enc, channel._mac_key) == ev2.session_keys(key, rnd_a, rnd_b)


def test_only_a_plain_answer_proves_nothing() -> None:
    channel, _ = authenticated()
    assert [channel.covers(mode) for mode in (Mode.PLAIN, Mode.MAC, Mode.FULL)] == [
        False,
        True,
        True,
    ]
