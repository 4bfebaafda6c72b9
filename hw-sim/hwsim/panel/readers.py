"""The readers of the panel's terminal: badges are held to them, and they are pulled out."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from hwsim.desfire import DesfireCard
from hwsim.errors import SimulatorError
from hwsim.panel.hand import Held
from hwsim.panel.lamps import Acr122uCard, Lamp, obey_twn4
from hwsim.pcscd import Pcscd
from hwsim.pn532 import Pn532Reader
from hwsim.readers.asked import AskedReader

ACR122U = "ACS ACR122U PICC Interface"
_PULL_AT = 3
"""Which command a card that is pulled away leaves without an answer."""
_NO_TAG = b"0000\r"
"""What a TWN4 answers while nothing lies in its field."""


class Reader(Protocol):
    """One reader. Only one thread at a time holds a badge to it."""

    name: str
    title: str
    connection: str
    """How it is connected, in a few words."""
    unplugging: str
    """What is done when it is unplugged."""
    direction: str
    lamp: Lamp | None
    """None where it has none."""
    plugged: bool

    def table(self) -> str:
        """Its `[[readers]]` table."""

    def sees(self, held: Held) -> bool:
        """Whether it has a field for such a thing."""

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Hold it there until `until` returns, or until it is pulled away."""

    def unplug(self) -> None:
        """Pull it out."""

    def replug(self) -> None:
        """Plug it in again."""

    def look(self) -> None:
        """Let the lamp follow what has come since."""


class Turnstile:
    """An ACR122U: a slot of a real pcscd, with our card in it."""

    name, title, direction = "turnstile", "Turnstile", "in"
    connection = "ACR122U, PC/SC"
    unplugging = "pcscd is killed"

    def __init__(self, pcscd: Pcscd) -> None:
        self.lamp: Lamp | None = Lamp()
        self._light = self.lamp
        self.plugged = True
        self._pcscd = pcscd

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return _table(self, "pcsc", match=f"{ACR122U} 00 00")

    def sees(self, held: Held) -> bool:
        """Cards of 13.56 MHz."""
        return held.card is not None

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Lay the card in the slot."""
        slot = self._pcscd.slots[0]
        slot.insert(Acr122uCard(_card(held), self._light), _PULL_AT if held.pulled else None)
        try:
            until()
        finally:
            slot.remove()

    def unplug(self) -> None:
        """Kill pcscd: its clients see it go."""
        self.plugged = False
        self._pcscd.kill()
        self._light.light(0)

    def replug(self) -> None:
        """Start pcscd."""
        self._pcscd.start()
        self.plugged = True

    def look(self) -> None:
        """The lamp is driven by what reaches it."""


class Gate:
    """A PN532 on a pty."""

    name, title, direction = "gate", "Gate", "out"
    connection = "PN532, UART"
    unplugging = "its pty is closed"
    lamp: Lamp | None = None

    def __init__(self, directory: Path) -> None:
        self.device = Pn532Reader(directory / "gate")
        self.plugged = True

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return _table(self, "pn532", device=self.device.device)

    def sees(self, held: Held) -> bool:
        """Cards of 13.56 MHz."""
        return held.card is not None

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Lay the card in the field."""
        self.device.insert(_card(held), _PULL_AT if held.pulled else None)
        try:
            until()
        finally:
            self.device.remove()

    def unplug(self) -> None:
        """Close the pty."""
        self.plugged = False
        self.device.unplug()

    def replug(self) -> None:
        """Open another."""
        self.device.replug()
        self.plugged = True

    def look(self) -> None:
        """There is no lamp."""


class Canteen:
    """A TWN4 on a pty, which reads numbers only, and 125 kHz tags too."""

    name, title, direction = "canteen", "Canteen", "auto"
    connection = "TWN4, serial"
    unplugging = "its pty is closed"

    def __init__(self, directory: Path) -> None:
        self.device = AskedReader(directory / "canteen", "twn4")
        self.lamp: Lamp | None = Lamp()
        self._light = self.lamp
        self.plugged = True
        self._lock = threading.Lock()
        self._obeyed = 0

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return _table(self, "serial", device=self.device.device, protocol="twn4")

    def sees(self, held: Held) -> bool:
        """Whatever has a number."""
        return bool(held)

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Lay it in the field; it answers with its number and nothing else."""
        if held.pulled:
            self.device.spoil_next(self._cut)
        if held.tag is not None:
            self.device.hold("em4100", held.tag)
        else:
            card = _card(held)
            card.power_on()
            self.device.hold("iso14443a", card.uid.hex())
        try:
            until()
        finally:
            self.device.take_away()

    def _cut(self, answer: bytes) -> bytes:
        """There is no conversation to leave: the answer with the number breaks off."""
        if len(answer) <= len(_NO_TAG):
            self.device.spoil_next(self._cut)
            return answer
        self.device.take_away()
        return answer[: len(answer) // 2]

    def unplug(self) -> None:
        """Close the pty; without power the lamp is dark."""
        with self._lock:
            self.plugged = False
            self.device.unplug()
            self._obeyed = 0
            self._light.light(0)

    def replug(self) -> None:
        """Open another."""
        self.device.replug()
        self.plugged = True

    def look(self) -> None:
        """Carry out the commands that came since."""
        with self._lock:
            commands = self.device.shown[self._obeyed :]
            self._obeyed += len(commands)
            obey_twn4(self._light, commands)


def shown(reader: Reader) -> dict[str, Any]:
    """What the page is told of it, but for what the agent says."""
    return {
        "name": reader.name,
        "title": reader.title,
        "connection": reader.connection,
        "unplugging": reader.unplugging,
        "direction": reader.direction,
        "plugged": reader.plugged,
        "lamp": None if reader.lamp is None else reader.lamp.shown(),
    }


def _card(held: Held) -> DesfireCard:
    if held.card is None:
        raise SimulatorError(f"{held.title} is no card; `sees` says so")
    return held.card()


def _table(reader: Reader, kind: str, **fields: object) -> str:
    named = {"kind": kind, "name": reader.name, "direction": reader.direction} | fields
    return "[[readers]]\n" + "".join(f'{key} = "{value}"\n' for key, value in named.items())
