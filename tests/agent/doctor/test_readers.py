import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.badges.identify import Identifier
from agent.doctor import readers
from agent.doctor.findings import Finding, Verdict
from agent.readers import PcscConfig, Pn532Config, ReaderConfig, SerialConfig, WedgeConfig
from agent.readers.config import ASKED
from hwsim.pn532 import Pn532Reader
from hwsim.serial_reader import SerialReader


@pytest.fixture
def serial(tmp_path: Path) -> Iterator[SerialReader]:
    with SerialReader(tmp_path / "ttyUSB0") as reader:
        yield reader


def rdm6300(device: Path, name: str = "in") -> SerialConfig:
    return SerialConfig(name=name, device=str(device), protocol="rdm6300")


def test_a_reader_that_is_there_says_what_it_is_and_can(
    serial: SerialReader, tmp_path: Path
) -> None:
    (found,) = readers.standing([rdm6300(serial.device)], Identifier(), tmp_path)
    assert found.verdict is Verdict.OK
    assert "RDM6300" in found.found
    assert "125 kHz numbers" in found.found


@pytest.mark.integration
def test_a_pn532_says_its_firmware(tmp_path: Path) -> None:
    with Pn532Reader(tmp_path / "ttyPN532") as chip:
        config = Pn532Config(name="in", device=str(chip.device))
        (found,) = readers.standing([config], Identifier(), tmp_path, 10)
    assert found.verdict is Verdict.OK
    assert "firmware" in found.found


def test_a_reader_that_is_not_there_is_named_with_a_fix(tmp_path: Path) -> None:
    config = rdm6300(tmp_path / "nothing")
    (found,) = readers.standing([config], Identifier(), tmp_path, 0.2)
    assert found.verdict is Verdict.FAULT
    assert str(tmp_path / "nothing") in found.found + found.fix


def test_one_of_several_is_named(serial: SerialReader, tmp_path: Path) -> None:
    configs: list[ReaderConfig] = [rdm6300(serial.device), rdm6300(tmp_path / "none", "out")]
    found = list(readers.standing(configs, Identifier(), tmp_path, 0.5))
    assert [(each.about, each.verdict) for each in found] == [
        ("in", Verdict.OK),
        ("out", Verdict.FAULT),
    ]
    assert not [t for t in threading.enumerate() if t.name.startswith("reader")]


def test_what_the_agent_says_is_passed_on() -> None:
    configs: list[ReaderConfig] = [
        PcscConfig(name="a"), PcscConfig(name="b"), PcscConfig(name="c"), PcscConfig(name="d"),
    ]  # fmt: skip
    told = {
        "a": {"state": "ready", "detail": "ACR122U"},
        "b": {"state": "failed", "detail": "pcscd does not run: systemctl start pcscd"},
        "d": {"state": "failed", "detail": "of an older agent"},
    }
    found = list(readers.running(told, configs))
    assert [each.verdict for each in found] == [Verdict.OK, *[Verdict.FAULT] * 3]
    assert (found[1].found, found[1].fix) == (
        "failed: pcscd does not run", "systemctl start pcscd",
    )  # fmt: skip
    assert "restart the agent" in found[2].fix
    assert (found[3].found, found[3].fix) == ("failed: of an older agent", "see the agent's log")


def test_the_kernel_s_driver_of_an_acr122u(tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    modules.write_text("pn533_usb 20480 0 - Live 0x0\npn533 45056 1 pn533_usb, Live 0x0\n")

    def drivers(config: ReaderConfig) -> list[Finding]:
        return [e for e in readers.hindrances([config], modules) if e.about == "kernel"]

    (found,) = drivers(PcscConfig(name="a"))
    assert "blacklist pn533_usb" in found.fix
    assert drivers(rdm6300(tmp_path)) == []
    modules.write_text("usbcore 1 0 - Live 0x0\n")
    assert drivers(PcscConfig(name="a")) == []


def test_every_kind_of_reader_says_what_it_can() -> None:
    serial = [
        SerialConfig(name="x", device="d", protocol=protocol)  # type: ignore[arg-type]
        for protocol in ("rdm6300", "line", "wiegand", *sorted(ASKED))
    ]
    others = [
        PcscConfig(name="x"),
        Pn532Config(name="x", device="d"),
        WedgeConfig(name="x", device="d"),
    ]
    everything: list[ReaderConfig] = [*serial, *others]  # type: ignore[list-item]
    for config in everything:
        assert len(readers.can(config)) > 10


def test_badges_are_shown_and_nothing_is_recorded(serial: SerialReader, tmp_path: Path) -> None:
    stop = threading.Event()
    shown = readers.presented([rdm6300(serial.device)], Identifier(), tmp_path, stop)
    tapper = threading.Timer(0.5, serial.present, ["0A1B2C3D4E"])
    tapper.start()
    first = next(shown)
    stop.set()
    assert list(shown) == []
    tapper.join()
    assert (first.reader, first.words) == ("in", "em4100 …3D4E, uid")
    assert not list(tmp_path.glob("journal*"))
    assert json.dumps(first.words)
