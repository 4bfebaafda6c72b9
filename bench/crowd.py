"""So many threads, each waiting for its put before it makes the next."""

import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

from bench.peers import Put

T = TypeVar("T")


class Crowd:
    """Threads that stand ready between rounds, as connections do in a program that runs.

    Use it in a `with` block: threads that nobody ends keep the program from ending.
    """

    def __init__(self, count: int, writer: Callable[[], Put], record: bytes) -> None:
        """`writer` is called once in each thread, for what that thread calls with `record`."""
        self._writer, self._record = writer, record
        self._ready = threading.Barrier(count + 1)
        self._end = 0.0
        self._puts = 0
        self._lock = threading.Lock()
        self._failures: list[Exception] = []
        self._threads = [threading.Thread(target=self._work) for _ in range(count)]
        for thread in self._threads:
            thread.start()
        self._ready.wait()

    def rate(self, seconds: float) -> float:
        """Puts a second over a round of so many seconds. Raises what a put raised."""
        self._puts = 0
        begun = time.monotonic()
        self._end = begun + seconds
        self._ready.wait()  # off they go
        self._ready.wait()  # all are back
        taken = time.monotonic() - begun
        if self._failures:
            raise self._failures[0]
        return self._puts / taken

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        self._end = 0.0
        self._ready.wait()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        put = self._attempt(self._writer)
        self._ready.wait()
        while True:
            self._ready.wait()
            if self._end == 0.0:
                return
            if put is not None:
                self._attempt(lambda: self._round(put))
            self._ready.wait()

    def _round(self, put: Put) -> None:
        puts = 0
        while time.monotonic() < self._end:
            put(self._record)
            puts += 1
        with self._lock:
            self._puts += puts

    def _attempt(self, function: Callable[[], T]) -> T | None:
        try:
            return function()
        except Exception as error:  # noqa: BLE001 - raised again in `rate`
            self._failures.append(error)
            return None
