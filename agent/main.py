"""The agent process: opens what it needs in the order that lets a worker tap soonest.

Keys, journal and gate first, readers next, and only then the uplink, whose imports cost more than
everything before it.
"""

import logging
import signal
import sqlite3
import threading
from contextlib import suppress
from typing import Any

from agent.badges.credentials import Credentials
from agent.badges.setting import identifier, known
from agent.boot_clock import was_told_at_boot
from agent.clock import Clock
from agent.clock_records import LAST_GOOD
from agent.config import Config
from agent.configuration import Configurations
from agent.disk import make_room
from agent.feedback import LogSink, ReaderSink, Sink, Sinks, TerminalSink
from agent.gate import Gate
from agent.memory import use_one_heap
from agent.notify import Notifier
from agent.proof.questions import Answerer
from agent.queue.opening import open_journal
from agent.readers import open_reader
from agent.readers.base import Reader
from agent.reads import ReaderState
from agent.recorder import Recorder
from agent.status import StatusServer
from agent.telemetry import Telemetry
from agent.trust_store import TrustStore
from protocol.bodies import Time
from protocol.identity import compact, device_number
from protocol.keyfiles import load_sealing_key, load_signing_key
from protocol.salvaged import Gap

_log = logging.getLogger("pointeuse")


class Agent:
    """Everything that runs on one terminal."""

    def __init__(self, config: Config, *, show: bool = False) -> None:
        """Open keys, journal and gate. `show`: also draw each tap on this process's terminal.

        Raises KeyFileError, CannotOpenError, CannotStoreError.
        """
        use_one_heap()
        self.config = config
        state = config.state
        self._key = load_signing_key(state / "identity.key")
        self.device = compact(device_number(self._key.public.thumbprint))
        self._trust = TrustStore(state, load_sealing_key(state / "sealing.key"))
        self.telemetry = Telemetry(self.device, state)
        self._notifier = Notifier()
        badges = known(config.badges, Credentials(state))
        self.telemetry.alarm("credentials", badges.complaint)
        cards = identifier(config.badges, badges, self._cards_time, self._unauthentic)
        self._readers: list[Reader] = [
            open_reader(reader, cards, state) for reader in config.readers
        ]
        # The worker's lamp comes before our log.
        sinks: list[Sink] = [ReaderSink(self._readers), LogSink()]
        if show:
            sinks.append(TerminalSink())
        public = self._key.public
        make_room(state)
        opened = open_journal(state / "journal.sqlite", public.thumbprint, public)
        journal = opened.journal
        keeps_time = config.terminal.keeps_time
        told = was_told_at_boot() if keeps_time is None else keeps_time
        self._clock = Clock(journal.number(LAST_GOOD), told=told)
        recorder = Recorder(
            journal,
            self._key,
            self._clock,
            self._trust.current.seal_to,
            seal_ms=int(config.gate.seal_s * 1000),
            seal_taps=config.gate.seal_taps,
            lost=opened.lost,
        )
        if opened.missing is not None:
            gap = Gap(opened.missing, 1, None, opened.lost or "")
            recorder.carry_over([gap], "missing", 1)
        self.gate = Gate(
            journal,
            recorder,
            self.telemetry,
            Sinks(sinks),
            retention_ms=int(config.retention.days * 86_400_000),
            notifier=self._notifier,
            receipt_keys=lambda: [key.to_cose() for key in self._trust.receipt_keys],
        )
        self._configurations = Configurations(state, self._trust, self.gate, config.gate)
        self._configurations.start()
        self._stop = threading.Event()
        self._known = {"epoch": recorder.ordinal, "head": recorder.seq, "acked": 0, "queue": 0}

    def run(self) -> None:
        """Capture, deliver and answer until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        gate = threading.Thread(target=self.gate.run, name="gate")
        gate.start()
        readers = [self._start_reader(reader) for reader in self._readers]
        status = StatusServer(self.config.state, self.snapshot, self._answerer().answer)
        self._notifier.send("READY=1")
        _log.info("ready: device %s, %d readers", self.device, len(readers))
        uplink = self._start_uplink()
        while not self._stop.wait(1.0):
            if not gate.is_alive():
                _log.critical("the gate has ended by itself; stopping")
                break
        self._notifier.send("STOPPING=1")
        for thread in readers:
            thread.join(timeout=5)
        uplink.stop()
        status.close()
        self.gate.stop()
        gate.join()
        self.gate.journal.close()

    def _cards_time(self) -> Time:
        return self._clock.now()

    def _unauthentic(self, reason: str) -> None:
        self.telemetry.count("unauthentic")
        self.telemetry.count(f"unauthentic_{reason.replace('-', '_')}")

    def _answerer(self) -> Answerer:
        """Who answers `pointeuse agent export`."""
        public = self._key.public
        return Answerer(self.config.state, public, self.gate.ask, lambda: self.gate.journal)

    def snapshot(self) -> dict[str, Any]:
        """What `status` and telemetry say."""
        return self.telemetry.snapshot(self.gate.ask(self._journal_state))

    def _journal_state(self) -> dict[str, Any]:
        # A disk that fails leaves no journal to ask, and then `status` matters most.
        with suppress(sqlite3.Error):
            epochs = self.gate.journal.epochs()
            self._known = {
                "epoch": epochs[-1].ordinal,
                "head": epochs[-1].head,
                "acked": epochs[-1].acked,
                "queue": sum(epoch.head - epoch.held for epoch in epochs),
            }
        now = self._clock.now()
        return self._known | {
            "clock": {"sync": now.sync.name.lower(), "bound_ms": now.bound_ms},
            "configuration": self._configurations.told(),
        }

    def _start_reader(self, reader: Reader) -> threading.Thread:
        self.telemetry.reader(ReaderState(reader.name, "absent", f"opening {reader.describe()}"))
        thread = threading.Thread(
            target=reader.run, args=(self.gate.emit, self._stop), name=f"reader {reader.name}"
        )
        thread.start()
        return thread

    def _start_uplink(self) -> Any:
        from agent.uplink.connection import Waker
        from agent.uplink.uplink import Uplink

        waker = Waker()
        uplink = Uplink(
            self.config.uplink,
            self.config.state,
            self.device,
            self._key,
            self.gate,
            self._trust,
            self._configurations,
            self._clock,
            self.snapshot,
            waker,
        )
        self.gate.recorded = waker.wake
        uplink.start()
        return uplink
