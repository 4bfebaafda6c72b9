"""What can be done in the panel: hold a badge to a reader, and make something fail."""

import threading
import time
from collections.abc import Callable, Mapping

from hwsim.errors import SimulatorError
from hwsim.panel.world import World
from hwsim.processes import listens

_ANSWER_S = 4.0
"""How long a badge is held to a reader at which nothing happens."""
_AFTER_S = 0.15
"""How long it is held once the worker was told."""
_HOUR_MS = 3_600_000

CLOCKS = ("right", "ahead", "unset")


class Controls:
    """Used from any thread; what cannot be done at once waits, or raises SimulatorError."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._lock = threading.Lock()
        self._hands = {name: threading.Lock() for name in world.readers}
        self._holding: dict[str, str] = {}
        self.network = self.broker = self.power = True
        """Whether they work."""
        self.clock = "right"
        """One of CLOCKS."""
        self._switches: Mapping[str, Callable[[bool], None]] = {
            "network": self._network,
            "broker": self._broker,
            "power": self._power,
        }

    @property
    def holding(self) -> dict[str, str]:
        """What is held to which reader now: its key, by the reader's name."""
        return dict(self._holding)

    def hold(self, reader: str, key: str) -> str:
        """Hold a badge to a reader until the terminal says something; what came of it, in words.

        Raises SimulatorError.
        """
        at, held = self._world.readers.get(reader), self._world.hand.held.get(key)
        if at is None or held is None:
            raise SimulatorError("there is no such reader or badge")
        if not at.sees(held):
            return f"{at.title}: reads 13.56 MHz cards, and notices no 125 kHz tag"
        if not at.plugged:
            return f"{at.title}: unplugged, nothing happens"
        if not self._hands[reader].acquire(blocking=False):
            raise SimulatorError(f"a badge is held to {at.title} already; take that away first")
        told: list[str] = []

        def until() -> None:
            before = self._world.screen.count()
            patience_s = _ANSWER_S if self.power else _AFTER_S
            line = self._world.screen.wait(reader, before, patience_s)
            told.append("" if line is None else "".join(words for _, words in line.parts))
            time.sleep(_AFTER_S)

        try:
            self._holding[reader] = key
            at.hold(held, until)
        finally:
            del self._holding[reader]
            self._hands[reader].release()
        return f"{at.title}: {told[0] or 'dark, nothing happens'}"

    def plug(self, reader: str, plugged: bool) -> None:
        """Pull a reader out, or plug it in. Raises SimulatorError."""
        at = self._world.readers.get(reader)
        if at is None:
            raise SimulatorError("there is no such reader")
        with self._lock:
            if at.plugged != plugged:
                (at.replug if plugged else at.unplug)()

    def switch(self, name: str, on: bool) -> None:
        """Let the network, the broker or the power come or go. Raises SimulatorError."""
        if name not in self._switches:
            raise SimulatorError(f"{name!r} is no switch; {', '.join(self._switches)} are")
        with self._lock:
            if getattr(self, name) != on:
                self._switches[name](on)

    def set_clock(self, how: str) -> None:
        """Set the terminal's clock right, an hour ahead, or to 1970. Raises SimulatorError."""
        if how not in CLOCKS:
            raise SimulatorError(f"{how!r} is no state of a clock; {', '.join(CLOCKS)} are")
        with self._lock:
            self.clock = how
            self._set_clock()

    def _network(self, on: bool) -> None:
        if on:
            self._world.proxy.mend()
        else:
            self._world.proxy.sever()
        self.network = on

    def _broker(self, on: bool) -> None:
        broker = self._world.broker
        if on:
            broker.start()
            broker.wait_ready(lambda: listens(self._world.stack.broker_port))
        else:
            broker.kill()
        self.broker = on

    def _power(self, on: bool) -> None:
        world = self._world
        if on:
            # There is no battery behind the clock: each life begins in 1970, until it is told.
            world.clock.power_cycle(wall_ms=0)
            self._set_clock()
            world.terminal.start()
        else:
            world.terminal.agent.kill()
            for reader in world.readers.values():
                if reader.lamp is not None:
                    reader.lamp.light(0)
        self.power = on

    def _set_clock(self) -> None:
        clock = self._world.clock
        if self.clock == "right":
            clock.synchronise(error_ms=0, bound_ms=20)
        elif self.clock == "ahead":
            clock.step((clock.true_ms + _HOUR_MS - clock.wall_ms) / 1000)
        else:
            clock.step(-clock.wall_ms / 1000)
