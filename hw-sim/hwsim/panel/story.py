"""What happened, in plain words: what was done here, and what the agent then said of itself."""

import threading
import time
from dataclasses import asdict, dataclass
from typing import Any

_KEPT = 30


@dataclass(frozen=True)
class Line:
    """One thing that happened."""

    number: int
    at_ms: int
    colour: str
    """What the worker saw: "green", "yellow", "red", or "plain" where nobody held a badge."""
    words: str


class Story:
    """Told and read from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: list[Line] = []
        self._count = 0

    def tell(self, words: str, colour: str = "plain") -> None:
        """One more line."""
        with self._lock:
            self._count += 1
            now_ms = time.time_ns() // 1_000_000
            self._lines.append(Line(self._count, now_ms, colour, words))
            del self._lines[:-_KEPT]

    def lines(self) -> list[dict[str, Any]]:
        """The last lines, the newest last."""
        with self._lock:
            return [asdict(line) for line in self._lines]


class Sequel:
    """What follows from what was done, as one status of the agent differs from the one before."""

    def __init__(self, story: Story) -> None:
        self._story = story
        self._uplink: str | None = None
        self._clock: str | None = None
        self._waited = 0
        """The most records that waited while there was no way to the platform."""

    def look(self, status: dict[str, Any] | None) -> None:
        """Tell what is new in `status`, which is None while the agent does not answer."""
        if status is None:
            self._uplink = self._clock = None
            return
        uplink, clock = status["uplink"], status["clock"]["sync"]
        if self._uplink is not None and uplink["state"] != self._uplink:
            why = f": {uplink['detail']}" if uplink["detail"] else ""
            self._story.tell(f"The terminal is {uplink['state']}{why}")
        if self._clock is not None and clock != self._clock:
            self._story.tell(f"The terminal takes its clock to be {clock}")
        self._uplink, self._clock = uplink["state"], clock
        if uplink["state"] != "online":
            self._waited = max(self._waited, status["queue"])
        elif self._waited and not status["queue"]:
            self._story.tell(f"All that waited was delivered: {_records(self._waited)}")
            self._waited = 0


def _records(count: int) -> str:
    return f"{count} record" if count == 1 else f"{count} records"
