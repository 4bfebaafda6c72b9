"""What a serial protocol's parser makes of a stream of bytes."""

from dataclasses import dataclass
from typing import Protocol

from protocol.badges import Badge


@dataclass(frozen=True, slots=True)
class Presented:
    """A badge was read."""

    badge: Badge


@dataclass(frozen=True, slots=True)
class Garbled:
    """Something arrived that is no badge; `reason` is a word counted in telemetry."""

    reason: str


Result = Presented | Garbled


class Parser(Protocol):
    """An incremental parser: any bytes, cut anywhere, and never an exception."""

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""

    def idle(self) -> list[Result]:
        """The line went quiet: give up what is incomplete."""
