"""The uplink thread: hello, then stop-and-wait batches, then receipts; for ever.

The journal is the only queue. A batch is sent again, on a fresh connection, until a receipt for it
arrives; what a broker acknowledges means nothing here.
"""

import json
import logging
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from agent import config
from agent.clock import Clock
from agent.configuration import Configurations
from agent.gate import Gate, StoppedError
from agent.queue.errors import JournalError
from agent.telemetry import Telemetry
from agent.trust_store import TrustStore
from agent.uplink.backlog import Backlog
from agent.uplink.backoff import Backoff
from agent.uplink.batch_size import BatchSize
from agent.uplink.certificate import dates
from agent.uplink.connection import Connection, ConnectionLostError, Waker, tls_context
from agent.uplink.verdicts import Back, CloseEpoch, Forward, Hold, Ignore, Meaning
from protocol import VERSION, topics
from protocol.bodies import Sync
from protocol.errors import ProtocolError
from protocol.hello import Hello
from protocol.keys import SigningKey
from protocol.receipts import verify_receipt

T = TypeVar("T")
_log = logging.getLogger("pointeuse.uplink")
_GREET_AGAIN_S = 3600.0
_GREET_AFTER_REFUSAL_S = 60.0
_SPEAKING = (ConnectionLostError, JournalError)
"""Errors whose message says all; of others, their kind is worth knowing."""


class Uplink:
    """Delivers the journal. `run` is its thread."""

    def __init__(
        self,
        settings: config.Uplink,
        state: Path,
        device: str,
        key: SigningKey,
        gate: Gate,
        trust: TrustStore,
        configurations: Configurations,
        clock: Clock,
        snapshot: Callable[[], dict[str, Any]],
        waker: Waker,
    ) -> None:
        self._settings, self._state, self._device, self._key = settings, state, device, key
        self._gate, self._trust, self._clock = gate, trust, clock
        self._configurations = configurations
        self._telemetry: Telemetry = gate.telemetry
        self._backlog = Backlog(gate.journal, gate.recorder, gate.upkeep.salvager.look_again)
        self._snapshot, self._waker = snapshot, waker
        self._size = BatchSize()
        self._stop = threading.Event()
        self._telemetry_at = 0.0
        self._online_at: float | None = None
        self._greeted_at = 0.0
        self._thread = threading.Thread(target=self.run, name="uplink", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the session, and the thread."""
        self._stop.set()
        self._waker.wake()
        self._thread.join(timeout=5)

    def run(self) -> None:
        """Connect, serve, wait, and connect again, until `stop`."""
        backoff = Backoff(self._settings.backoff_s, self._settings.backoff_limit_s)
        while not self._stop.is_set():
            self._online_at = None
            try:
                self._session()
            except StoppedError:
                return
            except Exception as error:  # noqa: BLE001 - a full disk, a missing certificate, paho...
                why = str(error) if isinstance(error, _SPEAKING) else f"{error!r}"
                delay = backoff.next(self._online_s())
                self._telemetry.uplink_is("offline", why)
                self._telemetry.count("reconnects")
                _log.warning("%s; trying again in %.1f s", why, delay)
                self._stop.wait(delay)
        self._telemetry.uplink_is("stopped")

    def _online_s(self) -> float:
        """How long this session has been one: to wait for answers in vain is not to be stable."""
        return 0.0 if self._online_at is None else time.monotonic() - self._online_at

    # -- one session -------------------------------------------------------------------------

    def _session(self) -> None:
        self._telemetry.certificate = dates(self._state)
        # A clock that may be years ahead must not keep a terminal away from its platform.
        check_dates = self._clock.now().sync is Sync.SYNCHRONISED
        with Connection(
            self._settings.host,
            self._settings.port,
            self._device,
            tls_context(self._state, check_dates=check_dates),
            keepalive_s=self._settings.keepalive_s,
            timeout_s=self._settings.resend_s,
            will=(self._topic("status"), self._status("offline")),
            waker=self._waker,
        ) as connection:
            connection.subscribe([self._topic(name) for name in topics.TO_TERMINAL])
            connection.publish(self._topic("status"), self._status("online"), retain=True)
            self._greet(connection)
            self._online_at = time.monotonic()
            self._telemetry.uplink_is("online")
            _log.info("online: %s:%d", self._settings.host, self._settings.port)
            while not self._stop.is_set():
                self._serve(connection)
            connection.publish(self._topic("status"), self._status("offline"), retain=True)

    def _greet(self, connection: Connection) -> None:
        nonce = secrets.token_bytes(16)
        hello = Hello(
            terminal=self._key.public.thumbprint,
            nonce=nonce,
            generation=self._ask(self._backlog.generation),
            trust=self._trust.current.number,
            epochs=self._ask(self._backlog.epochs),
            sealing_key=self._trust.sealing_key.public.raw,
            config_version=self._configurations.number,
        )
        connection.publish(self._topic("hello"), hello.sign(self._key))
        self._await_receipt(connection, nonce)
        self._greeted_at = time.monotonic()

    def _serve(self, connection: Connection) -> None:
        """Send what there is and wait for its receipt; with nothing to send, wait."""
        nonce = secrets.token_bytes(16)
        limit = min(self._size.octets, connection.maximum_packet - 256)
        resends = self._backlog.resends
        batch = self._ask(lambda: self._backlog.next_batch(nonce, limit))
        if batch is None and time.monotonic() - self._greeted_at >= _GREET_AGAIN_S:
            # A platform restored meanwhile says what it lacks only when it is asked.
            self._greet(connection)
            return
        if batch is None:
            self._report(connection)
            connection.pump(self._settings.telemetry_s)
            while connection.inbox:
                self._handle(*connection.inbox.popleft(), nonce)
            return
        self._telemetry.count("batches")
        self._telemetry.count("resends", self._backlog.resends - resends)
        sent = time.monotonic()
        try:
            connection.publish(
                self._topic("records"), batch.encode(), expiry_s=self._settings.resend_s
            )
            meaning = self._await_receipt(connection, nonce)
        except ConnectionLostError:
            self._size.unanswered()
            raise
        self._telemetry.receipt_ms = int((time.monotonic() - sent) * 1000)
        self._size.answered()
        if isinstance(meaning, Back) and meaning.seq < batch.first:
            # Only a hello can tell where the journal begins: asking on would go in circles.
            raise ConnectionLostError(f"the platform does not take record {batch.first}")

    def _await_receipt(self, connection: Connection, nonce: bytes) -> Meaning:
        """Serve the connection until the message sent with `nonce` is answered; what that means."""
        deadline = time.monotonic() + self._settings.resend_s
        while True:
            left = deadline - time.monotonic()
            if left <= 0 or self._stop.is_set():
                self._telemetry.count("unanswered")
                raise ConnectionLostError(f"no receipt within {self._settings.resend_s:g} s")
            connection.pump(left)
            while connection.inbox:
                meaning = self._handle(*connection.inbox.popleft(), nonce)
                if isinstance(meaning, Hold):
                    self._telemetry.alarm("refused", meaning.why)
                    raise ConnectionLostError(meaning.why)
                if meaning is not None:
                    self._telemetry.alarm("refused", None)
                    return meaning

    def _handle(self, topic: str, payload: bytes, nonce: bytes) -> Meaning | None:
        """One message from the platform; the meaning, if it is a receipt that answers `nonce`."""
        try:
            _, name = topics.parse(topic)
            if name == "receipts":
                return self._receipt(payload, nonce)
            if name == "trust" and self._follow(payload):
                self._ask(self._use_new_trust)
            if name == "config":
                self._configure(payload)
        except ProtocolError as error:
            self._telemetry.count("refused_messages")
            _log.warning("a message on %s is refused: %s", topic, error)
        return None

    def _follow(self, payload: bytes) -> bool:
        """Adopt a trust document, if there is room for it. Raises ProtocolError.

        Without room the session goes on under the one before: the receipts it brings make room.
        """
        try:
            self._trust.follow(payload)
        except OSError as error:
            self._telemetry.alarm("trust-not-kept", f"no new trust document: {error.strerror}")
            return False
        self._telemetry.alarm("trust-not-kept", None)
        return True

    def _receipt(self, payload: bytes, nonce: bytes) -> Meaning | None:
        leaf, leaf_hash = verify_receipt(payload, self._trust.current.receipt_lookup)
        meaning = self._ask(lambda: self._backlog.receive(leaf, leaf_hash, payload, nonce))
        if isinstance(meaning, Ignore):
            self._telemetry.count("ignored_receipts")
        if isinstance(meaning, Forward):
            self._telemetry.alarm("branch", meaning.alarm)
        if isinstance(meaning, CloseEpoch):
            self._telemetry.alarm("epoch-closed", meaning.why)
        answered = leaf.nonce == nonce and not isinstance(meaning, Ignore)
        return meaning if answered else None

    def _configure(self, payload: bytes) -> None:
        try:
            adopted = self._configurations.receive(payload)
        except ProtocolError:
            # Signed by a key of a trust document that has not come yet? A hello brings both.
            due = time.monotonic() - _GREET_AGAIN_S + _GREET_AFTER_REFUSAL_S
            self._greeted_at = min(self._greeted_at, due)
            raise
        if adopted:
            self._greeted_at = -_GREET_AGAIN_S  # the platform is told in a quiet moment

    def _use_new_trust(self) -> None:
        self._gate.recorder.seal_to = self._trust.current.seal_to

    # -- what it says of itself --------------------------------------------------------------

    def _report(self, connection: Connection) -> None:
        now = time.monotonic()
        if self._telemetry_at and now - self._telemetry_at < self._settings.telemetry_s:
            return
        self._telemetry_at = now
        payload = json.dumps(self._snapshot()).encode()
        connection.publish(self._topic("telemetry"), payload, expiry_s=self._settings.telemetry_s)

    def _status(self, state: str) -> bytes:
        return json.dumps(
            {
                "state": state,
                "device": self._device,
                "version": VERSION,
                "since_ms": time.time_ns() // 1_000_000,
            }
        ).encode()

    def _topic(self, name: str) -> str:
        return topics.topic(self._device, name)

    def _ask(self, function: Callable[[], T]) -> T:
        return self._gate.ask(function)
