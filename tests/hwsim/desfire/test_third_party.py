"""The card model in a real pcscd, by programs that are not ours: OpenSC and pcsc-tools."""

import os
import random
import re
import subprocess
from collections.abc import Iterator

import pytest

from agent.badges.desfire.card import Card
from agent.badges.desfire.channels import Mode
from agent.readers.winscard import Context
from hwsim.desfire import AccessRights, Application, DataFile, DesfireCard
from hwsim.desfire.files import FREE
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


def received(said: str) -> list[bytes]:
    """The data of each answer that opensc-tool printed: octets in 48 columns, then characters."""
    answers: list[bytes] = []
    for line in said.splitlines():
        octets = line[:48].rstrip()
        if line.startswith("Received"):
            answers.append(b"")
        elif answers and re.fullmatch("[0-9A-F]{2}( [0-9A-F]{2})*", octets):
            answers[-1] += bytes.fromhex(octets)
    return answers


def test_opensc_tool_and_the_terminal_read_the_same_by_read_binary(pcscd: Pcscd, seed: int) -> None:
    content = random.Random(seed).randbytes(600)
    file = DataFile(bytearray(content), AccessRights(read=FREE), iso_id=b"\xe1\x03")
    name = bytes.fromhex("A00000039656")
    slot = pcscd.slots[0]
    slot.insert(
        DesfireCard(UID, [Application(b"\x01\x02\x03", (bytes(16),), {1: file}, df_name=name)])
    )
    commands = ["00:A4:04:00:06:A0:00:00:03:96:56:00", "00:A4:02:0C:02:E1:03"]
    commands += ["00:B0:00:00:F0", "00:B0:00:F0:F0", "00:B0:01:E0:78"]
    said = run("opensc-tool", "--wait", "--reader", "0", *(f for c in commands for f in ("-s", c)))
    assert said.count("SW1=0x90, SW2=0x00") == len(commands)
    assert b"".join(received(said)[2:]) == content
    with Context() as context, context.connect(slot.reader) as session:
        card = Card(session)
        assert card.select_by_name(name)
        assert card.read_binary(b"\xe1\x03", 0, len(content)) == content


def test_opensc_tool_and_the_terminal_follow_the_same_chained_frames(
    pcscd: Pcscd, seed: int
) -> None:
    content = random.Random(seed).randbytes(200)
    file = DataFile(bytearray(content), AccessRights(read=FREE))
    slot = pcscd.slots[0]
    slot.insert(DesfireCard(UID, [Application(b"\x01\x02\x03", (bytes(16),), {1: file})]))
    commands = ["90:5A:00:00:03:01:02:03:00", "90:BD:00:00:07:01:00:00:00:C8:00:00:00"]
    commands += ["90:AF:00:00:00"] * 3
    said = run("opensc-tool", "--wait", "--reader", "0", *(f for c in commands for f in ("-s", c)))
    assert said.count("SW1=0x91, SW2=0xAF") == 3
    assert said.count("SW1=0x91, SW2=0x00") == 2
    assert b"".join(received(said)) == content
    with Context() as context, context.connect(slot.reader) as session:
        card = Card(session)
        assert card.select(b"\x01\x02\x03")
        assert card.read(1, 0, len(content), Mode.PLAIN) == content


def test_pcsc_scan_names_the_reader_and_the_card(pcscd: Pcscd) -> None:
    pcscd.slots[1].insert(DesfireCard(UID))
    run("opensc-tool", "--wait", "--reader", "1", "-s", "90:60:00:00:00")
    said = run("pcsc_scan", "-c")
    assert pcscd.slots[1].reader in said
    assert "Card inserted" in said
    assert "ATR: 3B 81 80 01 80 80" in said
