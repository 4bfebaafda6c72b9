"""What the terminal tells about itself: counters and states, never who tapped."""

import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from agent.disk import usage
from agent.reads import ReaderState, Unreadable
from protocol import VERSION


class Telemetry:
    """Counters kept by the gate and the uplink, read by `status` and the telemetry message."""

    def __init__(self, device: str, state: Path) -> None:
        self.device = device
        self._state = state
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._unreadable: dict[str, Counter[str]] = {}
        self._readers: dict[str, ReaderState] = {}
        self._counts: Counter[str] = Counter()
        self._alarms: dict[str, str] = {}
        self.uplink = {"state": "connecting", "detail": ""}
        self.receipt_ms: int | None = None
        """How long the last batch waited for its receipt."""
        self.certificate: dict[str, int] | None = None
        """From when until when the client certificate holds."""

    def count(self, name: str, by: int = 1) -> None:
        """Raise a counter: taps, duplicates, cannot_store, batches, resends, reconnects..."""
        with self._lock:
            self._counts[name] += by

    def unreadable(self, event: Unreadable) -> None:
        """Count a presentation that gave no identity, by reader and reason."""
        with self._lock:
            self._unreadable.setdefault(event.reader, Counter())[event.reason] += 1

    def reader(self, event: ReaderState) -> None:
        """Note that a reader came, went or failed."""
        with self._lock:
            self._readers[event.reader] = event

    def alarm(self, name: str, detail: str | None) -> None:
        """Raise an alarm, or clear it with None."""
        with self._lock:
            if detail is None:
                self._alarms.pop(name, None)
            else:
                self._alarms[name] = detail

    def uplink_is(self, state: str, detail: str = "") -> None:
        """Note the state of the uplink: connecting, online, or offline and why."""
        with self._lock:
            self.uplink = {"state": state, "detail": detail}

    @property
    def online(self) -> bool:
        """Whether the platform answered on the present connection."""
        return self.uplink["state"] == "online"

    def snapshot(self, journal: dict[str, Any]) -> dict[str, Any]:
        """Everything, as one JSON object; `journal` is what the gate says of its journal."""
        with self._lock:
            return {
                "device": self.device,
                "version": VERSION,
                "uptime_s": int(time.monotonic() - self._started),
                **journal,
                "counts": dict(self._counts),
                "unreadable": {name: dict(by) for name, by in self._unreadable.items()},
                "readers": {
                    name: {"state": event.state, "detail": event.detail}
                    for name, event in self._readers.items()
                },
                "uplink": dict(self.uplink),
                "receipt_ms": self.receipt_ms,
                "certificate": self.certificate,
                "alarms": dict(self._alarms),
                "disk_used_percent": usage(self._state).percent,
            }
