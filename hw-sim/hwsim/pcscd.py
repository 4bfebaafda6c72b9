"""A real pcscd of our own, with virtual readers, that nothing else on the machine sees.

Its socket is a file of ours, handed over as systemd's socket activation does: clients find it
through the environment variable PCSCLITE_CSOCK_NAME. It looks at no USB device.

Debian's vpcd listens on every address, and when told to connect out instead it makes pcscd abort
as soon as a card leaves. So its `bind` is replaced by one that binds to loopback.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Self

from hwsim import left_behind
from hwsim.errors import SimulatorError
from hwsim.interrupts import whole
from hwsim.processes import free_port
from hwsim.vpcd import Slot

_DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
_SLOTS_OF_A_DRIVER = 2
_START_S = 15.0
_STOP_S = 5.0
_LOOPBACK = "0100007F"
_LISTENING = "0A"

_BIND_TO_LOOPBACK = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    int (*next)(int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "bind");
    struct sockaddr_in loopback;
    if (address->sa_family != AF_INET || length != sizeof loopback)
        return next(fd, address, length);
    memcpy(&loopback, address, sizeof loopback);
    loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return next(fd, (struct sockaddr *)&loopback, length);
}
"""

# LISTEN_PID must be pcscd's own number, which only the process that becomes it knows.
_ACTIVATE = 'LISTEN_FDS=1 LISTEN_PID=$$ exec "$@" 3<&0 </dev/null'

_READER = """FRIENDLYNAME "{name}"
DEVICENAME /dev/null:{port}
LIBPATH {driver}
CHANNELID {channel:#x}
"""


class Pcscd:
    """pcscd with virtual slots; use it in a `with` block, or call `start` and `stop`."""

    def __init__(
        self, slots: int = 2, *, name: str = "Virtual PCD", directory: Path | None = None
    ) -> None:
        """`slots` (rounded up to even) readers named `name`, files in `directory` or a new one."""
        self._own_directory = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="pointeuse-pcscd-"))
        self.socket = self.directory / "pcscd.comm"
        self.log = self.directory / "pcscd.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._listener: socket.socket | None = None
        drivers = -(-slots // _SLOTS_OF_A_DRIVER)
        # pcscd numbers readers of one name by itself, and gives two files' readers one number.
        self._names = [name if number == 0 else f"{name} {number + 1}" for number in range(drivers)]
        self.slots = [
            Slot(port + slot, f"{each} 00 {slot:02X}")
            for each, port in zip(self._names, _free_ports(drivers), strict=True)
            for slot in range(_SLOTS_OF_A_DRIVER)
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> dict[str, str]:
        """What a program needs in its environment to find this pcscd."""
        return {"PCSCLITE_CSOCK_NAME": str(self.socket)}

    def start(self) -> None:
        """Start it, and wait until its slots take cards. Raises SimulatorError."""
        if self._process is not None:
            return
        program = shutil.which("pcscd") or shutil.which("pcscd", path="/usr/sbin")
        if program is None or not _DRIVER.exists():
            raise SimulatorError(
                "there is no pcscd with vpcd here: apt-get install pcscd vsmartcard-vpcd"
            )
        preload = self._prepare()
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()
        self._listener = _listen(self.socket)
        command = [program, "--foreground", "--info", "--config", str(self.directory / "readers")]
        with self.log.open("ab") as log, whole():
            self._process = subprocess.Popen(
                ["/bin/sh", "-c", _ACTIVATE, "sh", *command],
                stdin=self._listener.fileno(),
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for whoever started us: `stop` ends it, in order.
                start_new_session=True,
                env=os.environ
                | {"LD_PRELOAD": str(preload), "PCSCLITE_HP_DROPDIR": str(self.directory / "none")},
            )
            left_behind.note(self.log, self._process.pid)
        try:
            self._wait_listening()
        except BaseException:
            self.kill()
            raise

    def kill(self) -> None:
        """End it as a crash would: at once, its clients seeing their connections close."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it, take the cards away, and remove its files."""
        for slot in self.slots:
            slot.remove()
        self._end(signal.SIGTERM)
        for slot in self.slots:
            slot.join()
        if self._own_directory:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _prepare(self) -> Path:
        """Configuration, a driver for each two slots, and the library that replaces `bind`."""
        readers = self.directory / "readers"
        shutil.rmtree(readers, ignore_errors=True)
        readers.mkdir(parents=True)
        (self.directory / "none").mkdir(exist_ok=True)
        for number, name in enumerate(self._names):
            # vpcd keeps its slots in static variables: another reader is another copy of it.
            driver = self.directory / f"vpcd{number}.so"
            shutil.copyfile(_DRIVER, driver)
            port = self.slots[number * _SLOTS_OF_A_DRIVER].port
            (readers / f"vpcd{number}").write_text(
                _READER.format(name=name, port=port, driver=driver, channel=number)
            )
        return _compile(self.directory)

    def _wait_listening(self) -> None:
        deadline = time.monotonic() + _START_S
        wanted = {slot.port for slot in self.slots}
        while True:
            listening = _listeners()
            exposed = [port for port in wanted if listening.get(port, {_LOOPBACK}) != {_LOOPBACK}]
            if exposed:
                raise SimulatorError(f"vpcd listens beyond loopback on port {exposed[0]}; stopped")
            if wanted <= listening.keys():
                return
            if self._process is None or self._process.poll() is not None:
                raise SimulatorError(f"pcscd ended at once: {self._last_words()}")
            if time.monotonic() > deadline:
                raise SimulatorError(f"vpcd does not listen: {self._last_words()}")
            time.sleep(0.02)

    def _last_words(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()
        return lines[-1] if lines else "no output"

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(how)
            try:
                process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            left_behind.forget(self.log)
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        with contextlib.suppress(FileNotFoundError):
            self.socket.unlink()


def _listen(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
    except OSError as error:
        listener.close()
        raise SimulatorError(f"no socket at {path}: {error}; choose another directory") from error
    listener.listen()
    return listener


def _compile(directory: Path) -> Path:
    library = directory / "loopback.so"
    if library.exists():
        return library
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SimulatorError("there is no C compiler to keep vpcd on loopback: apt-get install gcc")
    source = directory / "loopback.c"
    source.write_text(_BIND_TO_LOOPBACK)
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(source)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SimulatorError(f"{compiler} failed: {done.stderr.strip()}; apt-get install libc6-dev")
    return library


def _listeners() -> dict[int, set[str]]:
    """Addresses listened on by port, IPv4, as /proc/net/tcp writes them."""
    found: dict[int, set[str]] = {}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        local, _, state = line.split()[1:4]
        address, port = local.split(":")
        if state == _LISTENING:
            found.setdefault(int(port, 16), set()).add(address)
    return found


def _free_ports(drivers: int) -> list[int]:
    """For each driver the first of as many free ports in a row as it has slots."""
    first: list[int] = []
    with contextlib.ExitStack() as held:
        while len(first) < drivers:
            port = free_port()
            row = [held.enter_context(socket.socket()) for _ in range(_SLOTS_OF_A_DRIVER)]
            with contextlib.suppress(OSError):
                for offset, neighbour in enumerate(row):
                    neighbour.bind(("127.0.0.1", port + offset))
                first.append(port)
    return first
