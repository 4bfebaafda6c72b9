"""Taking messages into custody: a group of them, from many terminals, in one transaction.

Custody comes before meaning. A message is refused only when it is not authentic; whether it can be
understood is asked afterwards, and holds back no receipt.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import Connection, Engine, select, update

from cloud import failures
from cloud.db import unavailable
from cloud.ingest import greetings, rejects
from cloud.ingest.chains import Chains, Placed
from cloud.ingest.holding import Holding
from cloud.ingest.messages import Answer, Incoming, RejectedError
from cloud.ingest.verify import verify_batch
from cloud.rows import among
from cloud.terminals.tables import terminals
from cloud.terminals.telemetry import History
from cloud.times import now_ms
from protocol.batches import Batch
from protocol.errors import MalformedError, ProtocolError
from protocol.hello import Hello
from protocol.identity import compact, device_number
from protocol.keys import VerifyKey
from protocol.receipts import Leaf, Verdict

_log = logging.getLogger("pointeuse.ingest")
_JSON_BYTES = 16 * 1024
_NUL = re.compile(r"((?<!\\)(?:\\\\)*)\\u0000")
_NO_EPOCH = bytes(16)
_NO_LINK = bytes(32)
_SEEN_MS = 5_000
"""How exactly it is kept when a terminal's last record came: whoever taps taps again soon."""


class Terminal(msgspec.Struct, frozen=True):
    """A registered terminal."""

    id: int
    device: str
    thumbprint: bytes
    key: VerifyKey
    status: str
    last_seen_ms: int | None

    def seen_at(self, moment_ms: int) -> bool:
        """Whether it is kept that it was seen, as exactly as need be."""
        return self.last_seen_ms is not None and 0 <= moment_ms - self.last_seen_ms < _SEEN_MS


def _is_about_chains(incoming: Incoming) -> bool:
    return incoming.name not in {"status", "telemetry"}


class Custody:
    """Accepts groups of messages into one database. Used by one thread."""

    def __init__(self, engine: Engine, directory: Path, generation: int) -> None:
        """`directory` is the platform's, with its trust documents."""
        self._engine, self._directory, self._generation = engine, directory, generation
        self._keys: dict[bytes, VerifyKey] = {}
        self._history = History()
        self._heard: set[int] = set()
        """Terminals whose records came in this transaction, and that nobody knows were there."""

    def accept(self, group: Sequence[Incoming]) -> list[Answer]:
        """Store a group and commit; what to answer, now that it is durable.

        A message that cannot be stored, whatever it does to the database or to this code, is found
        by halving the group, and rejected: the others are stored. Raises an error that
        `cloud.db.unavailable` knows when the database is not there; then some of the group may not
        be stored, and all of it is to be offered again.
        """
        try:
            with self._engine.begin() as conn:
                return self._accept(conn, group)
        except Exception as error:
            if unavailable(error):
                raise
            if len(group) == 1:
                return self._give_up(group[0], error)
            middle = len(group) // 2
            return self.accept(group[:middle]) + self.accept(group[middle:])

    def _give_up(self, incoming: Incoming, error: Exception) -> list[Answer]:
        """Keep one message that cannot be stored, for whoever looks into it; no receipt for it."""
        found = failures.where(error)
        _log.error("a message of device %s cannot be stored: %s", incoming.device, found)
        with self._engine.begin() as conn:
            rejects.keep(conn, incoming, "unstorable", found)
        return []

    def _accept(self, conn: Connection, group: Sequence[Incoming]) -> list[Answer]:
        known = self._terminals(conn, {incoming.device for incoming in group})
        by_device: dict[str, list[Incoming]] = defaultdict(list)
        for incoming in group:
            by_device[incoming.device].append(incoming)
        speaking = {
            known[each.device].id
            for each in group
            if each.device in known and _is_about_chains(each)
        }
        holding = Holding(conn, speaking)
        self._heard = set()
        answers: list[Answer] = []
        for device in sorted(by_device, key=lambda d: known[d].id if d in known else 0):
            terminal = known.get(device)
            if terminal is None:
                answers += self._strangers(conn, by_device[device])
            else:
                answers += self._of_terminal(conn, holding, terminal, by_device[device])
        holding.flush()
        if self._heard:
            conn.execute(
                update(terminals)
                .where(among(conn, terminals.c.id, sorted(self._heard)))
                .values(last_seen_ms=now_ms())
            )
        return answers

    def _terminals(self, conn: Connection, devices: set[str]) -> dict[str, Terminal]:
        rows = conn.execute(
            select(
                terminals.c.id,
                terminals.c.device,
                terminals.c.thumbprint,
                terminals.c.public_key,
                terminals.c.status,
                terminals.c.last_seen_ms,
            )
            .where(among(conn, terminals.c.device, devices))
            # Two workers that hold messages of the same terminals wait for each other, never
            # crosswise: rows are locked in the order of ids.
            .order_by(terminals.c.id)
            .with_for_update(key_share=True)
        )
        return {row.device: self._terminal(row) for row in rows.all()}

    def _terminal(self, row: Any) -> Terminal:
        key = self._keys.get(row.public_key)
        if key is None:
            key = self._keys[row.public_key] = VerifyKey.from_cose(row.public_key)
        return Terminal(row.id, row.device, row.thumbprint, key, row.status, row.last_seen_ms)

    # -- one terminal ------------------------------------------------------------------------

    def _of_terminal(
        self, conn: Connection, holding: Holding, terminal: Terminal, group: Sequence[Incoming]
    ) -> list[Answer]:
        chains = Chains(conn, holding, terminal.id, terminal.thumbprint)
        answers: list[Answer] = []
        for incoming in group:
            try:
                if not _is_about_chains(incoming):
                    self._note(conn, terminal, incoming)
                elif incoming.name == "hello":
                    answers += self._hello(conn, terminal, chains, incoming)
                else:
                    answers.append(self._records(conn, terminal, chains, incoming))
            except RejectedError as error:
                rejects.keep(conn, incoming, error.reason, error.detail, terminal.id)
                if error.answer is not None:
                    answers.append(error.answer)
        return answers

    def _records(
        self, conn: Connection, terminal: Terminal, chains: Chains, incoming: Incoming
    ) -> Answer:
        try:
            batch = Batch.decode(incoming.payload)
        except MalformedError as error:
            raise RejectedError("malformed", str(error)) from error
        if terminal.status == "banned":
            placed = Placed(Verdict.BANNED, 0, _NO_LINK)
            answer = self._answer(terminal, batch.epoch, placed, batch.nonce)
            raise RejectedError("banned", "this terminal is banned", answer)
        try:
            proven = verify_batch(batch, terminal.thumbprint, terminal.key)
        except ProtocolError as error:
            placed = Placed(Verdict.BAD_SIGNATURE, 0, _NO_LINK)
            answer = self._answer(terminal, batch.epoch, placed, batch.nonce)
            raise RejectedError("bad-signature", str(error), answer) from error
        placed = chains.place(
            proven, lambda: greetings.anchor(conn, terminal.id, proven.batch.epoch)
        )
        if not terminal.seen_at(now_ms()):
            self._heard.add(terminal.id)
        return self._answer(terminal, batch.epoch, placed, batch.nonce)

    def _hello(
        self, conn: Connection, terminal: Terminal, chains: Chains, incoming: Incoming
    ) -> list[Answer]:
        try:
            hello = Hello.verify(incoming.payload, terminal.key)
        except ProtocolError as error:
            reason = "malformed" if isinstance(error, MalformedError) else "bad-signature"
            raise RejectedError(reason, str(error)) from error
        greetings.note_anchors(conn, terminal.id, hello)
        self._seen(
            conn, terminal, sealing_key=hello.sealing_key, config_number=hello.config_version
        )
        for state in hello.epochs:
            chains.note_ordinal(state.epoch, state.ordinal)
        answers = [
            Answer(terminal.device, trust=document)
            for document in greetings.trust_after(self._directory, hello.trust)
        ]
        if terminal.status == "banned":
            placed = Placed(Verdict.BANNED, 0, _NO_LINK)
            return [self._answer(terminal, _NO_EPOCH, placed, hello.nonce)]
        found = greetings.answer(hello, chains)
        if found is not None:
            state, placed = found
            answers.append(self._answer(terminal, state.epoch, placed, hello.nonce))
        return answers

    def _note(self, conn: Connection, terminal: Terminal, incoming: Incoming) -> None:
        """Keep what a terminal says of itself; hostile until shown to be a small JSON object."""
        if len(incoming.payload) > _JSON_BYTES:
            raise RejectedError("too-large", f"{incoming.name} of {len(incoming.payload)} bytes")
        try:
            said = msgspec.json.decode(incoming.payload, type=dict[str, Any])
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise RejectedError("malformed", f"{incoming.name} is no JSON object") from error
        before = conn.execute(
            select(terminals.c.last_status).where(terminals.c.id == terminal.id)
        ).scalar()
        merged = msgspec.json.decode(before or "{}", type=dict[str, Any]) | {incoming.name: said}
        # PostgreSQL holds no NUL; a backslash before it in the JSON is one that was written so.
        text = _NUL.sub(r"\1", msgspec.json.encode(merged).decode())
        values: dict[str, Any] = {"last_status": text}
        if not incoming.retained:
            values["last_seen_ms"] = now = now_ms()
            if incoming.name == "telemetry":
                self._history.note(conn, terminal.id, said, now)
        conn.execute(update(terminals).where(terminals.c.id == terminal.id).values(**values))

    def _seen(self, conn: Connection, terminal: Terminal, **said: Any) -> None:
        values = {"last_seen_ms": now_ms(), **said}
        conn.execute(update(terminals).where(terminals.c.id == terminal.id).values(**values))

    # -- nobody's ----------------------------------------------------------------------------

    def _strangers(self, conn: Connection, group: Sequence[Incoming]) -> list[Answer]:
        """Messages of a device that is not registered; it is told so, if it says who it is."""
        answers = []
        for incoming in group:
            rejects.keep(conn, incoming, "unknown-device", "no terminal has this device number")
            if incoming.name != "hello":
                continue
            try:
                hello = Hello.unverified(incoming.payload)
            except MalformedError:
                continue
            if compact(device_number(hello.terminal)) != incoming.device:
                # Anybody could have a receipt made out to another terminal.
                continue
            leaf = self._leaf(
                hello.terminal, _NO_EPOCH, Placed(Verdict.UNKNOWN, 0, _NO_LINK), hello.nonce
            )
            answers.append(Answer(incoming.device, leaf))
        return answers

    # -- answers -----------------------------------------------------------------------------

    def _answer(self, terminal: Terminal, epoch: bytes, placed: Placed, nonce: bytes) -> Answer:
        return Answer(terminal.device, self._leaf(terminal.thumbprint, epoch, placed, nonce))

    def _leaf(self, thumbprint: bytes, epoch: bytes, placed: Placed, nonce: bytes) -> Leaf:
        return Leaf(
            thumbprint,
            epoch,
            placed.seq,
            placed.link,
            now_ms(),
            self._generation,
            nonce,
            placed.verdict,
            placed.resume,
        )
