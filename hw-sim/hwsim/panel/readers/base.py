"""What the panel's readers have in common."""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from hwsim.desfire import DesfireCard
from hwsim.errors import SimulatorError
from hwsim.panel.hand import Held
from hwsim.panel.lamps import Display, Lamp


class Reader(ABC):
    """One reader. Only one thread at a time holds a badge to it."""

    name: ClassVar[str]
    title: ClassVar[str]
    connection: ClassVar[str]
    """How it is connected, in a few words."""
    unplugging: ClassVar[str]
    """What is done when it is unplugged."""
    direction: ClassVar[str]
    senses: ClassVar[str] = "chips"
    """What it notices: "chips" or "codes"."""
    note: ClassVar[str] = ""
    """What is not as with a real one, where there is more to say than that it is simulated."""

    def __init__(self, *, lamp: Lamp | None = None, display: Display | None = None) -> None:
        """With the lamp and the display it has."""
        self.lamp, self.display = lamp, display
        self.plugged = True
        """Whether it is plugged in; it is there for the agent if it has power too."""
        self._powered = True
        self._lock = threading.Lock()
        """Held while it comes and goes, and by whatever cannot do with that."""
        self.environment: Mapping[str, str] = {}
        """What an agent needs in its environment to find it."""

    @abstractmethod
    def table(self) -> str:
        """Its `[[readers]]` table."""

    @abstractmethod
    def misses(self, held: Held) -> str:
        """Why it cannot notice such a thing; empty if it can."""

    @abstractmethod
    def hold(self, held: Held, until: Callable[[], object]) -> None:
        """Hold it there until `until` returns, or until it is pulled away.

        Raises SimulatorError.
        """

    @abstractmethod
    def close(self) -> None:
        """Put it away."""

    @abstractmethod
    def _come(self) -> None:
        """Be there, and under power. Raises SimulatorError."""

    @abstractmethod
    def _go(self) -> None:
        """Be gone."""

    def plug(self, plugged: bool) -> None:
        """Plug it in, or pull it out. Raises SimulatorError."""
        self._be(plugged, self._powered)

    def power(self, powered: bool) -> None:
        """Give power to it, or take it away: it has it from the terminal. Raises SimulatorError."""
        self._be(self.plugged, powered)

    def _be(self, plugged: bool, powered: bool) -> None:
        with self._lock:
            was, now = self.plugged and self._powered, plugged and powered
            if now and not was:
                self._come()
            self.plugged, self._powered = plugged, powered
            if was and not now:
                self._go()
                self._darken()

    def look(self) -> None:  # noqa: B027 - most are driven by what reaches them
        """Let lamp and display follow what has come since."""

    def _darken(self) -> None:
        if self.lamp is not None:
            self.lamp.light(0)
        if self.display is not None:
            self.display.write("")

    def shown(self) -> dict[str, Any]:
        """What the page is told of it, but for what the agent says."""
        return {
            "name": self.name,
            "title": self.title,
            "connection": self.connection,
            "unplugging": self.unplugging,
            "senses": self.senses,
            "note": self.note,
            "direction": self.direction,
            "plugged": self.plugged,
            "lamp": None if self.lamp is None else self.lamp.shown(),
            "display": None if self.display is None else self.display.shown(),
        }

    def described(self, kind: str, **fields: object) -> str:
        """The `[[readers]]` table of a reader of `kind`."""
        named = {"kind": kind, "name": self.name, "direction": self.direction} | fields
        return "[[readers]]\n" + "".join(f'{key} = "{value}"\n' for key, value in named.items())


def chip(held: Held) -> DesfireCard:
    """The card of something that has one. Raises SimulatorError."""
    if held.card is None:
        raise SimulatorError(f"{held.title} is no card; `misses` says so")
    return held.card()
