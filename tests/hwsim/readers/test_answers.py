"""The simulated asked readers: published examples, and what they do not answer."""

from pathlib import Path

import pytest
import serial

from hwsim.errors import SimulatorError
from hwsim.readers.answers import (
    DebusAnswers,
    SscpAnswers,
    Tag,
    Twn4Answers,
    crc_ccitt,
    crc_kermit,
)
from hwsim.readers.asked import AskedReader

TAG = Tag("iso14443a", bytes.fromhex("04A1B2C3D4E5F8"))


def test_the_check_values_of_the_catalogue_of_crcs() -> None:
    assert crc_ccitt(b"123456789") == 0x29B1
    assert crc_ccitt(b"123456789", 0x1D0F) == 0xE5CC
    assert crc_kermit(b"123456789") == 0x2189


def test_twn4_answers_line_by_line_however_they_are_cut() -> None:
    answers = Twn4Answers()
    assert answers.take(b"0500", TAG) == b""
    assert answers.take(b"10\r050010\r", TAG) == b"000180380704A1B2C3D4E5F8\r" * 2
    assert answers.take(b"050010\r", None) == b"0000\r"
    assert answers.take(b"0407640A0A\r", None) == b"00\r"
    assert answers.shown == ["0407640A0A"]


def test_a_frame_with_a_wrong_checksum_is_not_answered() -> None:
    question = b"\x02\x00\x08\x00\x00\x00\x00\x00\x02\xaa\x55\x00\x00"
    crc = crc_ccitt(question[1:])
    good = question + crc.to_bytes(2, "big")
    assert TAG.number in SscpAnswers().take(good, TAG)
    assert SscpAnswers().take(question + (crc ^ 1).to_bytes(2, "big"), TAG) == b""
    assert DebusAnswers().take(b"\xff\xff\xfd\x3f\x11\x0b\x00\x00\xfe", TAG) == b""


def test_it_answers_over_its_pty_and_is_mute_when_told(tmp_path: Path) -> None:
    with (
        AskedReader(tmp_path / "tty", "twn4") as simulated,
        serial.Serial(str(simulated.device), timeout=20) as port,
    ):
        simulated.hold("iso14443a", "04A1B2C3D4E5F8")
        port.write(b"050010\r")
        assert port.read_until(b"\r") == b"000180380704A1B2C3D4E5F8\r"
        simulated.take_away()
        port.write(b"050010\r")
        assert port.read_until(b"\r") == b"0000\r"


def test_what_it_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SimulatorError, match="no protocol here"):
        AskedReader(tmp_path / "tty", "osdp")
    with (
        AskedReader(tmp_path / "tty", "sscp") as simulated,
        pytest.raises(SimulatorError, match="no kind of tag"),
    ):
        simulated.hold("magnet", "00")
