"""A reader on a serial port that speaks when spoken to: ask, take the answer, wait, ask again."""

import contextlib
import queue
import threading
import time

import serial

from agent.readers.base import StateReport
from agent.readers.config import SerialConfig
from agent.readers.debus import READER, DebusDialogue
from agent.readers.frames import Dialogue, Result
from agent.readers.serial_port import Presentations, SerialPort
from agent.readers.sscp import SscpDialogue
from agent.readers.twn4 import Twn4Dialogue
from agent.reads import Feedback

_PAUSE_S = 0.1
"""Between an answer and the next question: a badge waits this long at most, and a reader that is
asked eight times a second costs next to nothing."""
_ANSWER_S = 0.2
"""How long an answer may take; STid and TWN4 readers search a tag for less."""
_SILENCE_S = 1.0
"""A reader silent for this long is said to be."""
_CHUNK = 4096


class AskedReader(SerialPort):
    """A serial reader that is asked whether a badge is there, and shows feedback where it can."""

    def __init__(self, config: SerialConfig) -> None:
        super().__init__(config)
        self._word: queue.Queue[Feedback] = queue.Queue(maxsize=1)

    def feedback(self, feedback: Feedback, text: str = "") -> None:  # noqa: ARG002
        """Hand `feedback` to the thread of the port; one not yet shown gives way to it."""
        with contextlib.suppress(queue.Empty):
            self._word.get_nowait()
        with contextlib.suppress(queue.Full):
            self._word.put_nowait(feedback)

    def _serve(
        self,
        port: serial.Serial,
        presentations: Presentations,
        report: StateReport,
        stop: threading.Event,
    ) -> None:
        """Ask until `stop`. Raises OSError when the port goes."""
        dialogue = self._dialogue()
        port.timeout = _ANSWER_S
        heard = time.monotonic()
        commands = [dialogue.ask()]
        while not stop.is_set():
            for command in commands:
                results, answered = self._exchange(port, dialogue, command, stop)
                if answered:
                    heard = time.monotonic()
                    report.tell("ready", f"{self.describe()}: answers")
                for result in results:
                    self._take(result, presentations)
            if time.monotonic() - heard > _SILENCE_S:
                report.tell("failed", self._silence())
            commands = self._next(dialogue)

    def _next(self, dialogue: Dialogue) -> list[bytes]:
        """Feedback as soon as there is some, else the next question after a pause."""
        try:
            return dialogue.signal(self._word.get(timeout=_PAUSE_S))
        except queue.Empty:
            return [dialogue.ask()]

    def _exchange(
        self, port: serial.Serial, dialogue: Dialogue, command: bytes, stop: threading.Event
    ) -> tuple[list[Result], bool]:
        """What the answer to `command` gave, and whether there was one."""
        port.write(command)
        results: list[Result] = []
        deadline = time.monotonic() + _ANSWER_S
        while not results and not stop.is_set() and time.monotonic() < deadline:
            data = port.read(1)
            if not data:
                break
            results = dialogue.feed(data + port.read(min(port.in_waiting, _CHUNK)))
        return (results, True) if results else (dialogue.idle(), False)

    def _dialogue(self) -> Dialogue:
        config = self._config
        backwards = config.backwards
        if config.protocol == "twn4":
            return Twn4Dialogue(backwards=bool(backwards))
        if config.protocol == "sscp":
            return SscpDialogue(config.address, backwards=bool(backwards))
        return DebusDialogue(
            READER if config.address is None else config.address,
            backwards=True if backwards is None else backwards,
        )

    def _silence(self) -> str:
        return (
            f"{self.describe()}: open, but nothing answers: check the reader's power, its cable,"
            " and `baud` and `address`"
        )
