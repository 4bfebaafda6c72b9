"""The card model against published known answers; nothing expected here comes from our own code."""

from hwsim.desfire import FREE, AccessRights, Application, DataFile, DesfireCard, Mode, crypto
from hwsim.desfire.messaging import Ev1Messaging, Ev2Keys, Ev2Messaging, ev2_keys, truncated
from tests.agent.badges.desfire.script import VECTORS, vector

UID = bytes.fromhex("04A1B2C3D4E5F6")
AID = bytes.fromhex("010203")


def dealt(*numbers: bytes) -> "list[bytes]":
    """What a card's random numbers are to be, last first."""
    return list(reversed(numbers))


def card(key: bytes, numbers: list[bytes], file: DataFile | None = None) -> DesfireCard:
    files = {} if file is None else {5: file}
    application = Application(AID, (key,), files)
    return DesfireCard(UID, [application], chance=lambda _count: numbers.pop())


def test_a_key_is_diversified_as_in_an10922() -> None:
    derived = crypto.diversified(
        vector("an10922_aes128", "master_key"), vector("an10922_aes128", "diversification_input")
    )
    assert derived == vector("an10922_aes128", "diversified_key")


def test_cmac_as_in_sp_800_38b() -> None:
    # NIST SP 800-38B, D.1, examples 1 to 3.
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    message = bytes.fromhex(
        "6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411"
    )
    assert crypto.cmac(key, b"").hex() == "bb1d6929e95937287fa37d129b756746"
    assert crypto.cmac(key, message[:16]).hex() == "070a16b46b4d4144f79bdd9dd04a287c"
    assert crypto.cmac(key, message).hex() == "dfa66747de9ae63030ca32611497c827"


def test_ev2_first_as_in_an12196() -> None:
    table = "an12196_ev2first"
    key = vector(table, "key")
    rnd_b = crypto.cbc_decrypt(key, vector(table, "encrypted_rnd_b"))
    proof = crypto.cbc_decrypt(key, vector(table, "card_reply"))
    the_card = card(key, dealt(rnd_b, proof[:4]))
    assert the_card.exchange(b"\x5a" + AID) == b"\x00"
    assert the_card.exchange(b"\x71\x00\x00") == b"\xaf" + vector(table, "encrypted_rnd_b")
    answer = the_card.exchange(b"\xaf" + vector(table, "response_to_card"))
    assert answer == b"\x00" + vector(table, "card_reply")
    assert ev2_keys(key, vector(table, "rnd_a"), rnd_b) == Ev2Keys(
        vector(table, "session_enc_key"), vector(table, "session_mac_key")
    )


def test_a_mac_of_ev2_as_in_an12196() -> None:
    mac = crypto.cmac(vector("an12196_mact", "session_mac_key"), vector("an12196_mact", "message"))
    assert truncated(mac) == vector("an12196_mact", "mact")
    # The same, as the chip checks it.
    keys = Ev2Keys(bytes(16), vector("an12196_mact", "session_mac_key"))
    messaging = Ev2Messaging(0, keys, bytes.fromhex("7A21085E"))
    assert messaging.taken(0xF5, b"\x02" + mac[1::2], 1, Mode.MACED) == b"\x02"


def test_an_enciphered_answer_of_ev2_as_in_an12196() -> None:
    table = "an12196_full_response_iv"
    keys = Ev2Keys(vector(table, "session_enc_key"), bytes(16))
    messaging = Ev2Messaging(0, keys, bytes.fromhex("DF055522"), counter=1)
    uid = vector(table, "plaintext")[:7]
    assert messaging.given(uid, Mode.FULL)[:-8] == vector(table, "ciphertext")


def test_ev1_authentication_as_a_real_card_did_it() -> None:
    for table in ("ev1_authentication", "ev1_conversation"):
        key = vector(table, "key")
        rnd_b = crypto.cbc_decrypt(key, vector(table, "encrypted_rnd_b"))
        the_card = card(key, dealt(rnd_b))
        the_card.exchange(b"\x5a" + AID)
        assert the_card.exchange(b"\xaa\x00") == b"\xaf" + vector(table, "encrypted_rnd_b")
        answer = the_card.exchange(b"\xaf" + vector(table, "response_to_card"))
        assert answer == b"\x00" + vector(table, "card_reply")


def test_commands_and_answers_under_ev1_as_on_a_real_card() -> None:
    table = "ev1_conversation"
    key = vector(table, "key")
    rnd_b = crypto.cbc_decrypt(key, vector(table, "encrypted_rnd_b"))
    rights = AccessRights(read=0, write=0, read_write=1, change=1)
    the_card = card(key, dealt(rnd_b), DataFile(bytearray(0x50), rights))
    for sent in (b"\x5a" + AID, b"\xaa\x00", b"\xaf" + vector(table, "response_to_card")):
        the_card.exchange(sent)
    (create, created), *exchanges = VECTORS[table]["exchanges"]
    # The file is there from the start; the chain of CMACs runs through its creation all the same.
    messaging = the_card.chip.messaging
    sent = bytes.fromhex(create)
    messaging.taken(sent[0], sent[1:], len(sent) - 1, Mode.MACED)
    assert b"\x00" + messaging.given(b"", Mode.MACED) == bytes.fromhex(created)
    for command, answer in exchanges:
        assert the_card.exchange(bytes.fromhex(command)).hex() == answer.lower(), command


def test_the_crc_of_ev1_as_on_a_real_card() -> None:
    assert crypto.crc32(vector("ev1_crc", "message")) == vector("ev1_crc", "crc")


def test_the_session_key_of_ev1_as_on_a_real_card() -> None:
    table = "ev1_authentication"
    rnd_b = crypto.cbc_decrypt(vector(table, "key"), vector(table, "encrypted_rnd_b"))
    one = Ev1Messaging(0, vector(table, "rnd_a"), rnd_b)
    session_key = vector(table, "session_key")
    assert one.given(b"", Mode.MACED) == crypto.cmac(session_key, b"\x00")[:8]


def test_a_free_file_needs_no_key() -> None:
    the_card = card(bytes(16), [], DataFile(bytearray(b"hello"), AccessRights(read=FREE)))
    the_card.exchange(b"\x5a" + AID)
    assert the_card.exchange(bytes.fromhex("BD05000000000000")) == b"\x00hello"
