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


@dataclass
class _Insertion:
    """One card in a slot, from insertion to removal."""

    card: Card
    pull_at: int | None
    out: threading.Event = field(default_factory=threading.Event)
    asked: threading.Event = field(default_factory=threading.Event)
    apdus: int = 0
    connection: socket.socket | None = None


class Slot:
    """A slot of the virtual reader."""

    def __init__(self, port: int, reader: str) -> None:
        """`port` is where vpcd listens for this slot, `reader` its PC/SC name."""
        self.port = port
        self.reader = reader
        self._lock = threading.Lock()
        self._insertion: _Insertion | None = None
        self._thread: threading.Thread | None = None

    def insert(self, card: Card, pull_at: int | None = None) -> None:
        """Lay `card` on the reader; it stays, over a restart of pcscd too, until `remove`.

        With `pull_at`, the card is pulled away while it should be answering its APDU of that
        number, counted from 1.
        """
        if self._insertion is not None and not self._insertion.out.is_set():
            raise SimulatorError(f"{self.reader} has a card in it; remove that one first")
        self.remove()
        self._insertion = _Insertion(card, pull_at)
        self._thread = threading.Thread(
            target=self._serve, args=(self._insertion,), name=f"card in {self.reader}", daemon=True
        )
        self._thread.start()

    def remove(self) -> None:
        """Take the card away; nothing if there is none."""
        if self._insertion is None or self._thread is None:
            return
        self._pull(self._insertion)
        self._thread.join()
        self._insertion = self._thread = None

    def wait_asked(self, timeout_s: float = 10.0) -> bool:
        """Wait until a program sent the card an APDU; False when none did in `timeout_s`."""
        return self._insertion is not None and self._insertion.asked.wait(timeout_s)

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

    def _pull(self, insertion: _Insertion) -> None:
        with self._lock:
            insertion.out.set()
            if insertion.connection is not None:
                # Already closed by the other side is as good.
                with contextlib.suppress(OSError):
                    insertion.connection.shutdown(socket.SHUT_RDWR)

    def _serve(self, insertion: _Insertion) -> None:
        while not insertion.out.is_set():
            try:
                connection = socket.create_connection(("127.0.0.1", self.port), _CONNECT_S)
            except OSError:
                insertion.out.wait(_RETRY_S)
                continue
            with connection:
                with self._lock:
                    insertion.connection = connection
                # A reset connection is pcscd going, which is what the loop is for.
                with contextlib.suppress(OSError):
                    self._speak(insertion, connection)
                with self._lock:
                    insertion.connection = None
            insertion.out.wait(_RETRY_S)

    def _speak(self, insertion: _Insertion, connection: socket.socket) -> None:
        connection.settimeout(None)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not insertion.out.is_set():
            message = _receive(connection)
            if message is None:
                return
            if len(message) == 1:
                answer = _control(insertion.card, message[0])
            else:
                answer = self._apdu(insertion, message)
            if answer is not None:
                connection.sendall(len(answer).to_bytes(2, "big") + answer)

    def _apdu(self, insertion: _Insertion, apdu: bytes) -> bytes | None:
        insertion.apdus += 1
        if insertion.apdus == insertion.pull_at:
            self._pull(insertion)
            insertion.asked.set()
            return None
        answer = insertion.card.answer(apdu)
        insertion.asked.set()
        return answer


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
