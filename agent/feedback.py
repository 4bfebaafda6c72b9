"""Where feedback goes: the log, a terminal's screen, the reader's own lamp."""

import logging
import sys
from collections.abc import Iterable
from typing import Protocol, TextIO

from agent.readers.base import Reader
from agent.reads import Feedback

_log = logging.getLogger("pointeuse.feedback")

_GREEN, _YELLOW, _RED = "32", "33", "31"

_WORDS: dict[Feedback, tuple[str, str]] = {
    Feedback.RECORDED: (_GREEN, "recorded"),
    Feedback.RECORDED_OFFLINE: (_GREEN, "recorded, will be sent later"),
    Feedback.DUPLICATE: (_GREEN, "already recorded"),
    Feedback.TRY_AGAIN: (_YELLOW, "not read: try again"),
    Feedback.OUT_OF_ORDER: (_RED, "out of order: not recorded"),
}


class Sink(Protocol):
    """Something that shows the worker, or somebody else, what became of a tap."""

    def show(self, reader: str, feedback: Feedback) -> None:
        """Show `feedback` for a presentation at `reader`; must not block."""


class LogSink:
    """One log line for each presentation; it names no badge."""

    def show(self, reader: str, feedback: Feedback) -> None:
        """Log it: out of order is an error, all else is information."""
        level = logging.ERROR if feedback is Feedback.OUT_OF_ORDER else logging.INFO
        _log.log(level, "%s: %s", reader, feedback.value)


class TerminalSink:
    """A coloured line on a screen; without colour when it is no screen."""

    def __init__(self, stream: TextIO | None = None) -> None:
        """`stream` is standard output when None."""
        self._stream = sys.stdout if stream is None else stream

    def show(self, reader: str, feedback: Feedback) -> None:
        """Write the line."""
        colour, words = _WORDS[feedback]
        line = f"{reader}: {words}"
        if self._stream.isatty():
            line = f"\x1b[{colour};1m{line}\x1b[0m"
        self._stream.write(line + "\n")
        self._stream.flush()


class ReaderSink:
    """The lamp and buzzer of the reader the badge was held to."""

    def __init__(self, readers: Iterable[Reader]) -> None:
        self._readers = {reader.name: reader for reader in readers}

    def show(self, reader: str, feedback: Feedback) -> None:
        """Pass it to that reader; a name it does not know has no lamp."""
        found = self._readers.get(reader)
        if found is not None:
            found.feedback(feedback)


class Sinks:
    """Several sinks as one. A sink that fails is logged, and never stops another."""

    def __init__(self, sinks: Iterable[Sink]) -> None:
        self._sinks = list(sinks)
        self._failing: set[int] = set()

    def show(self, reader: str, feedback: Feedback) -> None:
        """Show it on every sink; never raises. A sink's failure is logged once until it works."""
        for number, sink in enumerate(self._sinks):
            try:
                sink.show(reader, feedback)
            except Exception as error:  # noqa: BLE001 - whatever it is, the others must be shown
                if number not in self._failing:
                    self._failing.add(number)
                    _log.warning("feedback to %s failed: %s", type(sink).__name__, error)
            else:
                self._failing.discard(number)
