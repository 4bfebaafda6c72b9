"""Running the evaluator every minute, beside a server or by itself."""

import logging
import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine

from cloud import failures
from cloud.mail import service as outbox
from cloud.notifications import evaluator, post
from cloud.settings import Mail
from cloud.times import now_ms

EVERY_S = 60.0
_MAIL_S = 3.0
"""Somebody waits for the link in a mail."""
_log = logging.getLogger("pointeuse.notifications")


class Watch:
    """A thread that evaluates every minute from `start` to `stop`; no error ends it."""

    def __init__(
        self,
        engine: Engine,
        *,
        mail: Mail | None = None,
        every_s: float = EVERY_S,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`engine` writes; without `mail` nobody is told by mail."""
        self._mail = mail if mail and mail.host else None
        self._engine, self._every_s, self._clock = engine, every_s, clock
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self.run, name="notifications", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, once what is in hand is done."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=10)

    def run(self) -> None:
        """Evaluate now and every minute, and send what waits every few seconds, until `stop`."""
        due_s = 0.0
        while not self._stop.is_set():
            try:
                if time.monotonic() >= due_s:
                    due_s = time.monotonic() + self._every_s
                    once(self._engine, self._clock(), self._mail)
                elif self._mail is not None:
                    outbox.deliver(self._engine, self._mail, self._clock())
            except Exception as error:  # noqa: BLE001 - the database may be away; another minute
                _log.warning("nobody was notified: %s", failures.where(error))
            self._stop.wait(min(self._every_s, _MAIL_S))


def once(engine: Engine, at_ms: int, mail: Mail | None = None) -> int:
    """Evaluate in a transaction of its own, then mail; how many notifications were opened.

    Raises OSError when the mail's server cannot be reached: then it is tried again later.
    """
    with engine.begin() as conn:
        opened = evaluator.evaluate(conn, at_ms)
        if mail is not None:
            post.enqueue(conn, opened, at_ms)
    if mail is not None:
        post.deliver(engine, mail, at_ms)
        outbox.deliver(engine, mail, at_ms)
    return len(opened)
