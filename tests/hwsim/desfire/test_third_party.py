"""The card model in a real pcscd, by programs that are not ours: OpenSC and pcsc-tools."""

import os
import subprocess
from collections.abc import Iterator

import pytest

from hwsim.desfire import DesfireCard
from hwsim.pcscd import Pcscd
from tests.support.pcsc import private_pcscd

pytestmark = pytest.mark.integration

UID = bytes.fromhex("04A1B2C3D4E5F6")
GET_VERSION = ("-s", "90:60:00:00:00", "-s", "90:AF:00:00:00", "-s", "90:AF:00:00:00")


@pytest.fixture
def pcscd() -> Iterator[Pcscd]:
    with private_pcscd() as running:
        yield running


def run(*command: str) -> str:
    done = subprocess.run(
        command, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=30
    )
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, said
    return said


def test_opensc_tool_reads_the_version_and_the_uid(pcscd: Pcscd) -> None:
    pcscd.slots[0].insert(DesfireCard(UID, generation="EV3"))
    said = run("opensc-tool", "--wait", "--reader", "0", *GET_VERSION, "-s", "FF:CA:00:00:00")
    answers = [line.split(" .")[0].strip() for line in said.splitlines()]
    assert said.count("SW1=0x91, SW2=0xAF") == 2
    assert said.count("SW1=0x91, SW2=0x00") == 1
    assert "04 01 01 33 00 18 05" in answers[3]
    assert any(answer.startswith("04 A1 B2 C3 D4 E5 F6 BA") for answer in answers)
    assert "SW1=0x90, SW2=0x00" in said


def test_opensc_tool_selects_the_card_by_its_name(pcscd: Pcscd) -> None:
    pcscd.slots[0].insert(DesfireCard(UID))
    name = "00:A4:04:00:07:D2:76:00:00:85:01:00:00"
    assert "SW1=0x90, SW2=0x00" in run("opensc-tool", "--wait", "--reader", "0", "-s", name)


def test_pcsc_scan_names_the_reader_and_the_card(pcscd: Pcscd) -> None:
    pcscd.slots[1].insert(DesfireCard(UID))
    run("opensc-tool", "--wait", "--reader", "1", "-s", "90:60:00:00:00")
    said = run("pcsc_scan", "-c")
    assert pcscd.slots[1].reader in said
    assert "Card inserted" in said
    assert "ATR: 3B 81 80 01 80 80" in said
