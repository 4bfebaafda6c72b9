"""One simulated reader of each family: what configures it, and holding badges to it."""

import contextlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from agent.readers import (
    OsdpConfig,
    PcscConfig,
    Pn532Config,
    ReaderConfig,
    SerialConfig,
    WedgeConfig,
)
from bench.reader_floors import CardFloor, Floor, KeysFloor, LineFloor
from bench.reader_meter import Meter, keyboard_calls, scard_calls, serial_calls
from hwsim.desfire import DesfireCard
from hwsim.desfire.badges import CONSTRUBADGE, Holder, badge
from hwsim.lineup.keyboard import typed
from hwsim.pcscd import Pcscd
from hwsim.pn532 import Pn532Reader
from hwsim.readers.asked import AskedReader
from hwsim.readers.osdp import OsdpPeripheral
from hwsim.serial_reader import SerialReader

OSDP_KEY = bytes(range(16))
_SEARCH = 0x4A
_EXCHANGE = 0x40
_GONE_S = 10.0


@dataclass(frozen=True)
class Rig:
    """A reader, plugged in."""

    config: ReaderConfig
    hold: Callable[[int], AbstractContextManager[None]]
    """Hold the badge of a number there, and take it away again; each is another badge."""
    wrapped: Callable[[Meter], AbstractContextManager[None]] = serial_calls
    floor: Callable[[Meter], Floor] = LineFloor
    """What carries as much as the meter last noted."""
    apdus: Callable[[Meter], int] = lambda _: 0
    """How many commands the last card was sent."""


def card(number: int) -> DesfireCard:
    """A badge whose file is enciphered."""
    uid = b"\x04" + number.to_bytes(6, "big")
    ends = date(date.today().year + 1, 12, 31)  # noqa: DTZ011 - as on a badge
    holder = Holder(str(number), "0880000133", "2100000017", date(2026, 1, 1), ends, "Noor Peeters")
    return badge(CONSTRUBADGE, holder, uid)


@contextmanager
def pcsc(_: Path) -> Iterator[Rig]:
    """A slot of a real pcscd; the floor has another."""
    with Pcscd(2, name="Bench reader") as pcscd:
        os.environ.update(pcscd.environment)
        slot, beside = pcscd.slots

        @contextmanager
        def hold(number: int) -> Iterator[None]:
            slot.insert(card(number))
            yield
            slot.remove()
            slot.join()

        yield Rig(
            PcscConfig(name="pcsc", match=slot.reader),
            hold,
            scard_calls,
            lambda meter: CardFloor(meter, beside),
            lambda meter: len(meter.apdus),
        )


@contextmanager
def pn532(directory: Path) -> Iterator[Rig]:
    """An emulated chip on a pty."""
    with Pn532Reader(directory / "pn532") as chip:
        exchanged = [0, 0]

        @contextmanager
        def hold(number: int) -> Iterator[None]:
            exchanged[0] = chip.counts.get(_EXCHANGE, 0)
            chip.insert(card(number))
            yield
            exchanged[1] = chip.counts.get(_EXCHANGE, 0)
            chip.remove()
            _searched(chip)

        yield Rig(
            Pn532Config(name="pn532", device=str(chip.device)),
            hold,
            apdus=lambda _: exchanged[1] - exchanged[0],
        )


def _searched(chip: Pn532Reader) -> None:
    """Wait until the field was searched twice, so that the last card is forgotten."""
    seen, deadline = chip.counts.get(_SEARCH, 0), time.monotonic() + _GONE_S
    while chip.counts.get(_SEARCH, 0) < seen + 2:
        if time.monotonic() > deadline:
            raise RuntimeError("the reader does not search")
        time.sleep(0.002)


@contextmanager
def _asked(directory: Path, protocol: str) -> Iterator[Rig]:
    with AskedReader(directory / protocol, protocol) as reader:

        @contextmanager
        def hold(number: int) -> Iterator[None]:
            reader.hold("iso14443a", f"04{number:012X}")
            yield

        yield Rig(_serial(protocol, reader.device, protocol), hold)


@contextmanager
def _sending(directory: Path, family: str, protocol: str) -> Iterator[Rig]:
    frames: dict[str, Callable[[int], str]] = {
        "rdm6300": lambda number: f"01{number:08X}",
        "wiegand": lambda number: f"{number:014b}".rjust(24, "0"),
        "scanner": lambda number: f"{10**11 + number}",
    }
    made = frames[family]
    with SerialReader(directory / family, "line" if family != "rdm6300" else "rdm6300") as reader:

        @contextmanager
        def hold(number: int) -> Iterator[None]:
            text = made(number)
            reader.present(_framed(text) if family == "wiegand" else text)
            yield

        yield Rig(_serial(family, reader.device, protocol), hold)


def _framed(data: str) -> str:
    """A 26-bit Wiegand frame in hex digits, with its parity bits."""
    even, odd = data[:12].count("1") % 2, 1 - data[12:].count("1") % 2
    return f"{int(f'{even}{data}{odd}', 2):X}"


def _serial(name: str, device: Path, protocol: str) -> SerialConfig:
    return SerialConfig(name=name, device=str(device), protocol=protocol)  # type: ignore[arg-type]


@contextmanager
def osdp(directory: Path) -> Iterator[Rig]:
    """libosdp's peripheral, in a process of its own."""
    with OsdpPeripheral(directory / "osdp", OSDP_KEY) as peripheral:

        @contextmanager
        def hold(number: int) -> Iterator[None]:
            peripheral.present(f"{0x04 << 48 | number:056b}")
            yield

        config = OsdpConfig(name="osdp", device=str(peripheral.device), key="osdp")
        yield Rig(config, hold)


@contextmanager
def wedge(directory: Path) -> Iterator[Rig]:
    """A pipe of key events."""
    source, sink = os.pipe()
    device = directory / "wedge"
    device.touch()

    @contextmanager
    def hold(number: int) -> Iterator[None]:
        os.write(sink, typed(f"{10**11 + number}"))
        yield

    try:
        os.set_blocking(source, False)
        yield Rig(
            WedgeConfig(name="wedge", device=str(device)),
            hold,
            lambda meter: keyboard_calls(meter, source),
            lambda _: KeysFloor(typed(f"{10**11}")),
        )
    finally:
        with contextlib.suppress(OSError):
            os.close(source)
        os.close(sink)


RIGS: dict[str, Callable[[Path], AbstractContextManager[Rig]]] = {
    "pcsc": pcsc,
    "pn532": pn532,
    "rdm6300": lambda directory: _sending(directory, "rdm6300", "rdm6300"),
    "twn4": lambda directory: _asked(directory, "twn4"),
    "sscp": lambda directory: _asked(directory, "sscp"),
    "deister": lambda directory: _asked(directory, "deister"),
    "wiegand": lambda directory: _sending(directory, "wiegand", "wiegand"),
    "scanner": lambda directory: _sending(directory, "scanner", "line"),
    "osdp": osdp,
    "wedge": wedge,
}
"""The families, by name."""
