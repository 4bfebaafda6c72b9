"""Terminals that each send a record, wait for its receipt, and send the next: over one socket.

A process of its own, which speaks just enough MQTT 5 to keep out of the way: every packet was made
before it starts. Reads a file of messages by device, prints one JSON object.
"""

import asyncio
import json
import pickle
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from protocol import topics

_CONNECT, _PUBLISH, _SUBSCRIBE = 0x10, 0x32, 0x82
_TAKEN_UP, _RECEIVED = 0x20, 0x30
_KIND = 0xF0
_STALL_S = 5.0


def packet(kind: int, body: bytes) -> bytes:
    """An MQTT control packet (MQTT 5, 2.1)."""
    length, digits = len(body), bytearray()
    while True:
        length, digit = divmod(length, 128)
        digits.append(digit | (128 if length else 0))
        if not length:
            return bytes([kind]) + bytes(digits) + body


def publish(device: str, name: str, payload: bytes, identifier: int) -> bytes:
    """A PUBLISH at QoS 1 (MQTT 5, 3.3)."""
    topic = _string(topics.topic(device, name))
    return packet(_PUBLISH, topic + identifier.to_bytes(2) + b"\0" + payload)


def _string(text: str) -> bytes:
    raw = text.encode()
    return len(raw).to_bytes(2) + raw


class Load(asyncio.Protocol):
    """One connection on behalf of all terminals."""

    def __init__(self, messages: dict[str, list[bytes]]) -> None:
        """`messages` are the packets of each device, in order."""
        self._left = {device: iter(packets) for device, packets in messages.items()}
        self._under_way: dict[str, bytes] = {}
        self._buffer = bytearray()
        self._transport: asyncio.Transport
        self.receipts = self.resends = 0
        self.moved_at = 0.0
        self.subscribed = asyncio.Event()
        self.done = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Say hello, and ask for every terminal's receipts."""
        self._transport = cast("asyncio.Transport", transport)
        hello = _string("MQTT") + bytes([5, 2, 0, 0, 0]) + _string("bench-load")
        wanted = (1).to_bytes(2) + b"\0" + _string(topics.every("receipts")) + b"\0"
        self._transport.write(packet(_CONNECT, hello) + packet(_SUBSCRIBE, wanted))

    def begin(self) -> None:
        """Send each terminal's first."""
        self.moved_at = time.monotonic()
        self._send(list(self._left))

    def again(self) -> None:
        """Send what got no receipt for long."""
        self.resends += len(self._under_way)
        self._transport.writelines(self._under_way.values())
        self.moved_at = time.monotonic()

    def data_received(self, data: bytes) -> None:
        """Answer receipts with the next message of their terminal."""
        self._buffer += data
        receipted = []
        for kind, body in self._packets():
            if kind & _KIND == _TAKEN_UP and body[1]:
                raise ConnectionRefusedError(f"the broker refuses the connection: {body[1]}")
            if kind & _KIND == _RECEIVED:
                length = int.from_bytes(body[:2])
                receipted.append(body[2 : 2 + length].split(b"/")[2].decode())
            elif kind & _KIND == _SUBSCRIBE + 0x0E & _KIND:
                self.subscribed.set()
        if receipted:
            self.moved_at = time.monotonic()
            self._send([device for device in receipted if device in self._under_way])
            self.receipts += len(receipted)

    def connection_lost(self, _exc: Exception | None) -> None:
        """End, whatever is left."""
        self.done.set()

    def _send(self, devices: list[str]) -> None:
        found = []
        for device in devices:
            following = next(self._left[device], None)
            if following is None:
                self._under_way.pop(device, None)
            else:
                self._under_way[device] = following
                found.append(following)
        self._transport.writelines(found)
        if not self._under_way:
            self.done.set()

    def _packets(self) -> Iterator[tuple[int, bytes]]:
        start = 0
        while True:
            length, shift, at = 0, 0, start + 1
            while at < len(self._buffer):
                digit = self._buffer[at]
                length |= (digit & 127) << shift
                at, shift = at + 1, shift + 7
                if digit < 128:
                    break
            else:
                break
            if at + length > len(self._buffer):
                break
            yield self._buffer[start], bytes(self._buffer[at : at + length])
            start = at + length
        del self._buffer[:start]


async def main(port: int, load: Load) -> None:
    """Send everything, and say how long the receipts took."""
    transport, _ = await asyncio.get_running_loop().create_connection(
        lambda: load, "127.0.0.1", port
    )
    await load.subscribed.wait()
    begun = time.monotonic()
    load.begin()
    while not load.done.is_set():
        try:
            await asyncio.wait_for(load.done.wait(), 1.0)
        except TimeoutError:
            if time.monotonic() - load.moved_at > _STALL_S:
                load.again()
    taken = time.monotonic() - begun
    transport.close()
    print(json.dumps({"receipts": load.receipts, "resends": load.resends, "taken_s": taken}))


if __name__ == "__main__":
    # Written by the benchmark itself.
    packets = pickle.loads(Path(sys.argv[2]).read_bytes())  # noqa: S301
    asyncio.run(main(int(sys.argv[1]), Load(packets)))
