"""A reader on a serial port that speaks when spoken to: ask, take the answer, wait, ask again."""

import contextlib
import queue
import threading
import time

from agent.readers.base import PERIOD_S, StateReport, until_tick
from agent.readers.config import SerialConfig
from agent.readers.debus import READER, DebusDialogue
from agent.readers.frames import Dialogue, Result
from agent.readers.port import Port
from agent.readers.serial_port import Presentations, SerialPort
from agent.readers.sscp import SscpDialogue
from agent.readers.twn4 import Twn4Dialogue
from agent.reads import Feedback

_ANSWER_S = 0.2
"""How long an answer may take; STid and TWN4 readers search a tag for less."""
_SOON_S = 0.01
"""How often the answer to a lamp's or buzzer's command is looked for."""
_SILENCE_S = 1.0
"""A reader silent for this long is said to be."""


class AskedReader(SerialPort):
    """A serial reader that is asked whether a badge is there, and shows feedback where it can.

    The answer that none is there wakes nobody: it is found when the next question is due.
    """

    def __init__(self, config: SerialConfig) -> None:
        super().__init__(config)
        self._word: queue.SimpleQueue[Feedback] = queue.SimpleQueue()

    def feedback(self, feedback: Feedback, text: str = "") -> None:  # noqa: ARG002
        """Hand `feedback` to the thread of the port; one not yet shown gives way to it."""
        with contextlib.suppress(queue.Empty):
            self._word.get_nowait()
        self._word.put(feedback)

    def _serve(
        self,
        port: Port,
        presentations: Presentations,
        report: StateReport,
        stop: threading.Event,
    ) -> None:
        """Ask until `stop`. Raises OSError when the port goes."""
        dialogue = self._dialogue()
        port.wake_from(dialogue.nothing + 1)
        heard = time.monotonic()
        commands, every_s = [dialogue.ask()], PERIOD_S
        while not stop.is_set():
            due = time.monotonic() + until_tick()
            for command in commands:
                results, answered = self._exchange(port, dialogue, command, every_s, stop)
                if answered:
                    heard = time.monotonic()
                    report.tell("ready", f"{self.describe()}: answers")
                for result in results:
                    self._take(result, presentations)
            if time.monotonic() - heard > _SILENCE_S:
                report.tell("failed", self._silence())
            try:
                word = self._word.get(timeout=max(0.0, due - time.monotonic()))
                commands, every_s = dialogue.signal(word), _SOON_S
            except queue.Empty:
                commands, every_s = [dialogue.ask()], PERIOD_S

    def _exchange(
        self, port: Port, dialogue: Dialogue, command: bytes, every_s: float, stop: threading.Event
    ) -> tuple[list[Result], bool]:
        """What the answer to `command` gave, and whether there was one.

        It is looked for every `every_s`: one that is too short to wake anybody is found then.
        """
        port.write(command)
        results: list[Result] = []
        deadline = time.monotonic() + _ANSWER_S
        while not results and not stop.is_set() and time.monotonic() < deadline:
            port.wait(until_tick(every_s))
            data = port.take()
            results = dialogue.feed(data) if data else []
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
