"""What a card is asked beside its authentication."""

import pytest

from agent.badges.desfire.card import Card
from agent.badges.desfire.channels import Mode
from agent.badges.desfire.errors import DesfireError, MalformedError, RefusedError
from tests.agent.badges.desfire.script import Script

# The form is the functional specification's: hardware, software, then UID, batch and date.
SOFTWARE = bytes.fromhex("04010101031805")
PRODUCTION = bytes.fromhex("04A1B2C3D4E5F6" + "BA34107450" + "2310")


@pytest.mark.parametrize(
    ("major", "generation"), [(0x01, "EV1"), (0x12, "EV2"), (0x33, "EV3"), (0x77, "unknown")]
)
def test_the_version_tells_the_generation(major: int, generation: str) -> None:
    hardware = bytes([0x04, 0x01, 0x01, major, 0x00, 0x18, 0x05])
    script = Script([(hardware, 0x91AF), (SOFTWARE, 0x91AF), (PRODUCTION, 0x9100)])
    version = Card(script).version()
    assert (version.vendor, version.generation) == (4, generation)
    assert version.uid == PRODUCTION[:7]


def test_a_version_of_another_length_is_refused() -> None:
    with pytest.raises(MalformedError, match="7 octets; it has 28"):
        Card(Script([(SOFTWARE, 0x9100)])).version()


def test_an_application_is_there_or_not_or_the_card_is_another() -> None:
    aid = bytes.fromhex("01C5F5")
    for status, found in ((0x9100, True), (0x91A0, False), (0x6D00, None)):
        script = Script([(b"", status)])
        assert Card(script).select(aid) is found
        assert script.sent == [bytes.fromhex("905A00000301C5F500")]
    for answer in ((b"", 0x919D), (b"\x00", 0x9100)):
        with pytest.raises(DesfireError):
            Card(Script([answer])).select(aid)


def test_an_uid_is_not_asked_for_before_an_authentication() -> None:
    script = Script([(bytes(7), 0x9100)])
    with pytest.raises(RefusedError):
        Card(script).uid()
    assert script.sent == []


def test_a_plain_file_is_read_in_frames() -> None:
    script = Script([(bytes(59), 0x91AF), (b"\x01" * 5, 0x9100)])
    assert Card(script).read(2, 3, 64, Mode.PLAIN) == bytes(59) + b"\x01" * 5
    assert script.sent[0] == bytes.fromhex("90BD0000070203000040000000")


@pytest.mark.parametrize("part", [b"", bytes(9)])
def test_read_binary_never_goes_on_for_ever(part: bytes) -> None:
    with pytest.raises(MalformedError):
        Card(Script([(b"", 0x9000), (part, 0x9000), (part, 0x9000)])).read_binary(b"\xe1\x04", 0, 8)
