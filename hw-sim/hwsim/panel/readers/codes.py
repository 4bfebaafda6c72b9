"""Readers of printed codes: a scanner on a serial line, and one that is a keyboard."""

from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path

from hwsim.errors import SimulatorError
from hwsim.lineup.keyboard import Keyboard
from hwsim.panel.hand import Held
from hwsim.panel.readers.base import Reader
from hwsim.serial_reader import SerialReader


class _Scanner(Reader):
    """Whatever reads codes sends what it read, once, and nothing else."""

    senses = "codes"

    def misses(self, held: Held) -> str:
        """It reads what is printed, to its end or not at all."""
        if held.printed is None:
            return "reads printed codes, and none is printed on it"
        return "sends nothing for a code that leaves before it was read" if held.pulled else ""

    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Send the number."""
        if held.printed is None:
            raise SimulatorError(f"nothing is printed on {held.title}; `misses` says so")
        with self._lock:
            self._send(held.printed)
        until()

    @abstractmethod
    def _send(self, number: str) -> None:
        """Send a number. Raises SimulatorError."""


class Counter(_Scanner):
    """A barcode and QR scanner in serial mode, on a pty."""

    name, title, direction = "counter", "Counter", "auto"
    connection = "QR scanner, serial"
    unplugging = "its pty is closed"

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._device = SerialReader(directory / self.name, "line")

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return self.described("serial", device=self._device.device, protocol="line")

    def close(self) -> None:
        """Put it away."""
        self._device.close()

    def _send(self, number: str) -> None:
        self._device.present(number)

    def _go(self) -> None:
        self._device.unplug()

    def _come(self) -> None:
        self._device.replug()


class Office(_Scanner):
    """A scanner that is a keyboard: key events in a pipe."""

    name, title, direction = "office", "Site office", "out"
    connection = "QR scanner, keyboard wedge"
    unplugging = "its device file goes"
    note = "Its keys come through a pipe, not from a kernel; grabbing it is not tried."

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._device = Keyboard(directory / self.name)
        self.environment = self._device.environment

    def table(self) -> str:
        """Its `[[readers]]` table."""
        return self.described("wedge", device=self._device.device)

    def close(self) -> None:
        """Put it away."""
        self._device.unplug()

    def _send(self, number: str) -> None:
        self._device.type(number)

    def _go(self) -> None:
        self._device.unplug()

    def _come(self) -> None:
        self._device.replug()
