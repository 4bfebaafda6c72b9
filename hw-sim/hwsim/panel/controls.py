"""What can be done in the panel: hold a badge to a reader, and make something fail."""

import threading
import time
from collections.abc import Callable, Mapping

from hwsim.errors import SimulatorError
from hwsim.panel.hand import Held
from hwsim.panel.readers.base import Reader
from hwsim.panel.screen import Line
from hwsim.panel.story import Story
from hwsim.panel.world import World
from hwsim.processes import listens

_ANSWER_S = 4.0
"""How long a badge is held to a reader at which nothing happens."""
_AFTER_S = 0.15
"""How long it is held once the worker was told."""
_LOOK_S = 0.2
"""How often whoever holds it sees that all is over."""
_HOUR_MS = 3_600_000

CLOCKS = {"right": "right", "ahead": "an hour ahead", "unset": "in 1970"}
"""What the terminal's clock can be set to, in words."""


class Controls:
    """Used from any thread; what cannot be done at once waits, or raises SimulatorError."""

    def __init__(self, world: World, story: Story) -> None:
        self._world, self._story = world, story
        self._lock = threading.Lock()
        self._hands = {name: threading.Lock() for name in world.readers}
        self._holding: dict[str, str] = {}
        self._over = threading.Event()
        self.network = self.broker = self.power = True
        """Whether they work."""
        self.clock = "right"
        """One of CLOCKS."""
        self._switches: Mapping[str, Callable[[bool], str]] = {
            "network": self._network,
            "broker": self._broker,
            "power": self._power,
        }

    @property
    def holding(self) -> dict[str, str]:
        """What is held to which reader now: its key, by the reader's name."""
        return dict(self._holding)

    def close(self) -> None:
        """Wait for what is being done, and do nothing any more."""
        self._over.set()
        for hand in self._hands.values():
            with hand:
                pass
        with self._lock:
            pass

    def hold(self, reader: str, key: str) -> str:
        """Hold a badge to a reader until the terminal says something; what came of it, in words.

        Raises SimulatorError.
        """
        at, held = self._reader(reader), self._world.hand.held.get(key)
        if held is None:
            raise SimulatorError("there is no such badge")
        if why := at.misses(held):
            return self._tell(f"{_named(held)} at {at.title}: it {why}")
        if not at.plugged:
            return self._tell(f"{_named(held)} at {at.title}: unplugged, nothing happens")
        if not self.power:
            return self._tell(f"{_named(held)} at {at.title}: dark, nothing happens")
        if not self._hands[reader].acquire(blocking=False):
            raise SimulatorError(f"a badge is held to {at.title} already; take that away first")
        try:
            self._still_going()
            self._holding[reader] = key
            line = self._held(at, held)
        finally:
            self._holding.pop(reader, None)
            self._hands[reader].release()
        words, colour = ("dark, nothing happens", "plain") if line is None else line.said
        return self._tell(f"{_named(held)} at {at.title}: {words}", colour)

    def plug(self, reader: str, plugged: bool) -> str:
        """Pull a reader out, or plug it in. Raises SimulatorError."""
        at = self._reader(reader)
        with self._lock:
            self._still_going()
            if at.plugged == plugged:
                return ""
            at.plug(plugged)
        if plugged:
            return self._tell(f"{at.title} plugged in again")
        return self._tell(f"{at.title} unplugged: {at.unplugging}")

    def switch(self, name: str, on: bool) -> str:
        """Let the network, the broker or the power come or go. Raises SimulatorError."""
        if name not in self._switches:
            raise SimulatorError(f"{name!r} is no switch; {', '.join(self._switches)} are")
        with self._lock:
            self._still_going()
            if getattr(self, name) == on:
                return ""
            return self._tell(self._switches[name](on))

    def set_clock(self, how: str) -> str:
        """Set the terminal's clock right, an hour ahead, or to 1970. Raises SimulatorError."""
        if how not in CLOCKS:
            raise SimulatorError(f"{how!r} is no state of a clock; {', '.join(CLOCKS)} are")
        with self._lock:
            self._still_going()
            self.clock = how
            self._set_clock()
            return self._tell(f"The terminal's clock was set: {CLOCKS[how]}")

    def _reader(self, name: str) -> Reader:
        at = self._world.readers.get(name)
        if at is None:
            raise SimulatorError("there is no such reader")
        return at

    def _tell(self, words: str, colour: str = "plain") -> str:
        self._story.tell(words, colour)
        return words

    def _still_going(self) -> None:
        if self._over.is_set():
            raise SimulatorError("the panel is stopping; start it again")

    def _held(self, at: Reader, held: Held) -> Line | None:
        """Hold it there; the line that the terminal showed for it, if it did."""
        told: list[Line | None] = []
        before = self._world.screen.count()

        def until() -> None:
            deadline = time.monotonic() + _ANSWER_S
            line = None
            while line is None and time.monotonic() < deadline and not self._over.is_set():
                line = self._world.screen.wait(at.name, before, _LOOK_S)
            told.append(line)
            time.sleep(_AFTER_S)

        at.hold(held, until)
        return told[0]

    def _network(self, on: bool) -> str:
        if on:
            self._world.proxy.mend()
        else:
            self._world.proxy.sever()
        self.network = on
        return "Network: there again" if on else "Network: gone, connections are reset"

    def _broker(self, on: bool) -> str:
        broker = self._world.broker
        if on:
            broker.start()
            broker.wait_ready(lambda: listens(self._world.stack.broker_port))
        else:
            broker.kill()
        self.broker = on
        return "Broker: started again" if on else "Broker: killed"

    def _power(self, on: bool) -> str:
        world = self._world
        if on:
            for reader in world.readers.values():
                reader.power(True)
            # There is no battery behind the clock: each life begins in 1970, until it is told.
            world.clock.power_cycle(wall_ms=0)
            self._set_clock()
            world.terminal.start()
        else:
            world.terminal.agent.kill()
            for reader in world.readers.values():
                reader.power(False)
        self.power = on
        if on:
            return "Power: there again, the agent has started"
        return "Power: cut, agent and readers are without"

    def _set_clock(self) -> None:
        clock = self._world.clock
        if self.clock == "right":
            clock.synchronise(error_ms=0, bound_ms=20)
        elif self.clock == "ahead":
            clock.step((clock.true_ms + _HOUR_MS - clock.wall_ms) / 1000)
        else:
            clock.step(-clock.wall_ms / 1000)


def _named(held: Held) -> str:
    return f"{held.title} ({held.says})"
