"""Work that is done now and then beside a server, in a thread of its own."""

import logging
import threading
from abc import ABC, abstractmethod

from cloud import failures


class Beside(ABC):
    """Takes a turn every few seconds, from `start` to `stop`; no error ends it."""

    def __init__(self, name: str, every_s: float, vain: str) -> None:
        """`name` is the thread's and its logger's; `vain` says what a turn that failed left out."""
        self._every_s, self._vain = every_s, vain
        self._log = logging.getLogger(f"pointeuse.{name}")
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name=name, daemon=True)

    @abstractmethod
    def turn(self) -> object:
        """Do what is to be done now. What is long looks at `_stop` on its way."""

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, once what is in hand is done."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def run(self) -> None:
        """Take turns until `stop`."""
        while not self._stop.is_set():
            try:
                self.turn()
            except Exception as error:  # noqa: BLE001 - the database may be away; another time
                self._log.warning("%s: %s", self._vain, failures.where(error))
            self._stop.wait(self._every_s)
