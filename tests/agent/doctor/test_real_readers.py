"""The doctor on real pcscd and on a terminal with every reader: what is wrong, and the fix."""

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from smartcard import scard

from agent.badges.credentials import Credentials, Secret
from agent.badges.identify import Identifier
from agent.doctor import readers
from agent.doctor.findings import Finding, Verdict
from agent.readers import OsdpConfig, PcscConfig, Pn532Config, ReaderConfig
from hwsim.lineup.stations import OSDP_KEY, OSDP_KEY_NAME, plugged_in
from hwsim.pn532 import Pn532Reader
from hwsim.processes import POINTEUSE
from hwsim.readers.osdp import OsdpPeripheral
from tests.support.broker import Broker
from tests.support.pcsc import private_pcscd

pytestmark = pytest.mark.integration


def look(config: ReaderConfig, state: Path, settle_s: float = 10) -> Finding:
    """What is said of one reader; one that is well is waited for, any other for `settle_s`."""
    (found,) = readers.standing([config], Identifier(), state, settle_s)
    return found


def fault(config: ReaderConfig, state: Path) -> Finding:
    """What is wrong with a reader, soon after it was told: the doctor waits, for it may recover."""
    real = readers._settled

    def settled(opened: Any, events: Any, _: float) -> Any:
        events.put(events.get(timeout=30))
        return real(opened, events, 0.3)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(readers, "_settled", settled)
        found = look(config, state)
    assert found.verdict is Verdict.FAULT
    return found


def test_a_pcsc_reader_is_found_named_and_says_what_it_can_do(tmp_path: Path) -> None:
    with private_pcscd(name="Entrance reader") as pcscd:
        found = look(PcscConfig(name="in", match="Entrance"), tmp_path)
    assert found.verdict is Verdict.OK
    for slot in pcscd.slots:
        assert slot.reader in found.found
    assert found.found.endswith(
        "(cards with keys, and UIDs; lamp and buzzer where it is an ACR122U)"
    )
    assert "firmware" not in found.found, "vpcd tells none"


@pytest.mark.parametrize(
    ("code", "octets", "said"),
    [
        (scard.SCARD_S_SUCCESS, [0, 0, 0x14, 0x02], " (firmware 2.14)"),
        (scard.SCARD_S_SUCCESS, [0, 0, 0x02], ""),
        (scard.SCARD_E_UNSUPPORTED_FEATURE, [], ""),
    ],
)
def test_the_firmware_of_a_pcsc_reader_that_tells_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, octets: list[int], said: str
) -> None:
    """A little-endian machine, and a CCID reader whose bcdDevice is 2.14."""
    monkeypatch.setattr("sys.byteorder", "little")
    monkeypatch.setattr(scard, "SCardGetAttrib", lambda _, __: (code, octets))
    with private_pcscd() as pcscd:
        found = look(PcscConfig(name="in"), tmp_path)
    assert f"PC/SC: {pcscd.slots[0].reader}{said}, " in found.found


def test_a_pcscd_that_does_not_run(tmp_path: Path) -> None:
    with private_pcscd() as pcscd:
        pcscd.kill()
        found = fault(PcscConfig(name="in"), tmp_path)
    assert found.found == "failed: pcscd does not run"
    assert found.fix == "systemctl enable --now pcscd.socket"


def test_a_pcscd_without_readers(tmp_path: Path) -> None:
    with private_pcscd(slots=0):
        found = fault(PcscConfig(name="in"), tmp_path)
    assert found.found == "absent: no PC/SC reader"
    assert found.fix.startswith("plug it in; an ACR122U also needs the kernel modules pn533 and")


def test_a_reader_of_another_name_than_the_configuration_s(tmp_path: Path) -> None:
    with private_pcscd(name="Entrance reader") as pcscd:
        found = fault(PcscConfig(name="in", match="ACR122U"), tmp_path)
    for slot in pcscd.slots:
        assert slot.reader in found.found
    assert "whose name contains 'ACR122U'" in found.found
    assert found.fix == "correct `match`"


@contextmanager
def refusing(address: Path) -> Iterator[None]:
    """What a client meets where polkit refuses it: pcscd hangs up, and has not read its words.

    Debian 12's pcscd asks no polkit, so that it cannot be had to refuse anybody.
    """
    address.parent.mkdir(exist_ok=True)
    address.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(address))
        listener.listen()

        def refuse() -> None:
            while True:
                try:
                    peer, _ = listener.accept()
                except OSError:
                    return
                with peer:
                    peer.recv(1, socket.MSG_PEEK)

        thread = threading.Thread(target=refuse)
        thread.start()
        try:
            yield
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            address.unlink()


def test_a_pcscd_that_polkit_keeps_from_us(tmp_path: Path) -> None:
    with private_pcscd() as pcscd:
        pcscd.kill()
        with refusing(pcscd.socket):
            found = fault(PcscConfig(name="in"), tmp_path)
    assert found.found.startswith("failed: pcscd refuses user ")
    assert "polkit rule" in found.fix
    assert "org.debian.pcsc-lite.access_pcsc" in found.fix


def test_a_pn532_that_is_mute(tmp_path: Path) -> None:
    with Pn532Reader(tmp_path / "ttyPN532") as chip:
        chip.mute = True
        found = fault(Pn532Config(name="in", device=str(chip.device)), tmp_path)
    assert "no PN532 answers" in found.found
    assert "switches are set to HSU" in found.fix


@pytest.mark.parametrize(
    ("key", "address", "said", "fix"),
    [
        (None, 0, "there is no key 'gate'", "`pointeuse agent credentials set gate`"),
        (bytes(16), 0, "not in the secure channel", "set its SCBK to that key"),
        (OSDP_KEY, 1, "nothing answers", "check its power, the line, and `address` and `baud`"),
    ],
)
def test_an_osdp_reader_that_is_not_let_in(
    tmp_path: Path, key: bytes | None, address: int, said: str, fix: str
) -> None:
    if key is not None:
        Credentials(tmp_path).set("gate", Secret(key))
    with OsdpPeripheral(tmp_path / "ttyOSDP", OSDP_KEY) as peripheral:
        config = OsdpConfig(name="in", device=str(peripheral.device), key="gate", address=address)
        found = fault(config, tmp_path)
    assert said in found.found
    assert found.fix == fix


def test_a_terminal_with_every_reader(broker: Broker, tmp_path: Path) -> None:
    state = broker.terminal().state
    Credentials(state).set(OSDP_KEY_NAME, Secret(OSDP_KEY))
    with plugged_in(tmp_path, date(2026, 11, 23)) as plugged:
        config = tmp_path / "agent.toml"
        config.write_text(
            f'[terminal]\nstate = "{state}"\nkeeps_time = true\n'
            f'[badges]\nprofiles = "{tmp_path / "none"}"\n'
            f'[uplink]\nhost = "localhost"\nport = {broker.port}\n'
            + "".join(station.table for station in plugged.stations)
        )
        done = subprocess.run(
            [POINTEUSE, "agent", "doctor", "--config", str(config), "--json"],
            env=os.environ | plugged.environment, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
    findings = json.loads(done.stdout)["findings"]
    found = {each["about"]: each for each in findings if each["check"] == "readers"}
    assert found.pop("kernel", None) is None
    assert found.keys() == {station.family for station in plugged.stations}
    for family, said in WELL.items():
        assert found[family]["verdict"] == "ok", found[family]
        assert said in found[family]["found"]
    ports = {each["about"]: each for each in findings if each["check"] == "ports"}
    assert "is no device" in ports.pop("wedge")["found"], "the simulated keyboard is a pipe"
    assert {each["verdict"] for each in ports.values()} == {"ok"}
    assert ports.keys() == found.keys() - {"pcsc", "wedge"}


WELL = {
    "pcsc": "PC/SC: Line-up reader 00 00 (cards with keys, and UIDs; lamp",
    "pn532": "firmware 1.6: answers (cards with keys, and UIDs; no lamp)",
    "twn4": "Elatec TWN4",
    "sscp": "STid SSCP",
    "deister": "Deister deBus",
    "rdm6300": "RDM6300/ID-12",
    "id12": "RDM6300/ID-12",
    "wiegand": "Wiegand converter",
    "scanner": "line scanner",
    "scanner-code": "line scanner",
    "osdp": "(vendor C0FFEE, model 2, firmware 1.2.3): secure channel up (numbers; lamp, buzzer",
    "wedge": "taken (Simulated wedge) (numbers as typed; no lamp)",
}
