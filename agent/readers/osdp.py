"""OSDP version 2 on RS-485, as the control panel of one peripheral, through libosdp.

Only the secure channel counts: a peripheral that speaks in plain, or with another key, is refused
and said to be, and no card of its is read.
"""

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

import msgspec
import serial

from agent.badges.numbers import badge_of_bits
from agent.badges.presented import presented
from agent.badges.printed import printed_badge
from agent.badges.refusals import NotAnIdentityError
from agent.readers.base import Backoff, Emit, StateReport
from agent.readers.libosdp import osdp_sys
from agent.readers.osdp_config import OsdpConfig
from agent.readers.osdp_signals import commands
from agent.readers.serial_port import SERIAL_FAULTS, fault
from agent.reads import Feedback
from protocol.badges import Assurance, Badge
from protocol.errors import KeyFileError

_TICK_S = 0.02
"""Between two calls of libosdp while it begins a channel, or waits for an answer."""
_REST_S = 0.06
"""From an answer to the next question in the channel: libosdp polls after 50 ms, and takes what
comes in pieces, as long as it comes within 200 ms."""
_ANEW_S = 3.0
"""libosdp leaves a peripheral that is offline alone for up to 300 s: after this long it is begun
with anew."""
_WRITE_S = 0.25
_STEADY_S = 2.0
_KEY_LENGTH = 16
_MOST_BITS = 1024
_FLAGS = osdp_sys.FLAG_ENFORCE_SECURE | osdp_sys.FLAG_ENABLE_NOTIFICATION


class OsdpReader:
    """One peripheral of the configuration, on a line of its own."""

    def __init__(self, config: OsdpConfig, key: Callable[[str], bytes]) -> None:
        """`key` gives the 16 octets of a named key, or raises KeyFileError."""
        self.name = config.name
        self._config = config
        self._key = key
        self._word: queue.Queue[tuple[Feedback, str]] = queue.Queue(maxsize=1)
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
        with contextlib.suppress(queue.Full):
            self._word.put_nowait((feedback, text))

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Read badges until `stop`; see Reader.run."""
        report = StateReport(self.name, emit)
        backoff = Backoff()
        while not stop.is_set():
            opened = time.monotonic()
            try:
                key = self._key(self._config.key)
                with self._open() as port:
                    self._serve(_Line(port), key, emit, report, stop)
            except KeyFileError as error:
                report.tell("failed", str(error))
                backoff.wait(stop)
            except SERIAL_FAULTS as error:
                if time.monotonic() - opened > _STEADY_S:
                    backoff.reset()
                report.tell(*fault(self._config.device, error))
                backoff.wait(stop)

    def _open(self) -> serial.Serial:
        return serial.Serial(
            self._config.device,
            self._config.baud,
            timeout=0,
            write_timeout=_WRITE_S,
            exclusive=True,
        )

    def _serve(
        self,
        line: "_Line",
        key: bytes,
        emit: Emit,
        report: StateReport,
        stop: threading.Event,
    ) -> None:
        """Be the control panel until `stop`. Raises OSError when the port goes."""
        while not stop.is_set():
            panel = Panel(line, key, self._config.address)
            while not stop.is_set() and not panel.to_be_begun_anew():
                for event in panel.step():
                    self._take(event, emit)
                if panel.changed():
                    self._tell(panel, report)
                rest_s = _REST_S if panel.secure and line.answered else _TICK_S
                with contextlib.suppress(queue.Empty):
                    panel.show(*self._word.get(timeout=rest_s))

    def _take(self, event: dict[str, Any], emit: Emit) -> None:
        if event["event"] == osdp_sys.EVENT_CARDREAD:
            emit(presented(self.name, self._config.direction, lambda: self._badge(event)))

    def _badge(self, event: dict[str, Any]) -> Badge:
        """The badge of a card read. Raises NotAnIdentityError."""
        data, length = bytes(event["data"]), int(event["length"])
        if event["format"] == osdp_sys.CARD_FMT_ASCII:
            return text_badge(data)
        if not 0 < length <= min(8 * len(data), _MOST_BITS):
            raise NotAnIdentityError("length", f"{length} bits in {len(data)} octets")
        bits = f"{int.from_bytes(data, 'big'):b}".zfill(8 * len(data))[:length]
        return badge_of_bits(bits, self._config.wiegand)

    def _tell(self, panel: "Panel", report: StateReport) -> None:
        if panel.secure:
            self._identity = panel.identity()
            told = ", ".join(("secure channel up", *panel.troubles))
            report.tell("ready", f"{self.describe()}: {told}")
        elif panel.refused:
            report.tell(
                "failed",
                f"{self.describe()}: refused, it answers but not in the secure channel: it holds"
                f" another key than {self._config.key!r}, or none; set its SCBK to that key",
            )
        elif panel.silent:
            report.tell(
                "absent",
                f"{self.describe()}: nothing answers: check its power, the line, and `address`"
                " and `baud`",
            )


class _Line:
    """What libosdp calls to read and write; an error is kept for whoever called libosdp."""

    def __init__(self, port: serial.Serial) -> None:
        self._port = port
        self.id = int(port.fileno())
        self.heard = 0
        self.answered = False
        """Whether something has come since the last question."""
        self.error: Exception | None = None

    def read(self, most: int) -> bytes:
        """What has arrived, at once."""
        try:
            data = bytes(self._port.read(most))
        except SERIAL_FAULTS as error:
            self.error = error
            return b""
        if data:
            self.heard += len(data)
            self.answered = True
        return data

    def write(self, data: bytes) -> int:
        """Send `data`; how much of it was."""
        self.answered = False
        try:
            return int(self._port.write(data) or 0)
        except SERIAL_FAULTS as error:
            self.error = error
            return 0

    def flush(self) -> None:
        """Nothing: what arrived belongs to an answer libosdp waits for."""


class Panel:
    """One life of libosdp's control panel."""

    def __init__(self, line: _Line, key: bytes, address: int) -> None:
        osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
        self.troubles: tuple[str, ...] = ()
        """What the peripheral says is wrong with it."""
        self.secure = False
        self._line = line
        self._heard = line.heard
        self._begun = time.monotonic()
        self._events: list[dict[str, Any]] = []
        self._told: tuple[bool, bool, bool, tuple[str, ...]] | None = None
        self._panel = osdp_sys.ControlPanel(
            [
                {
                    "name": f"peripheral-{address}",
                    "address": address,
                    "flags": _FLAGS,
                    "scbk": key,
                    "channel": line,
                }
            ]
        )
        self._panel.set_event_callback(self._event)

    @property
    def refused(self) -> bool:
        """Whether it answers, but not in the secure channel."""
        return not self.secure and self._line.heard > self._heard and self._aged()

    @property
    def silent(self) -> bool:
        """Whether nothing has answered."""
        return not self.secure and self._line.heard == self._heard and self._aged()

    def to_be_begun_anew(self) -> bool:
        """Whether it is out of the secure channel for too long."""
        return not self.secure and time.monotonic() - self._begun > _ANEW_S

    def changed(self) -> bool:
        """Whether there is anything to tell of its state that was not there at the last call."""
        was, self._told = self._told, (self.secure, self.refused, self.silent, self.troubles)
        return was != self._told

    def step(self) -> list[dict[str, Any]]:
        """Let libosdp work; the events it told. Raises OSError when the line went."""
        self._panel.refresh()
        if self._line.error is not None:
            raise self._line.error
        was = self.secure
        self.secure = bool(self._panel.status() & 1 and self._panel.sc_status() & 1)
        if was and not self.secure:
            self._begun, self._heard = time.monotonic(), self._line.heard
        events, self._events = self._events, []
        return events if self.secure else []

    def show(self, feedback: Feedback, text: str) -> None:
        """Queue the commands that show `feedback` with what the peripheral has."""
        if not self.secure:
            return
        for capability, command in commands(feedback, text):
            if self._panel.check_capability(0, capability)[0]:
                self._panel.submit_command(0, command)

    def identity(self) -> str:
        """Vendor, model and firmware, as the peripheral says."""
        said = self._panel.get_pd_id(0)
        firmware = said["firmware_version"]
        version = ".".join(str(firmware >> shift & 0xFF) for shift in (16, 8, 0))
        return f" (vendor {said['vendor_code']:06X}, model {said['model']}, firmware {version})"

    def _aged(self) -> bool:
        return time.monotonic() - self._begun > _ANEW_S / 2

    def _event(self, peripheral: int, event: dict[str, Any]) -> int:  # noqa: ARG002
        if event["event"] == osdp_sys.EVENT_STATUS:
            if event["type"] == osdp_sys.STATUS_REPORT_LOCAL:
                self.troubles = _troubles(bytes(event["report"]))
        else:
            self._events.append(event)
        return 0


def _troubles(report: bytes) -> tuple[str, ...]:
    """What a local status report says is wrong (tamper, then power)."""
    words = ("its tamper switch is open", "its power is failing")
    return tuple(word for word, wrong in zip(words, report, strict=False) if wrong)


def text_badge(data: bytes) -> Badge:
    """The badge of a number a peripheral sends as characters. Raises NotAnIdentityError."""
    try:
        text = data.rstrip(b"\0").decode("ascii")
    except UnicodeDecodeError:
        raise NotAnIdentityError("not-a-number", "characters that are not ASCII") from None
    return msgspec.structs.replace(printed_badge(text), profile="osdp", assurance=Assurance.UID)
