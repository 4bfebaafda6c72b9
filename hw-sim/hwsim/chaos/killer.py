"""Kills processes with SIGKILL and starts them again, as a seed says; and those that end."""

import math
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self

_LOOK_S = 0.1


@dataclass(frozen=True)
class Victim:
    """A process that may be killed at any time."""

    name: str
    running: Callable[[], bool]
    kill: Callable[[], None]
    revive: Callable[[], None]


class Killer:
    """A thread for each victim, from `__enter__` to `stop`; after `calm` it only revives.

    How long a victim lives and stays dead is drawn from the seed and its name.
    """

    def __init__(
        self, victims: Sequence[Victim], seed: int, *, every_s: float, longest_s: float
    ) -> None:
        """Somebody is killed every `every_s` seconds on average, and is dead for up to `longest_s`.

        Whoever ends by itself is started again, as systemd would.
        """
        self.kills: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        """How often a victim ended by itself."""
        self.errors: list[BaseException] = []
        self._every_s, self._longest_s = every_s * len(victims), longest_s
        self._calm, self._stop = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=self._haunt, args=(victim, f"chaos {seed} {victim.name}"))
            for victim in victims
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def calm(self) -> None:
        """Kill nobody any more, and bring back whoever is dead."""
        self._calm.set()

    def stop(self) -> None:
        """Leave everybody alone."""
        self._calm.set()
        self._stop.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    def _haunt(self, victim: Victim, seed: str) -> None:
        source = random.Random(seed)
        try:
            # Only random() is promised to give the same numbers in every version of Python.
            while self._watch(victim, -self._every_s * math.log(1 - source.random())):
                victim.kill()
                self.kills[victim.name] += 1
                self._calm.wait(self._longest_s * source.random() ** 2)
                victim.revive()
        except BaseException as error:  # noqa: BLE001 - told to whoever waits
            self.errors.append(error)

    def _watch(self, victim: Victim, life_s: float) -> bool:
        """Let it live for so long, or for ever once it is calm; False at the end of all."""
        ends = time.monotonic() + life_s
        while self._calm.is_set() or time.monotonic() < ends:
            if self._stop.wait(_LOOK_S):
                return False
            if not victim.running():
                self.ends[victim.name] += 1
                victim.kill()
                victim.revive()
        return True
