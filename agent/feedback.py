"""Where feedback goes: the log, a terminal's screen, the reader's own lamp."""

import logging
import sys
from collections.abc import Iterable
from typing import Protocol, TextIO

from agent.readers.base import Reader
from agent.reads import Feedback
from protocol.badges import Flag

_log = logging.getLogger("pointeuse.feedback")

_NOTHING = Flag(0)
_GREEN, _YELLOW, _RED = "32", "33", "31"

_WORDS: dict[Feedback, tuple[str, str]] = {
    Feedback.RECORDED: (_GREEN, "recorded"),
    Feedback.RECORDED_OFFLINE: (_GREEN, "recorded, will be sent later"),
    Feedback.RECORDED_BUT: (_GREEN, "recorded"),
    Feedback.DUPLICATE: (_GREEN, "already recorded"),
    Feedback.TRY_AGAIN: (_YELLOW, "not read: try again"),
    Feedback.OUT_OF_ORDER: (_RED, "out of order: not recorded"),
}

_REASONS: dict[Flag, str] = {
    Flag.BLOCKED: "badge blocked",
    Flag.UNAUTHENTIC: "badge not proved genuine",
    Flag.EXPIRED: "badge expired",
    Flag.NOT_YET_VALID: "badge not valid yet",
    Flag.OTHER_PROFILE: "badge not accepted here",
    Flag.LOW_ASSURANCE: "badge not identified surely enough",
}
"""Why somebody is told more than "recorded", weightiest first."""
TOLD = Flag(sum(_REASONS))
"""The flags a worker is told of."""


class Sink(Protocol):
    """Something that shows the worker, or somebody else, what became of a tap."""

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Show `feedback` for a presentation at `reader`; must not block.

        `flags` says why it is RECORDED_BUT.
        """


def reasons(flags: Flag) -> list[str]:
    """What is to be said of a badge with these flags, weightiest first."""
    return [words for flag, words in _REASONS.items() if flag in flags]


class LogSink:
    """One log line for each presentation; it names no badge."""

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Log it: out of order is an error, all else is information."""
        level = logging.ERROR if feedback is Feedback.OUT_OF_ORDER else logging.INFO
        why = f" ({', '.join(reasons(flags))})" if flags else ""
        _log.log(level, "%s: %s%s", reader, feedback.value, why)


class TerminalSink:
    """A coloured line on a screen; without colour when it is no screen."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream` is standard output when None."""
        self._stream = sys.stdout if stream is None else stream

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Write the line: what is to be put right comes after what became of the tap."""
        colour, words = _WORDS[feedback]
        line = self._in(colour, f"{reader}: {words}")
        if flags:
            line += self._in(_YELLOW, f", {', '.join(reasons(flags))}: see the site office")
        self._stream.write(line + "\n")
        self._stream.flush()

    def _in(self, colour: str, words: str) -> str:
        return f"\x1b[{colour};1m{words}\x1b[0m" if self._stream.isatty() else words


class ReaderSink:
    """The lamp and buzzer of the reader the badge was held to."""

    def __init__(self, readers: Iterable[Reader]) -> None:
        self._readers = {reader.name: reader for reader in readers}

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:  # noqa: ARG002
        """Pass it to that reader; a name it does not know has no lamp."""
        found = self._readers.get(reader)
        if found is not None:
            found.feedback(feedback)


class Sinks:
    """Several sinks as one. A sink that fails is logged, and never stops another."""

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self._sinks = list(sinks)
        self._failing: set[int] = set()

    def show(self, reader: str, feedback: Feedback, flags: Flag = _NOTHING) -> None:
        """Show it on every sink; never raises. A sink's failure is logged once until it works."""
        for number, sink in enumerate(self._sinks):
            try:
                sink.show(reader, feedback, flags)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others must be shown
                if number not in self._failing:
                    self._failing.add(number)
                    _log.warning("feedback to %s failed: %s", type(sink).__name__, error)
            else:
                self._failing.discard(number)
