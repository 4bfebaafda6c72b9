"""Slowing down whoever tries passwords: by address, and by how many are judged at once."""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
FAILURES = 20
"""So many from one address within WINDOW_S, and the next are not looked at. A whole site may share
one address."""
WINDOW_S = 600.0
_KEYS = 10_000
AT_ONCE = 2
"""Each takes a processor and 64 MiB for a tenth of a second."""
_WAITING = 20


class BusyError(Exception):
    """Too many passwords wait to be judged."""


class Throttle:
    """Counts what is not to happen too often, by a key, while the process lives.

    The key is an address, an account, or whoever it is that does it; `most` within WINDOW_S are
    let pass.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, *, most: int = FAILURES
    ) -> None:
        self._clock, self._most = clock, most
        self._counted: OrderedDict[Hashable, deque[float]] = OrderedDict()

    def refuses(self, key: Hashable) -> bool:
        """Whether it happened too often lately."""
        times = self._counted.get(key)
        if times is None:
            return False
        while times and times[0] <= self._clock() - WINDOW_S:
            times.popleft()
        return len(times) >= self._most

    def count(self, key: Hashable) -> None:
        """Count that it happened. Of too many keys the one counted longest ago is forgotten."""
        self._counted.setdefault(key, deque(maxlen=self._most)).append(self._clock())
        self._counted.move_to_end(key)
        if len(self._counted) > _KEYS:
            self._counted.popitem(last=False)


class Judges:
    """Runs what takes long beside everything else, a few at once, and not without end."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="judge")
        self._waiting = 0

    async def run(self, function: Callable[..., T], *arguments: object) -> T:
        """What `function` returns. Raises BusyError when too many wait already."""
        if self._waiting >= _WAITING:
            raise BusyError
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, function, *arguments)
        finally:
            self._waiting -= 1
