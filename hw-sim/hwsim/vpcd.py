"""The card side of vpcd: a virtual card inserted into a slot of a real pcscd.

The card connects; every message is 2 octets of length, big-endian, and that many octets. One
octet is a control message, and only "send the ATR" is answered; anything else is an APDU.
"""

import contextlib
import socket
import threading
import time
from dataclasses import dataclass, field

from hwsim.cards import Card
from hwsim.errors import SimulatorError

_ON, _RESET, _ATR = 1, 2, 4
_CONNECT_S = 0.3
_RETRY_S = 0.05
_BURST_S = 0.15
"""pcscd looks at a slot every 0.4 s: what comes sooner is part of something else."""
_GIVE_UP_S = 5.0


@dataclass
class _Insertion:
    """One card in a slot, from insertion to removal."""

    card: Card
    pull_at: int | None
    out: threading.Event = field(default_factory=threading.Event)
    apdus: int = 0


class Slot:
    """A slot of the virtual reader."""

    def __init__(self, port: int, reader: str) -> None:
        """`port` is where vpcd listens for this slot, `reader` its PC/SC name."""
        self.port = port
        self.reader = reader
        self._insertion: _Insertion | None = None
        self._thread: threading.Thread | None = None
        self.asked = threading.Event()
        """Set when an APDU was answered, or the card pulled away at one; an insertion clears it."""

    def insert(self, card: Card, pull_at: int | None = None) -> None:
        """Lay `card` on the reader; it stays, over a restart of pcscd too, until `remove`.

        With `pull_at`, the card is pulled away while it should be answering its APDU of that
        number, counted from 1. First waits until pcscd saw an earlier card go.
        """
        if self._insertion is not None and not self._insertion.out.is_set():
            raise SimulatorError(f"{self.reader} has a card in it; remove that one first")
        self.join()
        self.asked.clear()
        self._insertion = _Insertion(card, pull_at)
        self._thread = threading.Thread(
            target=self._serve, args=(self._insertion,), name=f"card in {self.reader}", daemon=True
        )
        self._thread.start()

    def remove(self) -> None:
        """Take the card away; nothing if there is none. pcscd sees it go when it next looks."""
        if self._insertion is not None:
            self._insertion.out.set()

    def join(self) -> None:
        """Wait until pcscd saw the removed card go, or ended."""
        if self._thread is not None:
            self._thread.join()
        self._insertion = self._thread = None

    def wait_asked(self, timeout_s: float = 10.0) -> bool:
        """Wait for `asked`; False when no program sent an APDU in `timeout_s`."""
        return self.asked.wait(timeout_s)

    def tap(
        self,
        card: Card,
        *,
        hold_s: float = 0.0,
        pull_at: int | None = None,
        timeout_s: float = 10.0,
    ) -> bool:
        """Hold `card` there until a program spoke to it, and `hold_s` longer; whether one did."""
        self.insert(card, pull_at)
        try:
            asked = self.wait_asked(timeout_s)
            time.sleep(hold_s)
        finally:
            self.remove()
        return asked

    def _serve(self, insertion: _Insertion) -> None:
        seen = True
        while not insertion.out.is_set():
            # A connection refused or reset is pcscd being away, and the card lies there still.
            with (
                contextlib.suppress(OSError),
                socket.create_connection(("127.0.0.1", self.port), _CONNECT_S) as connection,
            ):
                seen = self._speak(insertion, connection)
            insertion.out.wait(_RETRY_S)
        if not seen:
            self._vanish()

    def _speak(self, insertion: _Insertion, connection: socket.socket) -> bool:
        """Be the card until it is removed or pcscd goes; whether pcscd's own look saw it go."""
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        last = 0.0
        while (message := _receive(connection)) is not None:
            if insertion.out.is_set():
                return len(message) == 1 and time.monotonic() - last > _BURST_S
            if len(message) == 1:
                answer = _control(insertion.card, message[0])
            else:
                insertion.apdus += 1
                if insertion.apdus == insertion.pull_at:
                    insertion.out.set()
                    self.asked.set()
                    return False
                answer = insertion.card.answer(message)
            if answer is not None:
                connection.sendall(len(answer).to_bytes(2, "big") + answer)
            if len(message) > 1:
                # Only now: whoever waits for this may take the card away at once.
                self.asked.set()
            last = time.monotonic()
        return True

    def _vanish(self) -> None:
        """Let pcscd's own look see the slot empty, after a thread that sent an APDU did.

        A card laid there in between would be taken for the one that went, and never mentioned. So
        until a look that must be pcscd's own, each one finds a connection that ends.
        """
        gone = looked = time.monotonic()
        while looked - gone < _BURST_S and time.monotonic() - gone < _GIVE_UP_S:
            try:
                with socket.create_connection(("127.0.0.1", self.port), _CONNECT_S) as connection:
                    connection.settimeout(_GIVE_UP_S)
                    _receive(connection)
            except OSError:
                return
            looked = time.monotonic()


def _control(card: Card, code: int) -> bytes | None:
    if code in (_ON, _RESET):
        card.power_on()
    return card.atr if code == _ATR else None


def _receive(connection: socket.socket) -> bytes | None:
    """The next message, or None at the end of the connection."""
    header = _exactly(connection, 2)
    return None if header is None else _exactly(connection, int.from_bytes(header, "big"))


def _exactly(connection: socket.socket, count: int) -> bytes | None:
    data = b""
    while len(data) < count:
        # vpcd sends length and body apart: without this each message waits 40 ms for an
        # acknowledgement. It lasts for one receive only.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = connection.recv(count - len(data))
        if not part:
            return None
        data += part
    return data
