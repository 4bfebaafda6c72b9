"""The agent process: opens what it needs in the order that lets a worker tap soonest.

Keys, journal and gate first, readers next, and only then the uplink, whose imports cost more than
everything before it.
"""

import logging
import signal
import sqlite3
import threading
from collections.abc import Callable
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
from agent.out_of_order import OutOfOrder, StopError
from agent.proof.questions import Answerer
from agent.queue.opening import Opened, open_journal, with_room
from agent.readers import open_reader
from agent.readers.base import Emit, Reader
from agent.reads import ReaderState
from agent.recorder import Recorder
from agent.status import StatusServer
from agent.telemetry import Telemetry
from agent.trust_store import TrustStore
from protocol.identity import compact, device_number
from protocol.keyfiles import load_sealing_key, load_signing_key
from protocol.salvaged import Gap

_log = logging.getLogger("pointeuse")
Answer = Callable[[bytes], bytes | None]


class Agent:
    """Everything that runs on one terminal."""

    def __init__(self, config: Config, *, show: bool = False) -> None:
        """Open keys and readers. `show`: also draw each tap on this process's terminal.

        Raises KeyFileError, SettingsError.
        """
        use_one_heap()
        self.config = config
        state = config.state
        self._key = load_signing_key(state / "identity.key")
        self.device = compact(device_number(self._key.public.thumbprint))
        self._trust = TrustStore(state, load_sealing_key(state / "sealing.key"))
        self.telemetry = Telemetry(self.device, state)
        self._notifier = Notifier()
        self._stop = threading.Event()
        keeps_time = config.terminal.keeps_time
        self._clock = Clock(told=was_told_at_boot() if keeps_time is None else keeps_time)
        badges = known(config.badges, Credentials(state))
        self.telemetry.alarm("credentials", badges.complaint)
        cards = identifier(config.badges, badges, self._clock.now, self._unauthentic)
        self._readers: list[Reader] = [
            open_reader(reader, cards, state) for reader in config.readers
        ]
        self._reading: list[threading.Thread] = []
        # The worker's lamp comes before our log.
        sinks: list[Sink] = [ReaderSink(self._readers, config.terminal.language), LogSink()]
        if show:
            sinks.append(TerminalSink(language=config.terminal.language))
        self._sinks = Sinks(sinks)
        self._status: StatusServer | None = None
        self._known = {"epoch": 0, "head": 0, "acked": 0, "queue": 0}
        self._out_of_order = OutOfOrder(
            state, self._sinks, self.telemetry, self._notifier, self._stop, self._begin_without
        )

    def run(self) -> None:
        """Capture, deliver and answer until SIGTERM or SIGINT.

        Raises CannotOpenError, CannotStoreError; not for want of room on the disk, which is waited
        for.
        """
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        try:
            self._open()
        except BaseException as error:
            self._stop.set()
            self._end_without()
            if isinstance(error, StopError):
                return
            raise
        gate = threading.Thread(target=self.gate.run, name="gate")
        gate.start()
        self._start_readers(self.gate.emit)
        self._out_of_order.hand_over(self.gate.emit)
        self._answer_status(self.snapshot, self._answerer().answer)
        self._notifier.send("READY=1")
        _log.info("ready: device %s, %d readers", self.device, len(self._readers))
        uplink = self._start_uplink()
        while not self._stop.wait(1.0):
            if not gate.is_alive():
                _log.critical("the gate has ended by itself; stopping")
                break
        # Also when it is the gate that ended: nobody is to wait for a card any more.
        self._stop.set()
        self._notifier.send("STOPPING=1")
        self._join_readers()
        uplink.stop()
        self._answer_no_more()
        self.gate.stop()
        gate.join()
        self.gate.journal.close()

    # -- with and without a journal ------------------------------------------------------------

    def _open(self) -> None:
        """Open the journal, and what stands on it. Raises StopError, and what `run` raises."""
        config, state, public = self.config, self.config.state, self._key.public
        wait = self._out_of_order.wait
        make_room(state)
        opened = open_journal(state / "journal.sqlite", public.thumbprint, public, wait)
        journal = opened.journal
        try:
            self._clock.not_before(journal.number(LAST_GOOD))
            recorder = with_room(lambda: self._new_recorder(opened), wait)
            if opened.missing is not None:
                gap = Gap(opened.missing, 1, None, opened.lost or "")
                with_room(lambda: recorder.carry_over([gap], "missing", 1), wait)
            self.gate = Gate(
                journal,
                recorder,
                self.telemetry,
                self._sinks,
                retention_ms=int(config.retention.days * 86_400_000),
                notifier=self._notifier,
                receipt_keys=lambda: [key.to_cose() for key in self._trust.receipt_keys],
            )
            self._configurations = Configurations(state, self._trust, self.gate, config.gate)
            self._configurations.start()
        except BaseException:
            journal.close()
            raise
        self._known |= {"epoch": recorder.ordinal, "head": recorder.seq}

    def _new_recorder(self, opened: Opened) -> Recorder:
        opened.journal.checkpoint(idle=True)  # once it failed for want of room: that may make some
        return Recorder(
            opened.journal,
            self._key,
            self._clock,
            self._trust.current.seal_to,
            seal_ms=int(self.config.gate.seal_s * 1000),
            seal_taps=self.config.gate.seal_taps,
            lost=opened.lost,
        )

    def _begin_without(self) -> None:
        """Show and say that there is no journal."""
        self._start_readers(self._out_of_order.emit)
        self._answer_status(self._snapshot_without)
        self._notifier.send("READY=1")

    def _end_without(self) -> None:
        self._join_readers()
        self._answer_no_more()

    def _snapshot_without(self) -> dict[str, Any]:
        none = {"number": 0, "least_assurance": None, "blocked": 0}
        return self.telemetry.snapshot(self._known | self._settings(none))

    # -- readers and answers -------------------------------------------------------------------

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
        return self._known | self._settings(self._configurations.told())

    def _settings(self, told: dict[str, Any]) -> dict[str, Any]:
        now = self._clock.now()
        clock = {
            "sync": now.sync.name.lower(),
            "bound_ms": now.bound_ms,
            "wall_ms": now.wall_ms,
        }
        return {"clock": clock, "configuration": told}

    def _start_readers(self, emit: Emit) -> None:
        """Start them, unless they run."""
        if self._reading:
            return
        for reader in self._readers:
            opening = ReaderState(reader.name, "absent", f"opening {reader.describe()}")
            self.telemetry.reader(opening)
            name = f"reader {reader.name}"
            thread = threading.Thread(target=reader.run, args=(emit, self._stop), name=name)
            thread.start()
            self._reading.append(thread)

    def _join_readers(self) -> None:
        for thread in self._reading:
            thread.join(timeout=5)

    def _answer_status(
        self, snapshot: Callable[[], dict[str, Any]], answer: Answer = lambda _: None
    ) -> None:
        """Answer on the socket. A disk that has no room for one costs the answers alone."""
        self._answer_no_more()
        try:
            self._status = StatusServer(self.config.state, snapshot, answer)
        except OSError as error:
            _log.error("`status` is not answered: %s", error)

    def _answer_no_more(self) -> None:
        if self._status is not None:
            self._status.close()
            self._status = None

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
