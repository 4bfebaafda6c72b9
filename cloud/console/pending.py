"""Files that were uploaded and wait to be confirmed: in memory, and not for long.

They hold personal data, so they are never written to a disk, and gone after a quarter of an hour,
confirmed or not. A file belongs to the session that sent it, as it looked at one company.
"""

import asyncio
import threading
import time
from collections.abc import Callable

LIFE_S = 15 * 60
MOST_BYTES = 64 * 1024 * 1024
"""Of all that wait together; the oldest make place."""

Key = tuple[int, int]
"""Of a session, and of the company it looks at."""


class Pending:
    """What waits, by session and company; one file each."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._waiting: dict[Key, tuple[float, bytes]] = {}
        self._lock = threading.Lock()

    def put(self, key: Key, content: bytes) -> None:
        """Keep a file in place of any earlier one. In an event loop it is forgotten by itself."""
        with self._lock:
            self._waiting.pop(key, None)
            self._waiting[key] = (self._clock() + LIFE_S, content)
            while sum(len(each) for _, each in self._waiting.values()) > MOST_BYTES:
                del self._waiting[next(iter(self._waiting))]
        asyncio.get_running_loop().call_later(LIFE_S + 1, self.sweep)

    def get(self, key: Key) -> bytes | None:
        """The file that waits, if there is one."""
        self.sweep()
        with self._lock:
            found = self._waiting.get(key)
        return None if found is None else found[1]

    def drop(self, key: Key) -> None:
        """Forget a file."""
        with self._lock:
            self._waiting.pop(key, None)

    def sweep(self) -> None:
        """Forget what has waited too long."""
        with self._lock:
            now = self._clock()
            self._waiting = {key: kept for key, kept in self._waiting.items() if kept[0] > now}
