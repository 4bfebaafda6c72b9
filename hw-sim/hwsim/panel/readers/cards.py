"""Readers that speak to a card: PC/SC and PN532."""

from collections.abc import Callable
from pathlib import Path

from hwsim.panel.hand import Held
from hwsim.panel.lamps import Acr122uCard, Lamp
from hwsim.panel.readers.base import Reader, chip
from hwsim.pcscd import Pcscd
from hwsim.pn532 import Pn532Reader

_ACR122U = "ACS ACR122U PICC Interface"
_PULL_AT = 3
"""Which command a card that is pulled away leaves without an answer."""


class Turnstile(Reader):
    """An ACR122U: a slot of a real pcscd, with our card in it."""

    name, title, direction = "turnstile", "Turnstile", "in"
    connection = "ACR122U, PC/SC"
    unplugging = "pcscd is killed"

    def __init__(self, directory: Path) -> None:
        self._light = Lamp()
        super().__init__(lamp=self._light)
        self._pcscd = Pcscd(2, name=_ACR122U, directory=directory / "pcscd")
        self._pcscd.start()
        self.environment = self._pcscd.environment

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return self.described("pcsc", match=f"{_ACR122U} 00 00")

    def misses(self, held: Held) -> str:
        """It has a field for cards of 13.56 MHz."""
        return _no_card(held)

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Lay the card in the slot."""
        slot = self._pcscd.slots[0]
        slot.insert(Acr122uCard(chip(held), self._light), _PULL_AT if held.pulled else None)
        try:
            until()
        finally:
            slot.remove()

    def close(self) -> None:
        """End pcscd."""
        self._pcscd.stop()

    def _come(self) -> None:
        self._pcscd.start()

    def _go(self) -> None:
        self._pcscd.kill()


class Gate(Reader):
    """A PN532 on a pty."""

    name, title, direction = "gate", "Gate", "out"
    connection = "PN532, UART"
    unplugging = "its pty is closed"

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._device = Pn532Reader(directory / self.name)

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return self.described("pn532", device=self._device.device)

    def misses(self, held: Held) -> str:
        """It has a field for cards of 13.56 MHz."""
        return _no_card(held)

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Lay the card in the field."""
        self._device.insert(chip(held), _PULL_AT if held.pulled else None)
        try:
            until()
        finally:
            self._device.remove()

    def close(self) -> None:
        """Put it away."""
        self._device.close()

    def _come(self) -> None:
        self._device.replug()

    def _go(self) -> None:
        self._device.unplug()


def _no_card(held: Held) -> str:
    if held.card is not None:
        return ""
    if held.tag is not None:
        return "reads 13.56 MHz cards, and notices no 125 kHz tag"
    return "reads chips, and there is none in it"
