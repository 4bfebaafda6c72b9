"""A reader on a serial port: open it, feed its parser, and come back after an unplug."""

import errno
import grp
import os
import pwd
import termios
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from agent.badges.presented import presented
from agent.readers.base import Backoff, Emit, StateReport
from agent.readers.config import SerialConfig
from agent.readers.frames import Answered, Parser, Presented, Result
from agent.readers.line import LineParser
from agent.readers.port import SERIAL_FAULTS, Port
from agent.readers.rdm6300 import Rdm6300Parser
from agent.readers.wiegand import WiegandParser
from agent.reads import BadgeRead, Event, Feedback, Unreadable

_QUIET_S = 0.25
"""A pause this long ends whatever was incomplete."""
_LOOK_S = 0.45
"""How often `stop` is looked at while nothing comes."""
_REPEAT_S = 0.5
"""A module sends a tag again and again while it lies there; the same number within this time of
its last repeat is the same presentation."""
_STEADY_S = 2.0
"""A port open this long works: the next fault starts from a short back-off."""

_FAMILIES: dict[str, str] = {
    "rdm6300": "RDM6300/ID-12",
    "line": "line scanner",
    "wiegand": "Wiegand converter",
    "twn4": "Elatec TWN4",
    "sscp": "STid SSCP",
    "deister": "Deister deBus",
}


class SerialPort(ABC):
    """What every reader on a serial port does: open it, and come back after an unplug."""

    def __init__(self, config: SerialConfig) -> None:
        self.name = config.name
        self._config = config

    def describe(self) -> str:
        """What it is, in one line for `status`."""
        family = _FAMILIES[self._config.protocol]
        return f"serial {family} on {self._config.device} at {self._config.baud} baud"

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Read badges until `stop`; see Reader.run."""
        report = StateReport(self.name, emit)
        backoff = Backoff()
        presentations = Presentations(emit)
        while not stop.is_set():
            opened = time.monotonic()
            try:
                with Port(self._config.device, self._config.baud) as port:
                    self._serve(port, presentations, report, stop)
            except SERIAL_FAULTS as error:
                if time.monotonic() - opened > _STEADY_S:
                    backoff.reset()
                report.tell(*fault(self._config.device, error))
                backoff.wait(stop)

    @abstractmethod
    def _serve(
        self,
        port: Port,
        presentations: "Presentations",
        report: StateReport,
        stop: threading.Event,
    ) -> None:
        """Read badges until `stop`. Raises OSError when the port goes."""

    def _take(self, result: Result, presentations: "Presentations") -> None:
        if isinstance(result, Presented):
            badge = result.badge
            presentations.take(presented(self.name, self._config.direction, lambda: badge))
        elif not isinstance(result, Answered):
            presentations.take(Unreadable(self.name, result.reason))


class SerialReader(SerialPort):
    """A serial reader that sends by itself; it has no lamp the terminal could light."""

    def feedback(self, feedback: Feedback, text: str = "") -> None:
        """Nothing to light: these modules only send."""

    def _serve(
        self,
        port: Port,
        presentations: "Presentations",
        report: StateReport,
        stop: threading.Event,
    ) -> None:
        """Parse what arrives until `stop`. Raises OSError when the port goes."""
        report.tell("ready", f"{self.describe()}: open")
        parser = self._parser()
        wait_s = _LOOK_S
        while not stop.is_set():
            came = port.wait(wait_s)
            for result in parser.feed(port.take()) if came else parser.idle():
                self._take(result, presentations)
            wait_s = _QUIET_S if came else _LOOK_S

    def _parser(self) -> Parser:
        if self._config.protocol == "rdm6300":
            return Rdm6300Parser()
        if self._config.protocol == "wiegand":
            return WiegandParser(self._config.wiegand or "26", self._config.form or "hex")
        return LineParser(self._config.pattern)


class Presentations:
    """Passes each presentation on once.

    Repeats of a badge lying on the reader are one presentation, and a garbled repeat of a badge
    just read is none. Noise gives at most one Unreadable each _REPEAT_S, however fast it comes.
    """

    def __init__(self, emit: Emit, clock: Callable[[], float] = time.monotonic) -> None:
        self._emit: Callable[[Event], None] = emit
        self._clock = clock
        self._badge: BadgeRead | None = None
        self._badge_at = float("-inf")
        self._unreadable_at = float("-inf")

    def take(self, event: BadgeRead | Unreadable) -> None:
        """Emit `event` unless it is part of a presentation already told."""
        now = self._clock()
        lying = now - self._badge_at < _REPEAT_S
        if isinstance(event, BadgeRead):
            repeated = lying and event == self._badge
            self._badge, self._badge_at = event, now
            if repeated:
                return
        elif lying or now - self._unreadable_at < _REPEAT_S:
            return
        else:
            self._unreadable_at = now
        self._emit(event)


def fault(device: str, error: Exception) -> tuple[str, str]:
    """State and detail of a serial port that cannot be opened or was lost."""
    number = _errno(error)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or not Path(device).exists():
        return "absent", f"{device} is not there: plug the reader in, or correct `device`"
    if number in (errno.EACCES, errno.EPERM):
        user = pwd.getpwuid(os.geteuid()).pw_name
        return "failed", f"no permission on {device}: add user {user} to group {_group(device)}"
    if number in (errno.EWOULDBLOCK, errno.EBUSY):
        return "failed", f"{device} is in use by another program: stop that one (fuser {device})"
    if number in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return "failed", f"{device} is no serial port: correct `device`"
    if number is None or number == errno.EIO:
        return "absent", f"{device} was lost: plug the reader in again"
    return "failed", f"{device}: {os.strerror(number)}: unplug the reader and plug it in again"


def _errno(error: BaseException | None) -> int | None:
    """The error number, which pyserial sometimes leaves in the error it wraps."""
    while error is not None:
        number = getattr(error, "errno", None)
        if number is None and isinstance(error, termios.error) and error.args:
            number = error.args[0]
        if isinstance(number, int):
            return number
        error = error.__context__
    return None


def _group(device: str) -> str:
    """The group to join: the device's own, where that would help."""
    try:
        status = Path(device).stat()
        name = grp.getgrgid(status.st_gid).gr_name
    except (OSError, KeyError):
        return "dialout"
    return name if status.st_mode & 0o060 == 0o060 and name != "root" else "dialout"
