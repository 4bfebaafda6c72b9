"""What an exporter asks a running agent over its socket, and what it is answered.

A question is one line of JSON, an answer one CBOR value of 256 KiB at most. An answer holds what a
moment of the gate gives; the exporter puts the moments together.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from agent.proof import pages
from agent.proof.pages import Journal
from protocol import archive, cbor
from protocol.keys import VerifyKey

T = TypeVar("T")
RECEIPTS = EPOCHS = 64
"""Receipts, and epochs with one each, in one answer: each may have a Merkle path of 32 hashes."""


class Answerer:
    """Answers in the status thread, by asking the gate between two commits."""

    def __init__(
        self,
        state: Path,
        key: VerifyKey,
        ask: Callable[[Callable[[], Any]], Any],
        journal: Callable[[], Journal],
    ) -> None:
        """`ask` runs a function where the journal may be used; `journal` gives the one in use."""
        self._state, self._key, self._ask, self._journal = state, key, ask, journal

    def answer(self, line: bytes) -> bytes | None:
        """The answer to a question; None when it is none of ours. Raises what the journal does."""
        try:
            asked = json.loads(line)
            want = asked["want"]
        except (ValueError, TypeError, KeyError):
            return None
        if want == "trust":
            path = self._state / "trust" / f"{int(asked['number'])}.cbor"
            return cbor.encode(path.read_bytes() if path.exists() else None)
        ordinal, first = int(asked.get("ordinal", 0)), int(asked.get("first", 0))
        if want == "epochs":
            return cbor.encode(self._ask(lambda: self._epochs(ordinal)))
        if want == "receipts":
            return cbor.encode(self._ask(lambda: self._receipts(ordinal, first)))
        if want == "records":
            last = int(asked["last"])
            found = self._ask(lambda: pages.page(self._journal(), ordinal, first, last))
            if found is None:
                return cbor.encode(None)
            return cbor.encode_in_order([found.first, [list(row) for row in found.rows]])
        return None

    def _epochs(self, first: int) -> list[Any]:
        """The key, and some epochs with their newest receipts: later ones may take their place."""
        journal = self._journal()
        newest = {ordinal: message for ordinal, _, message in journal.receipts()}
        found = [epoch for epoch in journal.epochs() if epoch.ordinal >= first][:EPOCHS]
        return [
            self._key.to_cose(),
            [
                [archive.state_fields(pages.state_of(epoch)), newest.get(epoch.ordinal)]
                for epoch in found
            ],
        ]

    def _receipts(self, ordinal: int, first: int) -> list[Any]:
        found = [
            [seq, message]
            for epoch, seq, message in self._journal().receipts()
            if epoch == ordinal and seq >= first
        ]
        return found[:RECEIPTS]
