"""Readers that tell the number of a chip and no more: TWN4 and OSDP."""

from collections.abc import Callable
from pathlib import Path

from hwsim.panel.hand import Held
from hwsim.panel.lamps import Display, Lamp, obey_osdp, obey_twn4
from hwsim.panel.readers.base import Reader, chip
from hwsim.readers.asked import AskedReader
from hwsim.readers.osdp import OsdpPeripheral

OSDP_KEY = bytes(range(16))
"""The secure channel base key of the OSDP reader."""
OSDP_KEY_NAME = "osdp-barrier"
"""Its name in the terminal's credential store."""
_NO_TAG = b"0000\r"
"""What a TWN4 answers while nothing lies in its field."""
_NO_CHIP = "reads chips, and there is none in it"


class Canteen(Reader):
    """A TWN4 on a pty, which reads numbers only, and 125 kHz tags too."""

    name, title, direction = "canteen", "Canteen", "auto"
    connection = "TWN4, serial"
    unplugging = "its pty is closed"

    def __init__(self, directory: Path) -> None:
        self._light = Lamp()
        super().__init__(lamp=self._light)
        self._device = AskedReader(directory / self.name, "twn4")
        self._obeyed = 0

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return self.described("serial", device=self._device.device, protocol="twn4")

    def misses(self, held: Held) -> str:
        """It has fields of both frequencies."""
        return "" if held.card or held.tag else _NO_CHIP

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Lay it in the field; it answers with its number and nothing else."""
        if held.pulled:
            self._device.spoil_next(self._cut)
        if held.tag is not None:
            self._device.hold("em4100", held.tag)
        else:
            card = chip(held)
            card.power_on()
            self._device.hold("iso14443a", card.uid.hex())
        try:
            until()
        finally:
            self._device.take_away()

    def _cut(self, answer: bytes) -> bytes:
        """There is no conversation to leave: the answer with the number breaks off."""
        if len(answer) <= len(_NO_TAG):
            self._device.spoil_next(self._cut)
            return answer
        self._device.take_away()
        return answer[: len(answer) // 2]

    def close(self) -> None:
        """Put it away."""
        self._device.close()

    def _come(self) -> None:
        self._device.replug()

    def _go(self) -> None:
        self._device.unplug()
        self._obeyed = 0

    def look(self) -> None:
        """Carry out the commands that came since."""
        with self._lock:
            commands = self._device.shown[self._obeyed :]
            self._obeyed += len(commands)
            obey_twn4(self._light, commands)


class Barrier(Reader):
    """libosdp's peripheral in a process of its own, on a pty, in the secure channel."""

    name, title, direction = "barrier", "Barrier", "in"
    connection = "OSDP, RS-485"
    unplugging = "its process ends, and its pty with it"

    def __init__(self, directory: Path) -> None:
        self._light, self._text = Lamp(), Display()
        super().__init__(lamp=self._light, display=self._text)
        self._device = OsdpPeripheral(directory / self.name, OSDP_KEY)

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return self.described("osdp", device=self._device.device, key=OSDP_KEY_NAME)

    def misses(self, held: Held) -> str:
        """It has fields of both frequencies, and tells numbers that it has read to their end."""
        if not (held.card or held.tag):
            return _NO_CHIP
        return "does not mention a badge that leaves before it was read" if held.pulled else ""

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Let the peripheral tell its number, as so many bits."""
        number = held.tag
        if number is None:
            card = chip(held)
            card.power_on()
            number = card.uid.hex()
        with self._lock:
            self._device.present(f"{int(number, 16):0{4 * len(number)}b}")
        until()

    def close(self) -> None:
        """Put it away."""
        self._device.unplug()

    def _come(self) -> None:
        self._device.replug()

    def _go(self) -> None:
        self._device.unplug()
        self._device.commands()

    def look(self) -> None:
        """Carry out the commands that came since."""
        with self._lock:
            for command in self._device.commands():
                obey_osdp(self._light, self._text, command)
