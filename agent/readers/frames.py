"""What a serial protocol's parser makes of a stream of bytes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from agent.reads import Feedback
from protocol.badges import Badge


@dataclass(frozen=True, slots=True)
class Presented:
    """A badge was read."""

    badge: Badge


@dataclass(frozen=True, slots=True)
class Garbled:
    """Something arrived that is no badge; `reason` is a word counted in telemetry."""

    reason: str


@dataclass(frozen=True, slots=True)
class Answered:
    """A reader that is asked answered, and no badge was there."""


Result = Presented | Garbled | Answered


T = TypeVar("T")


def fed(take: Callable[[int], T | None], data: bytes) -> list[T]:
    """What the octets of `data`, taken one by one, complete: what `take` gives but None."""
    return [result for octet in data if (result := take(octet)) is not None]


class Parser(Protocol):
    """An incremental parser: any bytes, cut anywhere, and never an exception."""

    def feed(self, data: bytes) -> list[Result]:
        """Take the next bytes of the stream; what they complete, in order."""

    def idle(self) -> list[Result]:
        """The line went quiet: give up what is incomplete."""


class Dialogue(Parser, Protocol):
    """A protocol in which the terminal asks, and the reader answers each question once."""

    nothing: int
    """Octets of the answer that no badge is there, at most: a longer one is worth waking for."""

    def ask(self) -> bytes:
        """The question whether a badge is there."""

    def signal(self, feedback: Feedback) -> list[bytes]:
        """The commands that show `feedback`, each answered once; none where none is known."""
