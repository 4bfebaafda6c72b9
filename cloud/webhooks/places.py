"""The places of a courier: what is in hand, and of which company and webhook.

Whoever answers slowly holds places for long, and has few: the others go on.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from cloud.webhooks.addresses import Address

Whose = tuple[int, int]
"""The ids of a company, and of a webhook of it."""


class Places:
    """How many are held by whom. Threads may share them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: Counter[Whose] = Counter()

    def take(self, whose: Whose) -> None:
        """Hold one more."""
        with self._lock:
            self._held[whose] += 1

    def give_back(self, whose: Whose) -> None:
        """Hold one less."""
        with self._lock:
            self._held[whose] -= 1
            # Nothing is kept of webhooks that were deleted long ago.
            if not self._held[whose]:
                del self._held[whose]

    def held(self) -> Counter[Whose]:
        """How many each holds now."""
        with self._lock:
            return self._held.copy()


class Names:
    """Looks up names, in threads: the system may take longer for one than a try lasts.

    A look-up that nobody waits for any more holds a place until it ends. So there are never more of
    them than places, and a try finds a thread.
    """

    def __init__(
        self, resolve: Callable[[str, int], Sequence[Address]], places: Places, most: int
    ) -> None:
        self._resolve, self._places = resolve, places
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="names")

    async def look_up(self, whose: Whose, host: str, port: int) -> Sequence[Address]:
        """The addresses of a name. Raises OSError, UnicodeError."""
        asked = self._threads.submit(self._resolve, host, port)
        try:
            return await asyncio.wrap_future(asked)
        except asyncio.CancelledError:
            if not asked.cancel():
                self._places.take(whose)
                asked.add_done_callback(lambda _: self._places.give_back(whose))
            raise

    def end(self) -> None:
        """Look up nothing more; what still goes on is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)
