"""OSDP version 2 on RS-485, as the control panel of one peripheral, through libosdp.

Only the secure channel counts: a peripheral that speaks in plain, or with another key, is refused
and said to be, and no card of its is read.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from agent.badges.numbers import badge_of_bits
from agent.badges.presented import presented
from agent.badges.printed import printed_badge
from agent.badges.refusals import NotAnIdentityError
from agent.readers.base import Backoff, Emit, StateReport, until_tick
from agent.readers.libosdp import osdp_sys
from agent.readers.osdp_config import OsdpConfig
from agent.readers.osdp_line import OsdpLine
from agent.readers.osdp_panel import Panel
from agent.readers.port import SERIAL_FAULTS, Port
from agent.readers.serial_port import fault
from agent.reads import Feedback
from protocol.badges import Assurance, Badge
from protocol.errors import KeyFileError

_LEAST_REST_S = 0.055
"""From an answer to the next question: libosdp asks none before 50 ms are over."""
_TICK_S = 0.05
"""Between two calls of libosdp while an answer is waited for: it waits 200 ms."""
_STEADY_S = 2.0
_MOST_BITS = 1024


class OsdpReader:
    """One peripheral of the configuration, on a line of its own."""

    def __init__(self, config: OsdpConfig, key: Callable[[str], bytes]) -> None:
        """`key` gives the 16 octets of a named key, or raises KeyFileError."""
        self.name = config.name
        self._config = config
        self._key = key
        self._word: queue.SimpleQueue[tuple[Feedback, str]] = queue.SimpleQueue()
        self._identity = ""

    def describe(self) -> str:
        """What it is, in one line for `status`."""
        config = self._config
        return (
            f"OSDP peripheral {config.address} on {config.device} at {config.baud}"
            f" baud{self._identity}"
        )

    def feedback(self, feedback: Feedback, text: str = "") -> None:
        """Hand `feedback` to the thread of the line; one not yet shown gives way to it."""
        with contextlib.suppress(queue.Empty):
            self._word.get_nowait()
        self._word.put((feedback, text))

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Read badges until `stop`; see Reader.run."""
        report = StateReport(self.name, emit)
        backoff = Backoff()
        while not stop.is_set():
            opened = time.monotonic()
            try:
                key = self._key(self._config.key)
                with Port(self._config.device, self._config.baud) as port:
                    self._serve(OsdpLine(port, self._config.address), key, emit, report, stop)
            except KeyFileError as error:
                report.tell("failed", str(error))
                backoff.wait(stop)
            except SERIAL_FAULTS as error:
                if time.monotonic() - opened > _STEADY_S:
                    backoff.reset()
                report.tell(*fault(self._config.device, error))
                backoff.wait(stop)

    def _serve(
        self,
        line: OsdpLine,
        key: bytes,
        emit: Emit,
        report: StateReport,
        stop: threading.Event,
    ) -> None:
        """Be the control panel until `stop`. Raises OSError when the port goes."""
        panel = Panel(line, key, self._config.address)
        told: tuple[object, ...] = ()
        while not stop.is_set():
            for event in panel.step():
                badge = partial(self._badge, event)
                emit(presented(self.name, self._config.direction, badge))
            if (known := (panel.standing, panel.losses, panel.troubles)) != told:
                told = known
                self._tell(panel, report)
            if not line.answered:
                line.wait(_TICK_S)
                continue
            with contextlib.suppress(queue.Empty):
                panel.show(*self._word.get(timeout=max(_LEAST_REST_S, until_tick())))

    def _badge(self, event: dict[str, Any]) -> Badge:
        """The badge of a card read. Raises NotAnIdentityError."""
        data, length = bytes(event["data"]), int(event["length"])
        if event["format"] == osdp_sys.CARD_FMT_ASCII:
            return text_badge(data)
        if not 0 < length <= min(8 * len(data), _MOST_BITS):
            raise NotAnIdentityError("length", f"{length} bits in {len(data)} octets")
        bits = f"{int.from_bytes(data, 'big'):b}".zfill(8 * len(data))[:length]
        return badge_of_bits(bits, self._config.wiegand)

    def _tell(self, panel: Panel, report: StateReport) -> None:
        if panel.standing == "secure":
            self._identity = panel.identity()
            lost = (f"lost so far: {panel.losses}",) if panel.losses else ()
            told = ", ".join(("secure channel up", *lost, *panel.troubles))
            report.tell("ready", f"{self.describe()}: {told}")
        elif panel.standing is not None:
            state, words = _STANDINGS[panel.standing]
            report.tell(state, f"{self.describe()}: {words.format(key=self._config.key)}")


_REFUSED = (
    "refused, it answers but not in the secure channel, for it holds another key than {key!r} or"
    " none: set its SCBK to that key"
)
_SILENT = "nothing answers: check its power, the line, and `address` and `baud`"
_NOISY = (
    "what is heard is no answer of its: check `baud`, the line's shield and terminating resistors,"
    " and that no other control panel is on it"
)
_STANDINGS = {
    "refused": ("failed", _REFUSED), "silent": ("absent", _SILENT), "noisy": ("failed", _NOISY),
}  # fmt: skip
"""Where there is no secure channel: the state, and what to do."""


def text_badge(data: bytes) -> Badge:
    """The badge of a number a peripheral sends as characters. Raises NotAnIdentityError."""
    try:
        text = data.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise NotAnIdentityError("not-a-number", "characters that are not ASCII") from None
    return msgspec.structs.replace(printed_badge(text), profile="osdp", assurance=Assurance.UID)
