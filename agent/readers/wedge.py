"""A reader that is a keyboard (a "wedge"): its keys are taken, and read as lines."""

import errno
import os
import select
import threading
from pathlib import Path

from agent.badges.presented import presented
from agent.readers.base import Backoff, Emit, ReaderUnavailableError, StateReport
from agent.readers.frames import Presented, Result
from agent.readers.keys import KeyParser
from agent.readers.serial_port import Presentations
from agent.readers.wedge_config import WedgeConfig
from agent.reads import Feedback, Unreadable

try:
    import evdev
except ImportError as error:
    raise ReaderUnavailableError(
        "a reader of kind wedge needs evdev: install pointeuse[wedge], after the Debian packages"
        " gcc python3-dev"
    ) from error

_QUIET_S = 0.25
"""A pause this long ends whatever was incomplete; also how often `stop` is looked at."""


class WedgeReader:
    """One keyboard of the configuration; it has no lamp the terminal could light."""

    def __init__(self, config: WedgeConfig) -> None:
        self.name = config.name
        self._config = config

    def describe(self) -> str:
        """What it is, in one line for `status`."""
        return f"keyboard wedge on {self._config.device}, keymap {self._config.keymap}"

    def feedback(self, feedback: Feedback, text: str = "") -> None:
        """Nothing to light: a wedge only types."""

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Read badges until `stop`; see Reader.run."""
        report = StateReport(self.name, emit)
        backoff = Backoff()
        presentations = Presentations(emit)
        while not stop.is_set():
            try:
                device = evdev.InputDevice(self._config.device)
                try:
                    device.grab()
                    report.tell("ready", f"{self.describe()}: taken ({device.name})")
                    backoff.reset()
                    self._listen(device, presentations, stop)
                finally:
                    device.close()
            except OSError as error:
                report.tell(*fault(self._config.device, error))
                backoff.wait(stop)

    def _listen(
        self, device: "evdev.InputDevice[str]", presentations: Presentations, stop: threading.Event
    ) -> None:
        """Read keys until `stop`. Raises OSError when the device goes."""
        parser = KeyParser(self._config.keymap, self._config.pattern)
        wait_ms = int(_QUIET_S * 1000)
        poll = select.poll()
        poll.register(device.fd, select.POLLIN)
        while not stop.is_set():
            for result in self._keys(device, parser) if poll.poll(wait_ms) else parser.idle():
                self._take(result, presentations)

    def _keys(self, device: "evdev.InputDevice[str]", parser: KeyParser) -> list[Result]:
        return [
            result
            for event in device.read()
            if event.type == evdev.ecodes.EV_KEY
            for result in parser.key(event.code, event.value)
        ]

    def _take(self, result: Result, presentations: Presentations) -> None:
        if isinstance(result, Presented):
            badge = result.badge
            presentations.take(presented(self.name, self._config.direction, lambda: badge))
        else:
            presentations.take(Unreadable(self.name, getattr(result, "reason", "frame")))


def fault(device: str, error: OSError) -> tuple[str, str]:
    """State and detail of a keyboard that cannot be opened or was lost."""
    if error.errno in (errno.ENOENT, errno.ENODEV, errno.ENXIO) or not Path(device).exists():
        return "absent", f"{device} is not there: plug the reader in, or correct `device`"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "failed", f"no permission on {device}: add the agent's user to group input"
    if error.errno == errno.EBUSY:
        return "failed", f"{device} is grabbed by another program: stop that one (fuser {device})"
    if error.errno in (errno.ENOTTY, errno.EINVAL, errno.EISDIR):
        return "failed", f"{device} is no input device: correct `device`"
    said = os.strerror(error.errno) if error.errno else "lost"
    return "failed", f"{device}: {said}: unplug the reader and plug it in again"
