"""The emulated PN532 and the card model, by programs that are not ours: libnfc and libfreefare."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.cards import UidCard
from hwsim.desfire import AccessRights, Application, DataFile, DesfireCard, Mode
from hwsim.pn532 import Pn532Reader

pytestmark = pytest.mark.integration

UID = bytes.fromhex("04A1B2C3D4E5F6")
KEY = bytes(range(16))
CONTENT = bytes(range(200))
NEW = bytes.fromhex("11" * 100)


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Pn532Reader]:
    with Pn532Reader(tmp_path / "ttyPN532") as running:
        yield running


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("desfire_aes", tmp_path_factory.mktemp("desfire"))


def compiled(name: str, directory: Path) -> Path:
    """The program of this name, built on libfreefare."""
    built, source = directory / name, Path(__file__).with_name(f"{name}.c")
    options = ["-Wall", "-Wextra", "-Werror"]
    command = ["gcc", *options, "-o", str(built), str(source), "-lfreefare", "-lnfc"]
    subprocess.run(command, check=True)
    return built


def run(reader: Pn532Reader, *command: str | Path) -> tuple[int, str]:
    environment = os.environ | {"LIBNFC_DEFAULT_DEVICE": f"pn532_uart:{reader.device}"}
    done = subprocess.run(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30
    )
    return done.returncode, done.stdout.decode(errors="replace")


def card(mode: Mode = Mode.FULL, *, random_uid: bool = False) -> DesfireCard:
    file = DataFile(bytearray(CONTENT), AccessRights(read=1, write=1), mode)
    application = Application(bytes.fromhex("01C5F5"), (bytes(16), KEY), {1: file})
    return DesfireCard(UID, [application], random_uid=random_uid)


def test_nfc_list_sees_a_desfire_card(reader: Pn532Reader) -> None:
    reader.insert(card())
    code, said = run(reader, "nfc-list", "-v")
    assert code == 0, said
    assert "UID (NFCID1): 04  a1  b2  c3  d4  e5  f6" in said
    assert "Compliant with ISO/IEC 14443-4" in said
    assert "MIFARE DESFire EV1" in said


def test_nfc_list_sees_a_card_that_has_only_a_uid(reader: Pn532Reader) -> None:
    reader.insert(UidCard.from_hex("DEADBEEF"))
    code, said = run(reader, "nfc-list")
    assert code == 0, said
    assert "UID (NFCID1): de  ad  be  ef" in said
    assert "SAK (SEL_RES): 08" in said


def test_nfc_list_sees_nothing_where_nothing_is(reader: Pn532Reader) -> None:
    code, said = run(reader, "nfc-list")
    assert code == 0, said
    assert "opened" in said
    assert "target(s) found" not in said


def test_mifare_desfire_info_reads_the_version(reader: Pn532Reader) -> None:
    reader.insert(card())
    code, said = run(reader, "mifare-desfire-info")
    assert code == 0, said
    for line in (
        "Version information for tag 04a1b2c3d4e5f6",
        "UID:                      0x04a1b2c3d4e5f6",
        "Storage size:         0x18 (=4096 bytes)",
        "Master Key settings (0x0f)",
        "Use random UID: no",
    ):
        assert line in said


def test_mifare_desfire_info_knows_a_random_uid(reader: Pn532Reader) -> None:
    reader.insert(card(random_uid=True))
    code, said = run(reader, "mifare-desfire-info")
    assert code == 0, said
    assert "UID:                      0x00000000000000" in said
    assert "Version information for tag 08" in said


@pytest.mark.parametrize("random_uid", [False, True])
@pytest.mark.parametrize("mode", list(Mode))
def test_libfreefare_authenticates_and_reads(
    reader: Pn532Reader, program: Path, mode: Mode, random_uid: bool
) -> None:
    reader.insert(card(mode, random_uid=random_uid))
    code, said = run(reader, program, "F5C501", "1", KEY.hex(), "1")
    assert code == 0, said
    assert said.splitlines() == [
        "application f5c501",
        "authenticated",
        f"uid {UID.hex()}",
        "files 01",
        f"file mode {mode.value} size 200",
        f"whole {CONTENT.hex()}",
        f"part {CONTENT[5:13].hex()}",
    ]


@pytest.mark.parametrize("mode", list(Mode))
def test_libfreefare_writes(reader: Pn532Reader, program: Path, mode: Mode) -> None:
    reader.insert(card(mode))
    code, said = run(reader, program, "F5C501", "1", KEY.hex(), "1", NEW.hex())
    assert code == 0, said
    assert f"whole {(NEW + CONTENT[100:]).hex()}" in said


def test_libfreefare_is_refused_with_another_key(reader: Pn532Reader, program: Path) -> None:
    reader.insert(card())
    code, said = run(reader, program, "F5C501", "1", KEY[::-1].hex(), "1")
    assert code == 1
    assert "authenticate_aes failed" in said
    assert "whole" not in said


def test_a_card_pulled_away_fails_what_was_being_done(reader: Pn532Reader, program: Path) -> None:
    reader.insert(card(), pull_at=6)
    code, said = run(reader, program, "F5C501", "1", KEY.hex(), "1")
    assert code == 1
    assert "failed" in said
    assert not reader.field.present()
