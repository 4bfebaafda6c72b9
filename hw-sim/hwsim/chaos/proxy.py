"""A TCP proxy on loopback that does to connections what networks do, octet by octet."""

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine, Iterator
from typing import Any, Self

from hwsim.chaos.faults import ENDING, Fault, Kind, Weather, faults

_CHUNK = 1 << 16
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER, zero seconds: closing sends an RST."""


class _CutError(Exception):
    """The connection ends here, by an RST or by a FIN."""

    def __init__(self, *, reset: bool) -> None:
        super().__init__()
        self.reset = reset


class Proxy:
    """Several links, each from a port of its own to a port behind it. Use it in a `with` block.

    Connection n of a link draws its faults from the seed, the link's name and n.
    """

    def __init__(self, seed: int) -> None:
        self.struck: Counter[str] = Counter()
        """How often each kind of fault struck."""
        self.connections = 0
        self._seed = seed
        self._stormy = False
        self._severed = False
        self._calm = asyncio.Event()
        self._servers: list[asyncio.Server] = []
        self._open: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def link(self, name: str, target: int, weather: Weather) -> int:
        """Make a link to loopback port `target`; the port to connect to instead."""
        port: int = self._do(self._listen(name, target, weather))
        return port

    def storm(self) -> None:
        """Faults from now on."""
        self._stormy = True

    def calm(self) -> None:
        """No fault any more; connections that one holds end."""
        self._stormy = False
        self._loop.call_soon_threadsafe(self._calm.set)

    def sever(self) -> None:
        """Reset every connection, and each new one, until `mend`."""
        self._severed = True
        self._do(self._reset())

    def mend(self) -> None:
        """Let connections through again."""
        self._severed = False

    @property
    def cuts(self) -> int:
        """How many faults ended a connection."""
        return sum(self.struck[kind.value] for kind in ENDING)

    # -- in the loop's thread ----------------------------------------------------------------

    def _do(self, what: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(what, self._loop).result()

    async def _shut(self) -> None:
        for server in self._servers:
            server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _reset(self) -> None:
        for task in self._open:
            task.cancel()

    async def _listen(self, name: str, target: int, weather: Weather) -> int:
        numbers = iter(range(1 << 62))

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.connections += 1
            if self._severed:
                _end(writer, reset=True)
                return
            seed = f"chaos {self._seed} {name} {next(numbers)}"
            work = self._join((reader, writer), target, weather, seed)
            task = self._loop.create_task(work)
            self._open.add(task)
            task.add_done_callback(self._open.discard)

        server = await asyncio.start_server(accept, "127.0.0.1", 0, limit=_CHUNK)
        self._servers.append(server)
        port: int = server.sockets[0].getsockname()[1]
        return port

    async def _join(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        target: int,
        weather: Weather,
        seed: str,
    ) -> None:
        """One connection, from its first octet to its end."""
        writers = [near[1]]
        reset = True
        try:
            far = await asyncio.open_connection("127.0.0.1", target, limit=_CHUNK)
            writers.append(far[1])
            async with asyncio.TaskGroup() as group:
                for way, source, sink in (("up", near[0], far[1]), ("down", far[0], near[1])):
                    group.create_task(self._pump(source, sink, faults(f"{seed} {way}", weather)))
            reset = False
        except* _CutError as cut:
            reset = any(each.reset for each in cut.exceptions if isinstance(each, _CutError))
        except* OSError:  # whoever is at either end went away, or is not there
            pass
        finally:
            for writer in writers:
                _end(writer, reset=reset)

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, plan: Iterator[Fault]
    ) -> None:
        """One direction, to its end. Raises _CutError, OSError."""
        fault = next(plan)
        left = fault.after
        while data := await source.read(_CHUNK):
            while data:
                passes, data = (data[:left], data[left:]) if self._stormy else (data, b"")
                left = max(0, left - len(passes))
                sink.write(passes)
                await sink.drain()
                if data:
                    data = await self._strike(fault, data, source, sink)
                    fault = next(plan)
                    left = fault.after
        if sink.can_write_eof():
            sink.write_eof()

    async def _strike(
        self, fault: Fault, data: bytes, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> bytes:
        """Let a fault strike as `data` comes; what is left of `data`. Raises _CutError."""
        self.struck[fault.kind.value] += 1
        match fault.kind:
            case Kind.HOLE:
                return data[fault.octets :]
            case Kind.DELAY:
                await self._hold(fault.hold_s)
                return data
            case Kind.SWALLOW:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(fault.hold_s):
                        await self._swallow(source)
            case Kind.STALL:
                await self._hold(fault.hold_s)
            case Kind.HALF_CLOSE:
                sink.write_eof()
                await self._hold(fault.hold_s)
        raise _CutError(reset=fault.kind is not Kind.CLOSE)

    async def _swallow(self, source: asyncio.StreamReader) -> None:
        while self._stormy and await source.read(_CHUNK):
            pass

    async def _hold(self, hold_s: float) -> None:
        """Wait, not longer than the storm lasts."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._calm.wait(), hold_s)


def _end(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    with contextlib.suppress(OSError):
        if reset:
            end: socket.socket = writer.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
        else:
            writer.close()
