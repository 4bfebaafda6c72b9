"""What the agent weighs, how soon it can take a tap, and which imports cost what.

The whole path runs: the platform's broker and ingest, and an agent with one serial reader that is
online. PSS counts each shared page once among those who share it; /proc/PID/smaps_rollup.
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from hwsim.processes import wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack, Terminal

RUNS = 5
_IMPORTS = (
    "sqlite3", "cbor2", "msgspec", "serial", "protocol.seals", "agent.main", "ssl",
    "paho.mqtt.client", "agent.uplink.uplink", "click", "sqlite_utils",
)  # fmt: skip
_COST = """
import sys, time
def pss():
    with open("/proc/self/smaps_rollup") as file:
        return sum(int(line.split()[1]) for line in file if line.startswith("Pss:")) / 1024
for name in sys.argv[1:]:
    before, begun = pss(), time.perf_counter()
    __import__(name)
    print(name, round((time.perf_counter() - begun) * 1000, 1), round(pss() - before, 2))
"""


def pss_mib(pid: int) -> float:
    """Proportional set size of a process, in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def run() -> dict[str, Any]:
    """Measure PSS, seconds to capture-ready, and the imports."""
    with (
        tempfile.TemporaryDirectory(prefix="bench-memory-") as directory,
        Stack(Path(directory)) as stack,
    ):
        stack.prepare()
        terminal = stack.add_terminal("bench")
        stack.register(terminal)
        stack.start_broker()
        stack.start_ingest()
        with SerialReader(Path(directory) / "reader", "rdm6300") as reader:
            terminal.configure(
                '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
                f'device = "{reader.device}"\n'
            )
            ready = min(_ready_s(terminal, reader) for _ in range(RUNS))
            weight = _weight(terminal, reader)
    return {
        "pss_mib": round(weight, 2),
        "ready_s": round(ready, 3),
        "bare_python_s": round(min(_bare_python_s() for _ in range(RUNS)), 3),
        "imports": _imports(),
    }


def _ready_s(terminal: Terminal, reader: SerialReader) -> float:
    """From exec to the reader's port being open: a badge held now is recorded."""
    begun = time.monotonic()
    terminal.agent.start()
    if not reader.opened():
        raise RuntimeError(f"the agent does not open its reader: {terminal.agent.last_words()}")
    taken = time.monotonic() - begun
    terminal.agent.stop()
    return taken


def _weight(terminal: Terminal, reader: SerialReader) -> float:
    terminal.agent.start()
    wait_for(lambda: _online(terminal), "the agent is not online")
    for number in range(50):
        reader.present(f"{number + 1:010X}")
    terminal.wait_delivered()
    found = pss_mib(terminal.agent.pid)
    terminal.agent.stop()
    return found


def _online(terminal: Terminal) -> bool:
    status = terminal.status()
    return status is not None and status["uplink"]["state"] == "online"


def _bare_python_s() -> float:
    begun = time.monotonic()
    subprocess.run([sys.executable, "-c", ""], check=True)
    return time.monotonic() - begun


def _imports() -> dict[str, dict[str, float]]:
    """Milliseconds and MiB each import adds to those before it."""
    done = subprocess.run(
        [sys.executable, "-c", _COST, *_IMPORTS],
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    rows = (line.split() for line in done.stdout.splitlines())
    return {name: {"ms": float(ms), "mib": float(mib)} for name, ms, mib in rows}
