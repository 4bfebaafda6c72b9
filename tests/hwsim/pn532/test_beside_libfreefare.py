"""The terminal's reader and libfreefare read one emulated card by EV1, and must read the same.

So card and terminal, which were written by the same people, are each held against a third party.
"""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agent.badges.desfire.card import Card
from agent.badges.desfire.channels import Mode as TerminalMode
from agent.badges.desfire.errors import UnauthenticError
from agent.badges.identify import Identifier
from agent.readers import Pn532Config
from agent.readers.pn532 import Pn532Reader as TerminalReader
from agent.readers.pn532 import Pn532Session
from agent.readers.pn532_line import Pn532Line
from hwsim.desfire import AccessRights, Application, DataFile, DesfireCard, Mode
from hwsim.pn532 import Pn532Reader
from tests.hwsim.pn532.test_third_party import compiled, run

pytestmark = pytest.mark.integration

UID = bytes.fromhex("04A1B2C3D4E5F6")
AID = "F5C501"
KEY = bytes(range(16))
SIZE = 1200
FILES = {1: Mode.PLAIN, 2: Mode.MACED, 3: Mode.FULL}
NAMES = {Mode.PLAIN: "plain", Mode.MACED: "maced", Mode.FULL: "enciphered"}
TERMINAL_MODES = {
    Mode.PLAIN: TerminalMode.PLAIN, Mode.MACED: TerminalMode.MAC, Mode.FULL: TerminalMode.FULL,
}  # fmt: skip
# Around one and two frames of 59 octets, whole blocks of the cipher, and many frames.
SPANS = [
    (0, 1), (3, 16), (0, 12), (1, 50), (0, 51), (7, 59), (0, 60), (2, 110), (0, 118), (5, 119),
    (0, SIZE), (SIZE - 1, 1),
]  # fmt: skip
READ, MORE = 0xBD, 0xAF


@dataclass
class Part:
    """One read: of a file, from an offset, so many octets."""

    file: int
    offset: int
    length: int


@dataclass
class Witness:
    """What is asked of the card: the instructions of wrapped commands, and their data."""

    asked: list[tuple[int, bytes]] = field(default_factory=list)

    def reads(self) -> list[tuple[int, bytes]]:
        """From the first ReadData on: what both must ask alike."""
        first = (at for at, (ins, _) in enumerate(self.asked) if ins == READ)
        return self.asked[next(first, len(self.asked)) :]


class WitnessedCard(DesfireCard):
    """A card that keeps what it was asked."""

    witness: Witness
    spoilt: int | None = None
    """The frame of the answers to reads whose first octet is changed."""

    def exchange(self, block: bytes) -> bytes:
        answer = super().exchange(block)
        if block[:1] != b"\x90":
            return answer
        self.witness.asked.append((block[1], block[5 : 5 + block[4]] if block[5:] else b""))
        if self.spoilt is not None and len(self.witness.reads()) == self.spoilt + 1:
            return bytes([answer[0] ^ 1]) + answer[1:]
        return answer


def card(contents: dict[int, bytes]) -> WitnessedCard:
    files = {
        number: DataFile(bytearray(contents[number]), AccessRights(read=1), mode)
        for number, mode in FILES.items()
    }
    application = Application(bytes.fromhex(AID)[::-1], (bytes(16), KEY), files)
    made = WitnessedCard(UID, [application], generation="EV1")
    made.witness = Witness()
    return made


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compiled("desfire_files", tmp_path_factory.mktemp("desfire"))


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Pn532Reader]:
    with Pn532Reader(tmp_path / "ttyPN532") as running:
        yield running


@contextmanager
def terminal(reader: Pn532Reader) -> Iterator[Card]:
    """The card in the field, through the terminal's own driver and line."""
    config = Pn532Config(name="gate", device=str(reader.device))
    line = Pn532Line(str(reader.device), threading.Event())
    try:
        chipset = TerminalReader(config, Identifier())._woken(line)
        chipset.set_parameters(0x10)
        chipset.command(0x4A, b"\x01\x00", 5)
        yield Card(Pn532Session(chipset))
    finally:
        line.close()


def theirs(reader: Pn532Reader, program: Path, parts: list[Part]) -> list[bytes]:
    """What libfreefare reads."""
    asked = [f"{each.file}:{NAMES[FILES[each.file]]}:{each.offset}:{each.length}" for each in parts]
    code, said = run(reader, program, AID, "1", KEY.hex(), *asked)
    assert code == 0, said
    return [bytes.fromhex(line) for line in said.splitlines()]


def ours(reader: Pn532Reader, parts: list[Part]) -> list[bytes]:
    """What the terminal reads."""
    with terminal(reader) as found:
        assert found.select(bytes.fromhex(AID)[::-1])
        found.authenticate_ev1(1, KEY)
        return [
            found.read(each.file, each.offset, each.length, TERMINAL_MODES[FILES[each.file]])
            for each in parts
        ]


def test_both_read_the_same_of_every_file_in_one_session(
    reader: Pn532Reader, program: Path, seed: int
) -> None:
    """Modes take turns after one authentication, so that each answer's chain holds the last."""
    chance = random.Random(seed)
    contents = {number: chance.randbytes(SIZE) for number in FILES}
    parts = [Part(number, *span) for span in SPANS for number in FILES]
    chance.shuffle(parts)
    there = card(contents)
    reader.insert(there)
    by_them = theirs(reader, program, parts)
    asked_by_them, there.witness = there.witness.reads(), Witness()
    by_us = ours(reader, parts)
    meant = [contents[each.file][each.offset : each.offset + each.length] for each in parts]
    assert by_them == meant
    assert by_us == meant
    assert there.witness.reads() == asked_by_them


@pytest.mark.parametrize("number", FILES)
def test_a_file_that_ends_with_zeros_and_padding_is_read_whole(
    reader: Pn532Reader, program: Path, number: int
) -> None:
    """What ends as padding does is what careless readers cut off."""
    content = b"\x80" * 20 + b"\x80" + bytes(SIZE - 21)
    reader.insert(card(dict.fromkeys(FILES, content)))
    parts = [Part(number, 0, length) for length in (20, 21, 28, 44, SIZE)]
    assert theirs(reader, program, parts) == ours(reader, parts)


def test_frames_are_chained_in_wrapped_commands(reader: Pn532Reader, program: Path) -> None:
    there = card(dict.fromkeys(FILES, bytes(SIZE)))
    reader.insert(there)
    theirs(reader, program, [Part(3, 0, SIZE)])
    instructions = [ins for ins, _ in there.witness.reads()]
    frames = -(-(-(-(SIZE + 4) // 16) * 16) // 59)
    assert instructions == [READ] + [MORE] * (frames - 1)


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("frame", [0, 1, 9])
def test_an_octet_changed_on_the_way_is_refused_by_both(
    reader: Pn532Reader, program: Path, number: int, frame: int
) -> None:
    """Plain answers end with a CMAC in EV1, too."""
    there = card(dict.fromkeys(FILES, bytes(range(200)) * 6))
    there.spoilt = frame
    reader.insert(there)
    asked = f"{number}:{NAMES[FILES[number]]}:0:{SIZE}"
    code, said = run(reader, program, AID, "1", KEY.hex(), asked)
    assert (code, "read_data_ex failed" in said) == (1, True), said
    there.witness = Witness()
    with pytest.raises(UnauthenticError):
        ours(reader, [Part(number, 0, SIZE)])
