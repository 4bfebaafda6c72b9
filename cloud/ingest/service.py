"""The ingest process: receive, take into custody, commit, acknowledge, receipt; then interpret.

Custody goes first. Interpretation uses the moments in which no message waits; while messages come,
it has turns some time apart. One thread writes the database, as SQLite demands.
"""

import logging
import random
import threading
import time
from collections.abc import Collection, Sequence
from pathlib import Path

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from cloud import db, failures
from cloud.configurations.publishing import Publisher
from cloud.custody import receipts
from cloud.ingest.connection import Connection, ConnectionLostError
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Answer
from cloud.interpretation.interpreter import Interpreter
from cloud.notify import notify
from cloud.settings import Config
from protocol.keys import SigningKey
from protocol.receipts import Leaf, sign_receipts

GROUP = 256
"""Messages in one transaction at most: of a thousand terminals at a time of live traffic."""
GROUP_BYTES = 2 * 1024 * 1024
"""And octets of them, but for the last: of a backlog, sixteen batches or so."""
CHUNK = 512
"""Records interpreted in one turn: some tens of milliseconds."""
_BACKLOG_BYTES = 32 * 1024
"""A batch this long comes from a terminal that has more of them."""
_NEXT_BATCH_S = 0.25
"""How long such a terminal's next batch is waited for before anything is interpreted."""
_PACE_S = 0.25
"""Between two turns of interpretation while messages come: each costs as much as fifty records."""
_BACKLOG_PACE_S = 2.0
"""The same while backlogs come, which nobody waits to see."""
_KEPT_APART_S = 5.0
"""Between two times that receipts are kept while messages come: of each chain the newest."""
_IDLE_S = 0.5
_BACKOFF_LIMIT_S = 4.0
"""Thousands of terminals wait for it, and there are a few of it: nothing is gained by patience."""
_STABLE_S = 60.0
_log = logging.getLogger("pointeuse.ingest")


class Service:
    """Serves until `stop`."""

    def __init__(
        self,
        config: Config,
        engine: Engine,
        custody: Custody,
        interpreter: Interpreter,
        key: SigningKey,
        publisher: Publisher,
        *,
        worker: int = 1,
    ) -> None:
        """`key` signs receipts; `worker` tells the processes of ingest apart."""
        self._publisher = publisher
        self._worker = worker
        self._config, self._engine, self._key = config, engine, key
        self._custody, self._interpreter = custody, interpreter
        self._stop = threading.Event()
        self._turn_at = self._kept_at = 0.0
        self._patience_s = 0.0
        self._given: list[tuple[Leaf, bytes]] = []
        """Receipts that are not kept yet."""

    def stop(self) -> None:
        """Finish what is in hand, and end `run`."""
        self._stop.set()

    def run(self) -> None:
        """Connect and serve, again and again. The database or the broker may be down for long.

        No error ends it: what is unacknowledged then comes again, and so do the terminals.
        """
        failures = 0
        while not self._stop.is_set():
            started = time.monotonic()
            try:
                self._session()
            except Exception as error:  # noqa: BLE001
                if time.monotonic() - started >= _STABLE_S:
                    failures = 0
                delay = random.uniform(0, min(_BACKOFF_LIMIT_S, 0.5 * 2**failures))  # noqa: S311
                failures = min(failures + 1, 16)
                _log.warning("%s; trying again in %.1f s", _why(error), delay)
                self._stop.wait(delay)

    def _session(self) -> None:
        broker = self._config.broker
        connection = Connection(
            broker.host, broker.port, Path(self._config.directory), self._worker
        )
        try:
            _log.info("ready: taking messages from %s:%d", broker.host, broker.port)
            notify("READY=1")
            self._publisher.forget()
            while not self._stop.is_set():
                self._turn(connection)
            self._keep_receipts()
        finally:
            connection.close()

    def _turn(self, connection: Connection) -> None:
        group = connection.take(GROUP, GROUP_BYTES, self._patience_s)
        if group:
            # Unacknowledged, a message comes again on the next connection: nothing is lost by
            # letting a database error end this one.
            answers = self._custody.accept(group)
            connection.acknowledge(group)
            self._reply(connection, answers)
            # After the trust documents, which may name the key that signed it.
            self._configure(connection, {each.device for each in group if each.name == "hello"})
            backlog = any(len(incoming.payload) >= _BACKLOG_BYTES for incoming in group)
            left_s = self._turn_at + (_BACKLOG_PACE_S if backlog else _PACE_S) - time.monotonic()
            if left_s > 0:
                self._patience_s = _NEXT_BATCH_S if backlog else left_s
                return
        self._turn_at = time.monotonic()
        if not group or self._turn_at > self._kept_at + _KEPT_APART_S:
            self._kept_at = self._turn_at
            self._keep_receipts()
        if not self._interpret():
            self._patience_s = _IDLE_S
        else:
            self._patience_s = _PACE_S if group else 0.0
        self._configure(connection, None)
        with self._engine.connect() as conn:
            db.checkpoint(conn)

    def _configure(self, connection: Connection, greeting: Collection[str] | None) -> None:
        for device, message in self._publisher.due(greeting):
            connection.publish(device, "config", message)

    def _interpret(self) -> bool:
        """One turn of interpretation; whether more is to do. Its mistakes never stop custody."""
        try:
            return self._interpreter.step(CHUNK)
        except Exception as error:
            if db.unavailable(error):
                raise
            _log.error("interpretation failed: %s", failures.where(error))
            return False

    def _reply(self, connection: Connection, answers: Sequence[Answer]) -> None:
        leaves = [answer for answer in answers if answer.leaf is not None]
        for answer in answers:
            if answer.trust is not None:
                connection.publish(answer.device, "trust", answer.trust)
        if not leaves:
            return
        signed = sign_receipts([a.leaf for a in leaves if a.leaf is not None], self._key)
        for answer, receipt in zip(leaves, signed, strict=True):
            connection.publish(answer.device, "receipts", receipt)
            if answer.leaf is not None:
                self._given.append((answer.leaf, receipt))

    def _keep_receipts(self) -> None:
        """Keep receipts that were given, for proofs. Mistakes of it never stop custody."""
        given, self._given = self._given, []
        if not given:
            return
        try:
            with self._engine.begin() as conn:
                receipts.keep(conn, given)
        except Exception as error:
            if db.unavailable(error):
                raise
            _log.error("receipts are not kept: %s", failures.where(error))


def _why(error: Exception) -> str:
    if isinstance(error, ConnectionLostError):
        return str(error)
    if isinstance(error, DBAPIError):
        return f"the database does not answer: {failures.first_line(error)}"
    return f"an unexpected error: {failures.where(error)}"
