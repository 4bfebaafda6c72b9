"""Our own pcscd: loopback only, several slots, cards that come, stay and go."""

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hwsim.cards import RandomUidCard, UidCard
from hwsim.errors import SimulatorError
from hwsim.pcscd import Pcscd, _listeners
from hwsim.vpcd import Slot

GET_UID = bytes.fromhex("FFCA000000")
ATR = 4


def test_a_card_has_its_uid_and_nothing_else() -> None:
    card = UidCard.from_hex("04A1B2C3D4E5F6")
    assert card.answer(GET_UID) == bytes.fromhex("04A1B2C3D4E5F69000")
    assert card.answer(bytes.fromhex("00A4040000")) == b"\x6d\x00"
    with pytest.raises(SimulatorError, match="hexadecimal"):
        UidCard.from_hex("zz")


def test_a_random_uid_changes_at_every_power_up_and_comes_from_the_seed(seed: int) -> None:
    def uids() -> list[bytes]:
        card = RandomUidCard(seed)
        answers = []
        for _ in range(5):
            card.power_on()
            answers.append(card.answer(GET_UID))
        return answers

    assert uids() == uids()
    assert len(set(uids())) == 5
    assert all(len(answer) == 6 and answer[0] == 0x08 for answer in uids())


class Vpcd:
    """The reader's side of the protocol, as vpcd speaks it."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.port = self._listener.getsockname()[1]
        self.card = socket.socket()

    def accept(self) -> None:
        self.card.close()
        self.card, _ = self._listener.accept()
        self.card.settimeout(20)

    def send(self, message: bytes) -> None:
        # In two parts, as vpcd does.
        self.card.sendall(len(message).to_bytes(2, "big"))
        self.card.sendall(message)

    def ask(self, message: bytes) -> bytes:
        self.send(message)
        return self.receive()

    def receive(self) -> bytes:
        with self.card.makefile("rb") as file:
            header = file.read(2)
            return file.read(int.from_bytes(header, "big"))

    def close(self) -> None:
        self.card.close()
        self._listener.close()


@pytest.fixture
def vpcd() -> Iterator[Vpcd]:
    vpcd = Vpcd()
    yield vpcd
    vpcd.close()


@pytest.fixture
def slot(vpcd: Vpcd) -> Iterator[Slot]:
    slot = Slot(vpcd.port, "Virtual PCD 00 00")
    yield slot
    slot.remove()
    vpcd.close()
    slot.join()


def test_a_card_speaks_vpcds_protocol(vpcd: Vpcd, slot: Slot) -> None:
    card = UidCard.from_hex("DEADBEEF")
    slot.insert(card)
    vpcd.accept()
    assert vpcd.ask(bytes([ATR])) == card.atr
    for silent in (1, 2, 0):
        vpcd.send(bytes([silent]))
    assert not slot.asked.is_set()
    assert vpcd.ask(GET_UID) == bytes.fromhex("DEADBEEF9000")
    assert slot.wait_asked()
    assert vpcd.ask(bytes(300)) == b"\x6d\x00"


def test_a_card_is_pulled_away_at_its_apdu_of_a_number(vpcd: Vpcd, slot: Slot) -> None:
    slot.insert(UidCard.from_hex("DEADBEEF"), pull_at=2)
    vpcd.accept()
    assert vpcd.ask(bytes([ATR]))
    assert vpcd.ask(GET_UID)
    assert vpcd.ask(GET_UID) == b""


def test_a_card_stays_over_a_lost_connection(vpcd: Vpcd, slot: Slot) -> None:
    slot.insert(UidCard.from_hex("DEADBEEF"))
    vpcd.accept()
    vpcd.accept()
    assert vpcd.ask(GET_UID) == bytes.fromhex("DEADBEEF9000")


def test_two_cards_do_not_fit_one_slot(slot: Slot) -> None:
    slot.insert(UidCard.from_hex("DEADBEEF"))
    with pytest.raises(SimulatorError, match="remove that one first"):
        slot.insert(UidCard.from_hex("CAFEBABE"))


@pytest.mark.integration
def test_every_slot_is_a_reader_on_loopback_only(tmp_path: Path) -> None:
    with Pcscd(4, directory=tmp_path) as pcscd:
        assert len(pcscd.slots) == 4
        listening = _listeners()
        assert [listening[slot.port] for slot in pcscd.slots] == [{"0100007F"}] * 4
        # Another process, since this one's libpcsclite knows another address.
        program = (
            "from smartcard import scard as s;"
            "c = s.SCardEstablishContext(s.SCARD_SCOPE_SYSTEM)[1];"
            "print(*sorted(s.SCardListReaders(c, [])[1]), sep='\\n')"
        )
        done = subprocess.run(
            [sys.executable, "-c", program], env=pcscd.environment, capture_output=True, text=True
        )
        assert done.stdout.splitlines() == [slot.reader for slot in pcscd.slots], done.stderr
    assert not pcscd.socket.exists()
    assert not _listeners().keys() & {slot.port for slot in pcscd.slots}


@pytest.mark.integration
def test_a_vpcd_that_listens_beyond_loopback_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwsim.pcscd._LOOPBACK", "0200007F")
    pcscd = Pcscd(directory=tmp_path)
    with pytest.raises(SimulatorError, match="beyond loopback"):
        pcscd.start()
    assert not _listeners().keys() & {slot.port for slot in pcscd.slots}


def test_a_pcscd_that_ends_at_once_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "pcscd"
    broken.write_text("#!/bin/sh\necho no luck today\n")
    broken.chmod(0o755)
    find = shutil.which
    monkeypatch.setattr(
        "shutil.which", lambda name, **more: str(broken) if name == "pcscd" else find(name, **more)
    )
    with pytest.raises(SimulatorError, match="no luck today"):
        Pcscd(directory=tmp_path).start()


def test_a_directory_too_deep_for_a_socket_is_named(tmp_path: Path) -> None:
    pcscd = Pcscd(directory=tmp_path / ("deep" * 40))
    with pytest.raises(SimulatorError, match="choose another directory"):
        pcscd.start()


@pytest.mark.parametrize(
    ("missing", "package"), [("pcscd", "vsmartcard-vpcd"), ("cc", "install gcc")]
)
def test_what_is_not_installed_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str, package: str
) -> None:
    programs = {"pcscd": "/usr/sbin/pcscd", "cc": "/usr/bin/cc"}
    monkeypatch.setattr("hwsim.pcscd._DRIVER", Path("/bin/sh"))
    monkeypatch.setattr(
        "shutil.which",
        lambda name, **_: None if missing == name else programs.get(name),
    )
    with pytest.raises(SimulatorError, match=package):
        Pcscd(directory=tmp_path).start()
