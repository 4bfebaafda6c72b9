"""libosdp's control panel of one peripheral: in the secure channel, or beginning it anew."""

import time
from collections.abc import Iterator
from typing import Any, Literal

from agent.readers.libosdp import osdp_sys
from agent.readers.osdp_line import OsdpLine
from agent.readers.osdp_signals import commands
from agent.reads import Feedback

_CALLS = 3
"""Of libosdp: to take an answer, to choose the next question, and to ask it."""
_STUCK_S = 2.0
"""libosdp asks again a second after a question that was not answered; it has given up by now."""
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 3.0
"""Before a channel that did not come up is begun anew."""
_LOCAL = osdp_sys.STATUS_REPORT_LOCAL
_PATIENCE_S = 1.5
"""What lasts no longer than this is not told of."""

Standing = Literal["secure", "refused", "silent", "noisy"]


class Panel:
    """The control panel; every call is from one thread."""

    def __init__(self, line: OsdpLine, key: bytes, address: int) -> None:
        """`key` is the secure channel's base key, 16 octets."""
        osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
        self.troubles: tuple[str, ...] = ()
        """What the peripheral says is wrong with it."""
        self.losses = 0
        """How often the secure channel was lost."""
        self._line = line
        self._secure = False
        self._down_at = self._begun_at = time.monotonic()
        self._pause_s = _FIRST_PAUSE_S
        self._events: list[dict[str, Any]] = []
        self._panel = osdp_sys.ControlPanel(
            [
                {
                    "name": f"peripheral-{address}",
                    "address": address,
                    "flags": osdp_sys.FLAG_ENFORCE_SECURE,
                    "scbk": key,
                    "channel": line,
                }
            ]
        )
        self._panel.set_event_callback(self._event)

    @property
    def standing(self) -> Standing | None:
        """How it is; None while that is not sure yet."""
        if self._line.unanswered_s > _PATIENCE_S:
            return "noisy" if self._line.noisy else "silent"
        if self._secure:
            return "secure"
        return "refused" if time.monotonic() - self._down_at > _PATIENCE_S else None

    def step(self) -> Iterator[dict[str, Any]]:
        """Let libosdp work; the card reads that it told of. Raises OSError when the line went."""
        for _ in range(_CALLS):
            self._refresh()
            if not self._line.answered:
                break
        self._secure, was = self._in_channel(), self._secure
        if self._secure:
            self._pause_s = _FIRST_PAUSE_S
        elif was:
            self.losses += 1
            self._down_at = time.monotonic()
            self._begin_anew()
        elif self._given_up() and time.monotonic() - self._begun_at > self._pause_s:
            self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
            self._begin_anew()
        events, self._events = self._events, []
        return (event for event in events if self._secure)

    def show(self, feedback: Feedback, text: str) -> None:
        """Queue the commands that show `feedback` with what the peripheral has."""
        if not self._secure:
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

    def _refresh(self) -> None:
        self._panel.refresh()
        if self._line.error is not None:
            raise self._line.error

    def _in_channel(self) -> bool:
        return bool(self._panel.status() & 1 and self._panel.sc_status() & 1)

    def _given_up(self) -> bool:
        """Whether libosdp took the peripheral for offline; it would leave it alone for 300 s.

        Outside the channel an answer is followed by the next question at once.
        """
        return self._line.answered or self._line.quiet_s > _STUCK_S

    def _begin_anew(self) -> None:
        """Have libosdp forget the peripheral, and what was to be shown, and ask who it is."""
        self._begun_at = time.monotonic()
        self._panel.flush_commands(0)
        self._panel.disable_pd(0)
        self._refresh()
        self._panel.enable_pd(0)

    def _event(self, peripheral: int, event: dict[str, Any]) -> int:  # noqa: ARG002
        if event["event"] == osdp_sys.EVENT_CARDREAD:
            self._events.append(dict(event))
        elif event["event"] == osdp_sys.EVENT_STATUS and event["type"] == _LOCAL:
            self.troubles = _troubles(bytes(event["report"]))
        # libosdp's binding never lets go of what it told: let it at least be empty.
        event.clear()
        return 0


def _troubles(report: bytes) -> tuple[str, ...]:
    """What a local status report says is wrong (tamper, then power)."""
    words = ("its tamper switch is open", "its power is failing")
    return tuple(word for word, wrong in zip(words, report, strict=False) if wrong)
