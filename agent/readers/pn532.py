"""A PN532 on a UART, through nfcpy's driver, with a sense loop of our own.

The chip searches for a card by itself and says when it found one, so that nobody asks while none
is there; ISO-DEP is the chip's too: what is said here is APDUs. A card that was read is left alone,
but for being asked whether it is still there.
"""

import contextlib
import logging
import threading
import time
from dataclasses import dataclass

from agent.badges.identify import Identifier
from agent.badges.presented import presented
from agent.badges.sessions import CardError
from agent.readers.base import Backoff, Emit, StateReport
from agent.readers.nfcpy import pn532
from agent.readers.pn532_config import Pn532Config
from agent.readers.pn532_line import START_BAUD, Pn532Line, SilenceError, StoppedError
from agent.readers.port import SERIAL_FAULTS
from agent.readers.serial_port import fault
from agent.reads import BadgeRead, Feedback, Unreadable

_WAKE = b"\x55\x55" + bytes(14)
"""Ends a sleep (UM0701-02, 7.2.11), and what follows is heard."""
_RINSE = bytes(280)
"""Longer than any frame: whatever a host left half said is over after it."""
_ABORT = bytes(pn532.Chipset.ACK)
_BAUDS = (START_BAUD, 921600, 460800, 230400)
"""Where a chip may be that another program left; it is brought back to the first."""
_TRIES = 240
"""Of the chip, to find a card before it says that there is none: about 1.2 s."""
_TRIES_AFTER = 40
"""The same after a card left: until it was missed it is the same presentation."""
_SEARCH_S = 3.0
"""A chip that says nothing of its search for this long is mute."""
_PERIOD_S = 0.1
"""From one search to the next, however soon the chip gives up."""
_LOOK_S = 0.1
"""How often a card that lies there is looked at."""
_LONGEST_PAUSE_S = 0.5
"""Before a card that does not answer is spoken to again; another may lie there by then."""
_APDU_S = 1.0
_STEADY_S = 2.0
_AUTOMATIC_RATS = 0x10
_FIELD, _RETRIES = 0x01, 0x05
_PRESENCE = 0x06
_LIST = 0x4A
_ISO_DEP = 0x20
_GONE = frozenset({0x01, 0x27, 0x2B})
"""Error codes (UM0701-02, 7.1) of a card that left: no answer, no target, disappeared."""

_FAULTS = (
    *SERIAL_FAULTS, pn532.Chipset.Error, AssertionError, LookupError, TypeError,
)  # fmt: skip
"""What nfcpy raises when the port goes, or when a chip answers what it must not."""

# nfcpy writes what cards say into its log.
_NO_LOG = logging.getLogger("pointeuse.readers.nfcpy")
_NO_LOG.disabled = True


@dataclass(frozen=True)
class _Target:
    """A card that was found."""

    uid: bytes
    iso_dep: bool
    """Whether it takes APDUs."""

    @property
    def random(self) -> bool:
        return len(self.uid) == 4 and self.uid[0] == 0x08


class Pn532Session:
    """A card in the field of a PN532; a CardSession."""

    def __init__(self, chipset: pn532.Chipset) -> None:
        self._chipset = chipset

    def transmit(self, apdu: bytes, /) -> tuple[bytes, int]:
        """Data and status word of a command. Raises CardError, and _FAULTS of the chip."""
        try:
            answer, more = self._chipset.in_data_exchange(bytearray(apdu), _APDU_S)
        except pn532.Chipset.Error as error:
            reason = "pulled-away" if error.errno in _GONE else "mute"
            raise CardError(reason, f"InDataExchange: {error}") from error
        if more or len(answer) < 2:
            raise CardError("mute", f"InDataExchange: {len(answer)} octets, not all of an answer")
        return bytes(answer[:-2]), int.from_bytes(answer[-2:], "big")


class Pn532Reader:
    """One PN532 of the configuration; it has no lamp the terminal could light."""

    def __init__(self, config: Pn532Config, identifier: Identifier) -> None:
        self.name = config.name
        self._config = config
        self._identifier = identifier
        self._firmware = ""
        self._lying: tuple[_Target, BadgeRead | Unreadable] | None = None

    def describe(self) -> str:
        """What it is, in one line for `status`."""
        firmware = f", firmware {self._firmware}" if self._firmware else ""
        return f"PN532 on {self._config.device}{firmware}"

    def feedback(self, feedback: Feedback, text: str = "") -> None:
        """Nothing to light."""

    def run(self, emit: Emit, stop: threading.Event) -> None:
        """Read badges until `stop`; see Reader.run."""
        report = StateReport(self.name, emit)
        backoff = Backoff()
        while not stop.is_set():
            opened = time.monotonic()
            line: Pn532Line | None = None
            try:
                line = Pn532Line(self._config.device, stop)
                self._serve(line, emit, report, stop)
            except _FAULTS as error:
                # In its last moments nfcpy takes the line's word to stop for a fault.
                if stop.is_set():
                    return
                if time.monotonic() - opened > _STEADY_S:
                    backoff.reset()
                report.tell(*self._fault(line, error))
                backoff.wait(stop)
            finally:
                if line is not None:
                    line.close()

    def _serve(
        self, line: Pn532Line, emit: Emit, report: StateReport, stop: threading.Event
    ) -> None:
        """Sense cards until `stop`. Raises _FAULTS."""
        chipset = self._woken(line)
        device = pn532.Device(chipset, _NO_LOG)
        try:
            chipset.set_parameters(_AUTOMATIC_RATS)
            _search_with(chipset, _TRIES)
            report.tell("ready", f"{self.describe()}: answers")
            while not stop.is_set():
                self._sense(chipset, emit, stop)
        finally:
            line.last_words()
            with contextlib.suppress(*_FAULTS):
                device.close()

    def _woken(self, line: Pn532Line) -> pn532.Chipset:
        """The chip, whatever state and speed it was left in. Raises _FAULTS."""
        chipset = pn532.Chipset(line, _NO_LOG)
        for baud in _BAUDS:
            for rinse in (b"", _RINSE):
                line.baudrate = baud
                line.write(_WAKE + rinse + _ABORT)
                with contextlib.suppress(SilenceError, pn532.Chipset.Error):
                    self._greet(line, chipset)
                    return chipset
        raise SilenceError

    def _greet(self, line: Pn532Line, chipset: pn532.Chipset) -> None:
        try:
            _, version, revision, _ = chipset.get_firmware_version()
        except (OSError, ValueError) as error:
            if line.lost is not None or isinstance(error, StoppedError):
                raise
            raise SilenceError from error
        self._firmware = f"{version}.{revision}"
        chipset.sam_configuration("normal")
        if line.baudrate != START_BAUD:
            chipset.set_serial_baudrate(START_BAUD)
            line.baudrate = START_BAUD

    def _sense(self, chipset: pn532.Chipset, emit: Emit, stop: threading.Event) -> None:
        """One search, and the card that it found until it is gone."""
        begun = time.monotonic()
        target = _search(chipset)
        if target is None:
            self._lying = None
            stop.wait(begun + _PERIOD_S - time.monotonic())
            return
        pause_s = _LOOK_S
        _search_with(chipset, _TRIES_AFTER)
        while target is not None and not stop.is_set():
            try:
                self._present(target, self._event(chipset, target), emit)
                self._wait_gone(chipset, target, stop)
                pause_s = _LOOK_S
            except CardError as error:
                self._present(target, Unreadable(self.name, error.reason), emit)
                stop.wait(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            # Only without the field a card that was spoken to answers a search again.
            _switch_off(chipset)
            target = _search(chipset)
        self._lying = None
        _search_with(chipset, _TRIES)

    def _event(self, chipset: pn532.Chipset, target: _Target) -> BadgeRead | Unreadable:
        """Raises CardError."""
        identifier, uid = self._identifier, target.uid
        session = Pn532Session(chipset)
        return presented(
            self.name,
            self._config.direction,
            lambda: identifier.identify(session, uid) if target.iso_dep else identifier.by_uid(uid),
        )

    def _present(self, target: _Target, event: BadgeRead | Unreadable, emit: Emit) -> None:
        """Emit `event`, unless it was already told of the card that lies there."""
        if self._lying is not None:
            before, told = self._lying
            other = before.uid != target.uid and not (before.random and target.random)
            if not other and (told == event or isinstance(event, Unreadable)):
                return
        self._lying = target, event
        emit(event)

    def _wait_gone(self, chipset: pn532.Chipset, target: _Target, stop: threading.Event) -> None:
        while not stop.wait(_LOOK_S):
            if target.iso_dep:
                there = chipset.diagnose(_PRESENCE, b"")[:1] == b"\x00"
            else:
                _switch_off(chipset)
                there = _search(chipset) == target
            if not there:
                return

    def _fault(self, line: Pn532Line | None, error: Exception) -> tuple[str, str]:
        if line is None:
            return fault(self._config.device, error)
        if line.lost is not None:
            return fault(self._config.device, line.lost)
        return "failed", (
            f"PN532 on {self._config.device}: open, but no PN532 answers: check its power and its"
            " cable, and that its switches are set to HSU"
        )


def _search(chipset: pn532.Chipset) -> _Target | None:
    """The card that the chip finds in its tries (UM0701-02, 7.3.5)."""
    number, *found = chipset.command(_LIST, b"\x01\x00", _SEARCH_S)
    if not number:
        return None
    _, _, _, sel_res, length, *rest = found
    return _Target(bytes(rest[:length]), bool(sel_res & _ISO_DEP))


def _search_with(chipset: pn532.Chipset, tries: int) -> None:
    chipset.rf_configuration(_RETRIES, bytes([0xFF, 0x01, tries]))


def _switch_off(chipset: pn532.Chipset) -> None:
    chipset.rf_configuration(_FIELD, b"\x00")
