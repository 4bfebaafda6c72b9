"""The least that a transport takes: as many frames of the same lengths, nothing done with them."""

import contextlib
import os
import select
import threading
import time
import tty
from typing import Any, Protocol

import serial
from smartcard import scard

from bench.reader_meter import Meter, Pipe
from hwsim.cards import ATR_DESFIRE
from hwsim.vpcd import Slot

_PATIENCE_S = 20.0
_LINE_S = 5.0


class Floor(Protocol):
    """A transport with somebody at its other end who answers at once."""

    def once(self) -> float:
        """Milliseconds for one presentation's worth."""

    def close(self) -> None:
        """Put it away."""


class LineFloor:
    """A pty, pyserial at one end, and a peer that sends as many octets as a reader did."""

    def __init__(self, meter: Meter) -> None:
        # What a line is asked while nothing lies there carries no answer of interest, but was sent.
        self._turns = [turn for turn in meter.carried if turn[1]]
        self._master, slave = os.openpty()
        tty.setraw(self._master)
        self._port = serial.Serial(os.ttyname(slave), 115200, timeout=_LINE_S)
        os.close(slave)
        self._go = threading.Semaphore(0)
        self._ended = False
        self._thread = threading.Thread(target=self._peer, daemon=True)
        self._thread.start()

    def once(self) -> float:
        """See Floor."""
        begun = time.perf_counter()
        self._go.release()
        for written, read in self._turns:
            if written:
                self._port.write(bytes(written))
            if len(self._port.read(read)) < read:
                raise RuntimeError("the floor's peer is silent")
        return (time.perf_counter() - begun) * 1000

    def close(self) -> None:
        """See Floor."""
        self._ended = True
        self._go.release()
        self._thread.join()
        self._port.close()
        os.close(self._master)

    def _peer(self) -> None:
        while True:
            self._go.acquire()
            if self._ended:
                return
            for written, read in self._turns:
                heard = 0
                while heard < written:
                    heard += len(os.read(self._master, written - heard))
                os.write(self._master, bytes(read))


class CardFloor:
    """A slot of the same pcscd with a card that answers what the real one did, at once."""

    def __init__(self, meter: Meter, slot: Slot) -> None:
        self._slot = slot
        self._turns = list(meter.apdus)
        slot.insert(_Replay(self._turns))
        _, self._context = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        deadline = time.monotonic() + _PATIENCE_S
        while self._connected() is None:
            if time.monotonic() > deadline:
                raise RuntimeError("the floor's card does not show")
            time.sleep(0.02)

    def once(self) -> float:
        """See Floor."""
        begun = time.perf_counter()
        card = self._connected()
        if card is None:
            raise RuntimeError("the floor's card is gone")
        for command, answer in self._turns:
            code, data = scard.SCardTransmit(card[0], card[1], list(command))
            if code != scard.SCARD_S_SUCCESS or len(data) != len(answer):
                raise RuntimeError("the floor's card does not answer")
        took = (time.perf_counter() - begun) * 1000
        scard.SCardDisconnect(card[0], scard.SCARD_LEAVE_CARD)
        return took

    def close(self) -> None:
        """See Floor."""
        scard.SCardReleaseContext(self._context)
        self._slot.remove()

    def _connected(self) -> tuple[Any, int] | None:
        either = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
        code, card, protocol = scard.SCardConnect(
            self._context, self._slot.reader, scard.SCARD_SHARE_SHARED, either
        )
        return (card, protocol) if code == scard.SCARD_S_SUCCESS else None


class _Replay:
    """A card that gives the answers that were given."""

    atr = ATR_DESFIRE

    def __init__(self, turns: list[tuple[bytes, bytes]]) -> None:
        self._answers = [answer for _, answer in turns]
        self._at = 0

    def power_on(self) -> None:
        """From the beginning."""
        self._at = 0

    def answer(self, apdu: bytes) -> bytes:  # noqa: ARG002 - whatever it is
        """The next answer; after the last comes the first."""
        answer = self._answers[self._at % len(self._answers)]
        self._at += 1
        return answer


class KeysFloor:
    """A pipe of the same events, read through evdev."""

    def __init__(self, events: bytes) -> None:
        self._events = events
        self._source, self._sink = os.pipe()
        os.set_blocking(self._source, False)
        self._device = Pipe(self._source)
        self._poll = select.poll()
        self._poll.register(self._source, select.POLLIN)

    def once(self) -> float:
        """See Floor."""
        begun = time.perf_counter()
        os.write(self._sink, self._events)
        self._poll.poll()
        with contextlib.suppress(BlockingIOError):
            while True:
                list(self._device.read())
        return (time.perf_counter() - begun) * 1000

    def close(self) -> None:
        """See Floor."""
        os.close(self._source)
        os.close(self._sink)
