"""Reader tables: what is accepted, what is refused, and which module each opens."""

import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest

from agent.badges.credentials import Credentials, Secret
from agent.readers import PcscConfig, ReaderConfig, SerialConfig, open_reader
from agent.reads import Event, ReaderState

SERIAL = {"kind": "serial", "name": "gate", "device": "/dev/ttyUSB0", "protocol": "rdm6300"}
OSDP = {"kind": "osdp", "name": "gate", "device": "/dev/ttyUSB0", "key": "gate-scbk"}
WEDGE = {"kind": "wedge", "name": "gate", "device": "/dev/input/event0"}
PCSC = {"kind": "pcsc", "name": "gate"}
PN532 = {"kind": "pn532", "name": "gate", "device": "/dev/ttyUSB0"}


def config(**table: Any) -> ReaderConfig:
    found: ReaderConfig = msgspec.convert(table, ReaderConfig)
    return found


def test_defaults() -> None:
    assert config(**SERIAL) == SerialConfig(name="gate", device="/dev/ttyUSB0", protocol="rdm6300")
    assert config(**PCSC) == PcscConfig(name="gate", match="", direction="auto")


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (SERIAL | {"bauds": 9600}, "bauds"),
        (SERIAL | {"baud": 9601}, r"\$\.baud"),
        (SERIAL | {"protocol": "rs232"}, r"\$\.protocol"),
        (SERIAL | {"direction": "left"}, r"\$\.direction"),
        (SERIAL | {"device": ""}, r"\$\.device"),
        (SERIAL | {"name": "the gate"}, r"\$\.name"),
        (SERIAL | {"name": "x" * 33}, r"\$\.name"),
        (SERIAL | {"name": "gate\n"}, r"\$\.name"),
        (SERIAL | {"pattern": r"(?P<badge>\d+)"}, r"`pattern` is for protocol = \"line\""),
        (SERIAL | {"address": 1}, r"`address` is for protocol = \"sscp\" or \"deister\""),
        (SERIAL | {"protocol": "line", "backwards": True}, "`backwards` is for"),
        (SERIAL | {"protocol": "twn4", "wiegand": "26"}, "`wiegand` is for"),
        (SERIAL | {"protocol": "sscp", "address": 128}, r"\$\.address"),
        (SERIAL | {"protocol": "line", "pattern": r"\d+"}, "no group named badge"),
        (PCSC | {"device": "/dev/ttyUSB0"}, "device"),
        (PN532 | {"baud": 115200}, "baud"),
        (PCSC | {"kind": "radar"}, "radar"),
    ],
)
def test_mistakes_are_named(table: dict[str, Any], said: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=said):
        config(**table)


@pytest.mark.parametrize(
    ("table", "loaded", "spared"),
    [
        (SERIAL, "serial", "smartcard"),
        (PCSC, "smartcard", "serial"),
        (OSDP, "osdp_sys", "smartcard"),
        (WEDGE, "evdev", "smartcard"),
        (PN532, "nfc", "smartcard"),
    ],
)
def test_only_the_library_of_the_family_is_loaded(
    table: dict[str, Any], loaded: str, spared: str
) -> None:
    program = (
        "import sys, msgspec; from agent.readers import ReaderConfig, open_reader;"
        f"open_reader(msgspec.convert({table!r}, ReaderConfig));"
        f"assert {loaded!r} in sys.modules and {spared!r} not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("table", "library", "extra"),
    [
        (PCSC, "smartcard", "pointeuse[pcsc]"),
        (OSDP, "osdp_sys", "pointeuse[osdp]"),
        (WEDGE, "evdev", "pointeuse[wedge]"),
        (PN532, "nfc", "pointeuse[pn532]"),
    ],
)
def test_a_missing_library_is_one_line_with_the_fix(
    table: dict[str, Any], library: str, extra: str
) -> None:
    program = (
        f"import sys, msgspec; sys.modules[{library!r}] = None\n"
        "from agent.readers import ReaderConfig, open_reader\n"
        "from protocol.settings import SettingsError\n"
        f"try: open_reader(msgspec.convert({table!r}, ReaderConfig))\n"
        "except SettingsError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert extra in done.stdout, done.stderr


def test_the_key_of_an_osdp_reader_is_in_the_credential_store(tmp_path: Path) -> None:
    reader = open_reader(config(**OSDP), state=tmp_path)
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    stop = threading.Event()
    thread = threading.Thread(target=reader.run, args=(events.put, stop))
    thread.start()
    try:
        told = events.get(timeout=30)
        assert isinstance(told, ReaderState)
        assert "there is no key 'gate-scbk'" in told.detail
        Credentials(tmp_path).set("gate-scbk", Secret(bytes(16)))
        told = events.get(timeout=30)
        assert isinstance(told, ReaderState)
        assert "/dev/ttyUSB0" in told.detail
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def test_readers_describe_themselves() -> None:
    reader = open_reader(config(**SERIAL))
    assert reader.name == "gate"
    assert reader.describe() == "serial RDM6300/ID-12 on /dev/ttyUSB0 at 9600 baud"
