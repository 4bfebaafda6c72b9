"""Running the evaluator every minute, beside a server or by itself."""

import time
from collections.abc import Callable

from sqlalchemy import Engine

from cloud.beside import Beside
from cloud.mail import service as outbox
from cloud.notifications import evaluator, post
from cloud.settings import Mail
from cloud.times import now_ms

EVERY_S = 60.0
_MAIL_S = 3.0
"""Somebody waits for the link in a mail."""


class Watch(Beside):
    """Evaluates now and every minute, and sends what waits every few seconds."""

    def __init__(
        self,
        engine: Engine,
        *,
        mail: Mail | None = None,
        every_s: float = EVERY_S,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`engine` writes; without `mail` nobody is told by mail."""
        super().__init__("notifications", min(every_s, _MAIL_S), "nobody was notified")
        self._mail = mail if mail and mail.host else None
        self._engine, self._clock = engine, clock
        self._evaluated_s, self._due_s = every_s, 0.0

    def turn(self) -> None:
        """Evaluate when a minute is over, and send what waits."""
        if time.monotonic() >= self._due_s:
            self._due_s = time.monotonic() + self._evaluated_s
            once(self._engine, self._clock(), self._mail)
        elif self._mail is not None:
            outbox.deliver(self._engine, self._mail, self._clock())


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
