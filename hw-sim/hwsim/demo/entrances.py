"""The demo's five entrances: their terminals, their readers, and holding badges to them."""

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from hwsim.cards import RandomUidCard, UidCard
from hwsim.demo.world import CODE_PATTERN, Badge
from hwsim.errors import SimulatorError
from hwsim.pcscd import Pcscd
from hwsim.processes import wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal

_PCSC_NAME = "Gate reader"
_DEBOUNCE_S = 1.0
_GATE = f"debounce_s = {_DEBOUNCE_S}"
HARDWARE = "hardware"
"""The name of a real reader."""
_HARDWARE = {
    "serial": 'kind = "serial"\nprotocol = "rdm6300"\n',
    "line": 'kind = "serial"\nprotocol = "line"\n',
    "twn4": 'kind = "serial"\nprotocol = "twn4"\n',
    "pn532": 'kind = "pn532"\n',
    "wedge": 'kind = "wedge"\n',
    "pcsc": 'kind = "pcsc"\n',
}
"""Tables of real readers, but for where they are."""
_UPLINK = "backoff_s = 0.3\nbackoff_limit_s = 2.0\nresend_s = 5.0\ntelemetry_s = 2.0"


@dataclass
class Reader:
    """A simulated reader at an entrance, and which way people go past it."""

    name: str
    direction: str
    device: SerialReader


@dataclass
class Entrance:
    """A terminal with its simulated readers."""

    terminal: Terminal
    serial: dict[str, Reader]
    hardware: bool = False
    """It has a real reader, which may be plugged in later."""

    def present(self, reader: str, badge: Badge) -> None:
        """Hold a badge to one of its serial readers."""
        self.serial[reader].device.present(badge.presented)

    def taps(self) -> int:
        """How many taps its agent recorded since it started."""
        status = self.terminal.status() or {"counts": {}}
        taps: int = status["counts"].get("taps", 0)
        return taps

    def wait_taps(self, count: int) -> None:
        """Wait until its agent recorded `count` taps since it started."""
        wait_for(
            lambda: self.taps() >= count,
            f"entrance {self.terminal.name}: {count} taps were made, {self.taps()} recorded",
        )

    def start(self) -> None:
        """Start its agent, and wait until its readers are ready."""
        self.terminal.start()
        if self.hardware:
            return
        wait_for(self._readers_ready, f"the readers of entrance {self.terminal.name} are not ready")

    def _readers_ready(self) -> bool:
        status = self.terminal.status()
        return status is not None and all(
            reader["state"] == "ready" for reader in status["readers"].values()
        )


@dataclass
class Entrances:
    """One with RFID readers, an entrance with scanners, one with a PC/SC reader, and two more."""

    tags: Entrance
    codes: Entrance
    cards: Entrance
    more: list[Entrance]
    """With RFID readers, where few people pass."""
    pcscd: Pcscd

    def all(self) -> list[Entrance]:
        """The five."""
        return [self.tags, self.codes, self.cards, *self.more]

    def tap_card(self, badge: Badge) -> bool:
        """Hold a card to the PC/SC reader until it was read."""
        return self.pcscd.slots[0].tap(UidCard.from_hex(badge.number), hold_s=0.05)

    def pull_card_away(self, badge: Badge) -> bool:
        """Hold a card to the PC/SC reader, and pull it away as it should answer."""
        return self.pcscd.slots[0].tap(UidCard.from_hex(badge.number), pull_at=1)

    def tap_random_uid(self, seed: int) -> bool:
        """Hold a card that makes up its UID to the PC/SC reader."""
        return self.pcscd.slots[0].tap(RandomUidCard(seed), hold_s=0.05)


def _serial_table(reader: Reader, protocol: str) -> str:
    pattern = f"pattern = '{CODE_PATTERN}'\n" if protocol == "line" else ""
    return (
        f'[[readers]]\nkind = "serial"\nname = "{reader.name}"\n'
        f'device = "{reader.device.device}"\nprotocol = "{protocol}"\n'
        f'direction = "{reader.direction}"\n{pattern}'
    )


@contextmanager
def open_entrances(stack: Stack) -> Iterator[Entrances]:
    """Make the readers, enrol the terminals and configure their agents; start none yet."""
    with ExitStack() as held:
        pcscd = held.enter_context(Pcscd(2, name=_PCSC_NAME, directory=stack.directory / "pcscd"))

        def entrance(name: str, protocol: str) -> Entrance:
            terminal = stack.add_terminal(name)
            readers = {}
            for direction in ("in", "out"):
                path = terminal.directory / f"reader-{direction}"
                device = held.enter_context(SerialReader(Path(path), protocol))
                readers[direction] = Reader(direction, direction, device)
            tables = "".join(_serial_table(reader, protocol) for reader in readers.values())
            terminal.configure(tables, uplink=_UPLINK, gate=_GATE)
            return Entrance(terminal, readers)

        tags = entrance("tags", "rdm6300")
        codes = entrance("codes", "line")
        cards = Entrance(stack.add_terminal("cards"), {})
        cards.terminal.configure(
            f'[[readers]]\nkind = "pcsc"\nname = "turnstile"\nmatch = "{_PCSC_NAME} 00 00"\n',
            uplink=_UPLINK,
            gate=_GATE,
            env=pcscd.environment,
        )
        more = [entrance(name, "rdm6300") for name in ("quay", "yard")]
        yield Entrances(tags, codes, cards, more, pcscd)


def hardware_table(reader: str) -> str:
    """The `[[readers]]` table of a real reader: a word of _HARDWARE, a colon, and where it is.

    Raises SimulatorError naming what is expected.
    """
    kind, colon, place = reader.partition(":")
    if not colon or kind not in _HARDWARE or (kind != "pcsc" and not place):
        raise SimulatorError(
            f"{reader!r} is no reader; give serial:/dev/ttyUSB0, line:/dev/ttyACM0,"
            " twn4:/dev/ttyACM0, pn532:/dev/ttyUSB0, wedge:/dev/input/by-id/... or pcsc:NAME"
        )
    where = "match" if kind == "pcsc" else "device"
    return f'[[readers]]\nname = "{HARDWARE}"\n{_HARDWARE[kind]}{where} = {json.dumps(place)}\n'


def use_hardware(entrance: Entrance, reader: str) -> None:
    """Give a terminal a real reader in place of its simulated ones. Raises SimulatorError."""
    entrance.hardware = True
    entrance.terminal.configure(hardware_table(reader), uplink=_UPLINK, gate=_GATE)


def settle() -> None:
    """Long enough that whatever comes next is a presentation of its own."""
    time.sleep(_DEBOUNCE_S + 0.2)
