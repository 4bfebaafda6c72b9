"""PC/SC readers: ACR122U, ACR1252U, OMNIKEY and any other that pcscd knows."""

import contextlib
import getpass
import queue
import threading
import time
from dataclasses import dataclass

from agent.badges.identify import Identifier
from agent.badges.presented import presented
from agent.badges.sessions import CardError
from agent.readers import acr122u
from agent.readers.base import LONGEST_BACKOFF_S, Backoff, Emit, StateReport
from agent.readers.config import PcscConfig
from agent.readers.winscard import (
    CardSession,
    Context,
    ServiceError,
    Slot,
)
from agent.reads import BadgeRead, Feedback, Unreadable

_WAIT_S = 0.5
"""How long pcscd is waited for at a time; also how often `stop` is looked at."""
_SETTLE_S = 2.0
"""How long after pcscd or a reader comes back a card that lay there all along may take to show."""
_FEEDBACK_S = 0.3
"""How long a card session is kept for the gate's word, where a lamp needs the session."""

_GET_UID = (0xFF, 0xCA, 0x00, 0x00, 0x00)
"""GET DATA, UID (PC/SC part 3, 3.2.2.1.3)."""
_OK = 0x9000
_STORAGE = bytes.fromhex("804F0CA000000306")
"""In the ATR that a reader makes up for a card that speaks no APDUs (PC/SC part 3, 3.1.3.2.3)."""


@dataclass
class _Retry:
    """When a card that does not answer is spoken to again, for as long as it seems to lie there.

    One pulled away and held there anew, between two looks of pcscd, never leaves its slot.
    """

    at: float
    atr: bytes
    pause_s: float = 0.2

    def later(self) -> None:
        """It did not answer."""
        self.at = time.monotonic() + self.pause_s
        self.pause_s = min(self.pause_s * 2, LONGEST_BACKOFF_S)


class PcscReader:
    """Every PC/SC reader whose name contains the configured text, one card at a time.

    Readers that must not wait for each other's cards get a table each.
    """

    def __init__(self, config: PcscConfig, identifier: Identifier) -> None:
        self.name = config.name
        self._config = config
        self._identifier = identifier
        self._readers: dict[str, str] = {}
        """Those that are there, and what each is called with its firmware."""
        self._atr = b""
        self._lying: dict[str, BadgeRead | Unreadable] = {}
        self._settled_at: dict[str, float] = {}
        self._retries: dict[str, _Retry] = {}
        self._word: queue.Queue[Feedback] = queue.Queue(maxsize=1)

    def describe(self) -> str:
        """What it is, in one line for `status`."""
        named = f"named like {self._config.match!r}" if self._config.match else "of any name"
        parts = [f"PC/SC reader {named}: {', '.join(self._readers.values()) or 'none now'}"]
        if self._atr:
            parts.append(f"last card's ATR {self._atr.hex(' ').upper()}")
        return "; ".join(parts)

    def feedback(self, feedback: Feedback, text: str = "") -> None:  # noqa: ARG002
        """Hand `feedback` to the thread of the card session, which lights it where it can."""
        with contextlib.suppress(queue.Full):
            self._word.put_nowait(feedback)

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Read badges until `stop`; see Reader.run."""
        report = StateReport(self.name, emit)
        backoff = Backoff()
        while not stop.is_set():
            try:
                with Context() as context:
                    self._watch(context, emit, report, backoff, stop)
            except ServiceError as error:
                self._readers = {}
                report.tell("failed", _service_fault(error))
                backoff.wait(stop)

    def _watch(
        self,
        context: Context,
        emit: Emit,
        report: StateReport,
        backoff: Backoff,
        stop: threading.Event,
    ) -> None:
        """Follow the readers until `stop`. Raises ServiceError when pcscd goes."""
        slots: dict[str, Slot] = {}
        self._retries.clear()
        while not stop.is_set():
            everything = context.readers()
            self._readers = {
                name: self._readers.get(name) or _called(context, name)
                for name in everything
                if self._config.match in name
            }
            report.tell(*self._state(everything))
            slots = {name: slots.get(name, Slot(0)) for name in self._readers}
            self._retries = {name: r for name, r in self._retries.items() if name in slots}
            changes = context.wait(slots, self._patience_ms())
            backoff.reset()
            now = time.monotonic()
            due = {name for name, retry in self._retries.items() if retry.at <= now}
            for name, slot in changes.items():
                if self._arrived(name, slots[name], slot):
                    due.add(name)
                slots[name] = slot
            for name in sorted(due & self._retries.keys()):
                self._read(context, name, emit)

    def _patience_ms(self) -> int:
        next_retry = min((retry.at for retry in self._retries.values()), default=float("inf"))
        wait_s = min(_WAIT_S, next_retry - time.monotonic())
        return max(1, int(wait_s * 1000))

    def _arrived(self, name: str, before: Slot, slot: Slot) -> bool:
        """Whether a card was laid in this slot since it was as `before`."""
        now = time.monotonic()
        if before.state == 0:
            self._settled_at[name] = now + _SETTLE_S if name in self._lying else now
        if before.present and slot.present and before.events == slot.events:
            return False
        self._retries.pop(name, None)
        if now >= self._settled_at[name]:
            self._lying.pop(name, None)
        if slot.present:
            self._atr = slot.atr
            self._settled_at[name] = now
            self._retries[name] = _Retry(now, slot.atr)
        return slot.present

    def _read(self, context: Context, name: str, emit: Emit) -> None:
        """Speak to the card in `name`, and tell what came of it."""
        try:
            with context.connect(name) as session:
                event = self._event(session, self._retries[name].atr)
                del self._retries[name]
                if self._present(name, event, emit) and acr122u.is_one(name):
                    self._light(session)
        except CardError as error:
            self._retries[name].later()
            self._present(name, Unreadable(self.name, error.reason), emit)

    def _event(self, session: CardSession, atr: bytes) -> BadgeRead | Unreadable:
        uid, status = session.transmit(_GET_UID)
        if status != _OK:
            return Unreadable(self.name, "no-uid")
        identifier = self._identifier
        return presented(
            self.name,
            self._config.direction,
            lambda: (
                identifier.by_uid(uid) if _STORAGE in atr else identifier.identify(session, uid)
            ),
        )

    def _present(self, name: str, event: BadgeRead | Unreadable, emit: Emit) -> bool:
        """Emit `event`, unless it was already told of the card that lies there."""
        known = self._lying.get(name)
        if known == event or (known is not None and isinstance(event, Unreadable)):
            return False
        self._lying[name] = event
        while not self._word.empty():
            self._word.get_nowait()
        emit(event)
        return True

    def _light(self, session: CardSession) -> None:
        with contextlib.suppress(queue.Empty, CardError, ServiceError):
            session.transmit(acr122u.signal(self._word.get(timeout=_FEEDBACK_S)))

    def _state(self, everything: list[str]) -> tuple[str, str]:
        if self._readers:
            return "ready", f"PC/SC: {', '.join(self._readers.values())}"
        if everything:
            return "absent", (
                f"there is {', '.join(everything)}, and no PC/SC reader whose name contains"
                f" {self._config.match!r}: correct `match`"
            )
        return "absent", (
            "no PC/SC reader: plug it in; an ACR122U also needs the kernel modules pn533 and"
            " pn533_usb blacklisted"
        )


def _called(context: Context, name: str) -> str:
    """Its name, with its firmware where it tells. Raises ServiceError."""
    firmware = context.firmware(name)
    return f"{name} (firmware {firmware})" if firmware else name


def _service_fault(error: ServiceError) -> str:
    if error.denied:
        return (
            f"pcscd refuses user {getpass.getuser()}: add a polkit rule that lets it do"
            " org.debian.pcsc-lite.access_pcsc and org.debian.pcsc-lite.access_card"
        )
    if error.away:
        return "pcscd does not run: systemctl enable --now pcscd.socket"
    return f"pcscd does not answer ({error}): systemctl restart pcscd"
