"""How often a program may ask: a bucket of requests for each token, refilled at a steady rate.

What is left stands in every answer (RateLimit header fields for HTTP, draft-ietf-httpapi-ratelimit-
headers). Who asks too often is answered 429 with `Retry-After` (RFC 6585, RFC 9110). The buckets
are this process's: of several behind a proxy, each allows as much.
"""

import math
import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STATE = "rate_headers"


@dataclass(slots=True)
class Buckets:
    """Requests allowed: `per_s` a second in the long run, `burst` at once."""

    per_s: float = 20.0
    burst: int = 200
    clock: Callable[[], float] = time.monotonic
    _levels: dict[Hashable, tuple[float, float]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, who: Hashable) -> tuple[int, float]:
        """Take one request out: how many are left, and the seconds until there is one again.

        When none was left, nothing is taken, and the first number is -1.
        """
        with self._lock:
            now = self.clock()
            level, at = self._levels.get(who, (float(self.burst), now))
            level = min(float(self.burst), level + (now - at) * self.per_s)
            if level < 1:
                self._levels[who] = (level, now)
                return -1, (1 - level) / self.per_s
            level -= 1
            self._levels[who] = (level, now)
            return int(level), max(0.0, (1 - level) / self.per_s)


class RateHeaders:
    """Adds to an answer what `take` found, whatever became of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})

        async def told(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(state.get(_STATE, {}))
            await send(message)

        await self._app(scope, receive, told)


def take(request: Request, who: Hashable) -> None:
    """Count one request of a token; `who` tells it from all others. Raises HTTPException (429)."""
    buckets: Buckets = request.app.state.buckets
    left, wait_s = buckets.take(who)
    seconds = math.ceil(wait_s)
    window = math.ceil(buckets.burst / buckets.per_s)
    headers = {
        "ratelimit-policy": f'"token";q={buckets.burst};w={window}',
        "ratelimit": f'"token";r={max(0, left)};t={seconds}',
    }
    setattr(request.state, _STATE, headers)
    if left < 0:
        raise HTTPException(
            429,
            f"This token asks too often; wait {seconds} s, and ask less than"
            f" {buckets.per_s:g} times a second.",
            {"retry-after": str(seconds)},
        )
