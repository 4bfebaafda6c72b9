"""The readers: what each is, what it can do, and what keeps it from working.

With an agent running, what it says of its readers is passed on, and nothing is touched. Else the
readers themselves are run for a moment: what they say then is what they would say to the agent.
"""

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agent.badges.identify import Identifier
from agent.doctor.findings import Check, Finding, Findings
from agent.doctor.ports import of_port
from agent.readers import OsdpConfig, PcscConfig, Pn532Config, ReaderConfig, open_reader
from agent.readers.base import Reader, ReaderUnavailableError
from agent.readers.config import SerialConfig
from agent.reads import BadgeRead, Event, ReaderState, Unreadable
from protocol.badges import Flag

SETTLE_S = 3.0
"""How long a reader may take to find its hardware."""
_MODULES = ("pn533_usb", "pn533", "nfc")
_KERNEL = Path("/proc/modules")


@dataclass(frozen=True, slots=True)
class Presented:
    """A badge as a reader told of it."""

    reader: str
    words: str


def can(config: ReaderConfig) -> str:
    """What a reader of this kind can do, in a few words."""
    if isinstance(config, PcscConfig):
        return "cards with keys, and UIDs; lamp and buzzer where it is an ACR122U"
    if isinstance(config, Pn532Config):
        return "cards with keys, and UIDs; no lamp"
    if isinstance(config, OsdpConfig):
        return "numbers; lamp, buzzer and text where it has them"
    if isinstance(config, SerialConfig):
        return _SERIAL[config.protocol]
    return "numbers as typed; no lamp"


_SERIAL = {
    "rdm6300": "125 kHz numbers; no lamp",
    "line": "printed numbers; no lamp",
    "wiegand": "numbers; no lamp",
    "twn4": "UIDs and numbers; lamp and buzzer",
    "sscp": "UIDs; lamp and buzzer",
    "deister": "UIDs; no lamp",
}


def running(told: Mapping[str, Mapping[str, Any]], configs: list[ReaderConfig]) -> Findings:
    """What the agent that runs says of its readers."""
    for config in configs:
        state = told.get(config.name)
        check = Check("readers", config.name)
        if state is None:
            yield check.fault(
                "the running agent does not know it", "restart the agent: its settings are newer"
            )
            continue
        yield _judged(check, config, str(state["state"]), str(state["detail"]))


def standing(
    configs: list[ReaderConfig], identifier: Identifier, state: Path, settle_s: float = SETTLE_S
) -> Findings:
    """Run the readers for a moment, and say what came of each. Takes up to `settle_s`."""
    with opened(configs, identifier, state) as (readers, events, unavailable):
        yield from unavailable
        last = _settled(readers, events, settle_s)
        for config in configs:
            if config.name not in readers:
                continue
            check = Check("readers", config.name)
            told = last.get(config.name)
            if told is None:
                description = readers[config.name].describe()
                yield check.fault(
                    f"{description}: it says nothing", "check its cable, and that it is that kind"
                )
            else:
                yield _judged(check, config, told.state, told.detail)


def hindrances(configs: list[ReaderConfig], modules: Path = _KERNEL) -> Findings:
    """What keeps readers away: ports held or closed, and drivers of the kernel."""
    for config in configs:
        device = getattr(config, "device", None)
        if device is not None:
            yield from of_port(config.name, Path(device))
    if any(isinstance(config, PcscConfig) for config in configs):
        yield from _drivers(modules)


def presented(
    configs: list[ReaderConfig], identifier: Identifier, state: Path, stop: threading.Event
) -> Iterator[Presented]:
    """Badges as they are presented, until `stop`; nothing is recorded."""
    with opened(configs, identifier, state) as (_, events, _unavailable):
        while not stop.is_set():
            try:
                event = events.get(timeout=0.2)
            except queue.Empty:
                continue
            words = _words(event)
            if words is not None:
                yield Presented(event.reader, words)


@contextmanager
def opened(
    configs: list[ReaderConfig], identifier: Identifier, state: Path
) -> Iterator[tuple[dict[str, Reader], "queue.SimpleQueue[Event]", list[Finding]]]:
    """The readers, running; their events; and what could not be run at all."""
    events: queue.SimpleQueue[Event] = queue.SimpleQueue()
    stop = threading.Event()
    readers: dict[str, Reader] = {}
    unavailable = []
    for config in configs:
        try:
            readers[config.name] = open_reader(config, identifier, state)
        except ReaderUnavailableError as error:
            fault = Check("readers", config.name).fault(str(error), "install it, and look again")
            unavailable.append(fault)
    threads = [
        threading.Thread(target=reader.run, args=(events.put, stop), name=f"reader {name}")
        for name, reader in readers.items()
    ]
    for thread in threads:
        thread.start()
    try:
        yield readers, events, unavailable
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=5)


def _settled(
    readers: Mapping[str, Reader], events: "queue.SimpleQueue[Event]", settle_s: float
) -> dict[str, ReaderState]:
    """The last state of each reader, once all are ready or the time is up."""
    last: dict[str, ReaderState] = {}
    until = time.monotonic() + settle_s
    while any(name not in last or last[name].state != "ready" for name in readers):
        left_s = until - time.monotonic()
        if left_s <= 0:
            break
        try:
            event = events.get(timeout=left_s)
        except queue.Empty:
            break
        if isinstance(event, ReaderState):
            last[event.reader] = event
    return last


def _judged(check: Check, config: ReaderConfig, state: str, detail: str) -> Finding:
    """A fault's detail ends with a colon and the fix; see StateReport.tell."""
    if state == "ready":
        return check.ok(f"{detail} ({can(config)})")
    found, _, fix = detail.rpartition(": ")
    return check.fault(f"{state}: {found or detail}", fix if found else "see the agent's log")


def _drivers(modules: Path) -> Findings:
    try:
        loaded = {line.split()[0] for line in modules.read_text().splitlines() if line}
    except OSError:
        return
    found = [name for name in _MODULES if name in loaded]
    if found:
        yield Check("readers", "kernel").fault(
            f"the kernel's own driver ({', '.join(found)}) takes an ACR122U away from pcscd",
            "blacklist it: `echo blacklist pn533_usb > /etc/modprobe.d/pointeuse.conf`, and"
            f" `rmmod {' '.join(found)}`",
        )


def _words(event: Event) -> str | None:
    if isinstance(event, BadgeRead):
        odd = "".join(f", {flag.name.lower()}" for flag in Flag(event.flags) if flag.name)
        return f"{event.profile} …{event.badge[-4:]}, {event.assurance.label}{odd}"
    if isinstance(event, Unreadable):
        return f"not readable: {event.reason}"
    return None
