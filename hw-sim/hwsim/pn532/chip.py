"""The commands of a PN532 (UM0701-02, 7) that hosts use with ISO/IEC 14443-3 type A cards."""

import dataclasses
import time
from collections.abc import Callable

from hwsim.pn532 import frames
from hwsim.pn532.field import Field, Target
from hwsim.pn532.frames import Command, FrameParser, Sleep, Word

FIRMWARE = bytes.fromhex("32010607")
"""PN532, version 1.6, ISO/IEC 18092 and 14443 A and B."""
BAUDS = (9600, 19200, 38400, 57600, 115200, 230400, 460800, 921600)
START_BAUD = 115200
_TRY_S = 0.005
"""What one attempt to find a card takes."""
_FOR_EVER = 0xFF
_AUTOMATIC_RATS = 0x10
_DEFAULT_PARAMETERS = 0x14
_TYPE_A = 0x00
_CASCADE = 0x88
_MORE = 0x40
_FIELD, _RETRIES = 0x01, 0x05
_LINE, _ROM, _RAM, _PRESENCE = 0x00, 0x01, 0x02, 0x06
_OK, _TIMEOUT, _CONTEXT = 0x00, 0x01, 0x27
_FIFO_DATA = 0x6339
_SENS_REQ = 0x26
"""Left in the FIFO when no card answered a request."""


class SyntaxFaultError(Exception):
    """A command the chip does not know, or with parameters it does not take."""


@dataclasses.dataclass
class Chip:
    """From what a host sends to what it gets back; `tick` tells what comes without being asked."""

    field: Field
    clock: Callable[[], float] = time.monotonic
    baud: int = START_BAUD
    sleep: Sleep = dataclasses.field(default_factory=Sleep)
    parser: FrameParser = dataclasses.field(default_factory=FrameParser)
    counts: dict[int, int] = dataclasses.field(default_factory=dict)
    """How often each command came, by its code."""

    def __post_init__(self) -> None:
        self._parameters = _DEFAULT_PARAMETERS
        self._retries = _FOR_EVER
        self._target: Target | None = None
        self._chained = b""
        self._registers: dict[int, int] = {}
        self._next_baud: int | None = None
        self._last = b""
        self._search: tuple[float, bytes] | None = None
        """Until when a card is searched, and the UID if one was named."""
        self._commands: dict[int, Callable[[bytes], bytes | None]] = {
            0x00: self._diagnose,
            0x02: lambda _: FIRMWARE,
            0x04: lambda _: self._general_status(),
            0x06: self._read_register,
            0x08: self._write_register,
            0x10: self._set_baud,
            0x12: self._set_parameters,
            0x14: lambda _: b"",
            0x16: self._power_down,
            0x32: self._configure,
            0x40: self._data_exchange,
            0x42: self._communicate_thru,
            0x44: lambda data: self._let_go(data, forget=False),
            0x4A: self._list_targets,
            0x52: lambda data: self._let_go(data, forget=True),
            0x54: self._select,
        }

    @property
    def searching(self) -> bool:
        """Whether a host waits for a card to be found."""
        return self._search is not None

    def hears(self, baud: int) -> bool:
        """Whether a host at this speed is understood.

        One about to change it may have done so before what it said last is read here.
        """
        return baud in (self.baud, self._next_baud)

    def receive(self, data: bytes) -> bytes:
        """What is sent back at once to octets from the host."""
        out = b""
        for said in self.parser.feed(self.sleep.hear(data)):
            if isinstance(said, Command):
                self._search = None
                out += frames.ACK + self._carried_out(said)
            elif said is Word.NACK:
                out += self._last
            else:
                self._acknowledged()
            if self.sleep.asleep:
                self.parser.clear()
        return out

    def tick(self) -> bytes:
        """What a search has come to."""
        if self._search is None:
            return b""
        until, uid = self._search
        found = self._listed(uid)
        if found is None and self.clock() < until:
            return b""
        self._search = None
        self._registers[_FIFO_DATA] = _SENS_REQ
        self._last = frames.response(0x4A, found or b"\x00")
        return self._last

    def _acknowledged(self) -> None:
        """The host has the answer, or wants none any more."""
        self._search = None
        if self._next_baud is not None:
            self.baud, self._next_baud = self._next_baud, None

    def _carried_out(self, command: Command) -> bytes:
        self.counts[command.code] = self.counts.get(command.code, 0) + 1
        try:
            data = self._commands.get(command.code, _unknown)(command.data)
        except (SyntaxFaultError, IndexError):
            self._last = frames.SYNTAX_ERROR
            return self._last
        if data is None:
            return b""
        self._last = frames.response(command.code, data)
        return self._last

    # The chip itself

    def _diagnose(self, data: bytes) -> bytes:
        if data[0] == _LINE:
            return data
        if data[0] in (_ROM, _RAM):
            return bytes([_OK])
        if data[0] == _PRESENCE:
            there = self._target is not None and self.field.answers(self._target)
            return bytes([_OK if there else _TIMEOUT])
        raise SyntaxFaultError

    def _general_status(self) -> bytes:
        target = b"" if self._target is None else b"\x01\x00\x00\x10"
        return bytes([_OK, 0x01, len(target) // 4]) + target + b"\x80"

    def _read_register(self, data: bytes) -> bytes:
        addresses = [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]
        return bytes(self._registers.get(address, 0) for address in addresses)

    def _write_register(self, data: bytes) -> bytes:
        if len(data) % 3:
            raise SyntaxFaultError
        for at in range(0, len(data), 3):
            self._registers[int.from_bytes(data[at : at + 2], "big")] = data[at + 2]
        return b""

    def _set_baud(self, data: bytes) -> bytes:
        if data[0] >= len(BAUDS):
            raise SyntaxFaultError
        self._next_baud = BAUDS[data[0]]
        return b""

    def _set_parameters(self, data: bytes) -> bytes:
        self._parameters = data[0]
        return b""

    def _power_down(self, _data: bytes) -> bytes:
        self._lose()
        self.field.switch(on=False)
        self.sleep.begin()
        return bytes([_OK])

    def _configure(self, data: bytes) -> bytes:
        if data[0] == _FIELD:
            on = bool(data[1] & 1)
            if not on:
                self._lose()
            self.field.switch(on=on)
        elif data[0] == _RETRIES:
            self._retries = data[3]
        return b""

    # Cards

    def _list_targets(self, data: bytes) -> bytes | None:
        most, kind, uid = data[0], data[1], data[2:]
        if not 1 <= most <= 2:
            raise SyntaxFaultError
        self._lose()
        if kind != _TYPE_A:
            return b"\x00"
        tries = self._retries + 1
        limit = float("inf") if self._retries == _FOR_EVER else self.clock() + tries * _TRY_S
        self._search = limit, _whole(uid)
        return None

    def _listed(self, uid: bytes) -> bytes | None:
        target = self.field.found(uid)
        if target is None:
            return None
        self._target = target
        shown = target.card.uid
        told = b"\x01\x01" + target.sens_res + bytes([target.sel_res, len(shown)]) + shown
        if target.iso_dep is not None and self._parameters & _AUTOMATIC_RATS:
            told += target.iso_dep.activate()
        return told

    def _data_exchange(self, data: bytes) -> bytes:
        number, command = data[0], data[1:]
        if self._target is None or number & 0x3F != 1:
            return bytes([_CONTEXT])
        self._chained += command
        if number & _MORE:
            return bytes([_OK])
        whole, self._chained = self._chained, b""
        answer = self.field.command(self._target, whole)
        return bytes([_TIMEOUT]) if answer is None else bytes([_OK]) + answer

    def _communicate_thru(self, data: bytes) -> bytes:
        target = self._target
        answer = None if target is None else self.field.block(target, data)
        return bytes([_TIMEOUT]) if answer is None else bytes([_OK]) + answer

    def _let_go(self, data: bytes, *, forget: bool) -> bytes:
        if data[0] > 2:
            raise SyntaxFaultError
        if self._target is None:
            return bytes([_OK if forget else _CONTEXT])
        self.field.halt(self._target)
        if forget:
            self._target = None
        return bytes([_OK])

    def _select(self, data: bytes) -> bytes:
        if self._target is None or data[0] != 1:
            return bytes([_CONTEXT])
        target = self._target
        there = self.field.answers(target) or self._listed(target.card.uid) is not None
        return bytes([_OK if there else _TIMEOUT])

    def _lose(self) -> None:
        self._target = None
        self._chained = b""


def _unknown(_data: bytes) -> bytes:
    raise SyntaxFaultError


def _whole(uid: bytes) -> bytes:
    """A UID without the cascade tags that hosts name it with."""
    if len(uid) > 8 and uid[4] == _CASCADE:
        uid = uid[:4] + uid[5:]
    return uid[1:] if len(uid) > 4 and uid[0] == _CASCADE else uid
