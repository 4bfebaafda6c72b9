"""Where an export comes from: the running agent, or else the file it left."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from agent.proof import pages
from agent.proof.questions import EPOCHS
from agent.queue.errors import CannotOpenError, JournalError
from agent.queue.reading import ReadOnlyJournal, open_read_only
from agent.status import ask, question
from protocol import archive, cbor
from protocol.archive import Records
from protocol.errors import KeyFileError, MalformedError
from protocol.fields import as_array, as_bytes, as_uint
from protocol.hello import EpochState
from protocol.keyfiles import load_signing_key
from protocol.keys import VerifyKey

_TRIES = 5


class NoAnswerError(JournalError):
    """The running agent does not answer as it should."""


class Source(Protocol):
    """What an exporter needs to be told."""

    key: VerifyKey

    def epochs(self) -> list[tuple[EpochState, bytes | None]]:
        """Each epoch, oldest first, and its newest receipt."""

    def trust(self, number: int) -> bytes | None:
        """A trust document, None when there are no more."""

    def receipts(self, ordinal: int, first: int) -> list[tuple[int, bytes]]:
        """Some receipts of an epoch from seq `first` on, with their seqs; none: no more."""

    def records(self, ordinal: int, first: int, last: int) -> Records | None:
        """A page of an epoch's records."""


class RunningAgent:
    """Asks over the socket in the state directory."""

    def __init__(self, state: Path) -> None:
        """Raises NoAnswerError, like every method, and MalformedError."""
        self._state = state
        self._epochs: list[tuple[EpochState, bytes | None]] = []
        ordinal = 0
        while True:
            key, found = as_array(self._ask("epochs", ordinal=ordinal), "epochs", 2)
            self.key = VerifyKey.from_cose(as_bytes(key, "a key"))
            for state, newest in (as_array(item, "an epoch", 2) for item in found):
                self._epochs.append((archive.read_state(state), newest))
                ordinal = self._epochs[-1][0].ordinal + 1
            if len(found) < EPOCHS:
                break

    def epochs(self) -> list[tuple[EpochState, bytes | None]]:
        """As Source says: as they stood when this was made."""
        return self._epochs

    def trust(self, number: int) -> bytes | None:
        """As Source says."""
        found = self._ask("trust", number=number)
        return None if found is None else as_bytes(found, "a trust document")

    def receipts(self, ordinal: int, first: int) -> list[tuple[int, bytes]]:
        """As Source says."""
        found = as_array(self._ask("receipts", ordinal=ordinal, first=first), "receipts")
        pairs = (as_array(item, "a receipt", 2) for item in found)
        return [(as_uint(seq, "seq"), as_bytes(message, "a receipt")) for seq, message in pairs]

    def records(self, ordinal: int, first: int, last: int) -> Records | None:
        """As Source says."""
        found = self._ask("records", ordinal=ordinal, first=first, last=last)
        if found is None:
            return None
        begin, rows = as_array(found, "a page", 2)
        return Records(as_uint(begin, "first"), archive.checked_rows(as_array(rows, "rows")))

    def _ask(self, want: str, **values: int) -> Any:
        line = json.dumps({"want": want, **values}).encode() + b"\n"
        try:
            for _ in range(_TRIES):
                answer = question(self._state, line)
                if not answer.startswith(b"{"):  # the status: it did not see our line in time
                    break
            return cbor.decode(answer)
        except (OSError, MalformedError) as error:
            raise _no_answer(self._state, error) from error


class StoppedAgent:
    """Reads the files of a state directory."""

    def __init__(self, state: Path, journal: ReadOnlyJournal) -> None:
        """Raises KeyFileError."""
        self._state, self._journal = state, journal
        self.key = load_signing_key(state / "identity.key").public
        self._receipts = journal.receipts()

    def epochs(self) -> list[tuple[EpochState, bytes | None]]:
        """As Source says."""
        newest = {ordinal: message for ordinal, _, message in self._receipts}
        return [
            (pages.state_of(epoch), newest.get(epoch.ordinal)) for epoch in self._journal.epochs()
        ]

    def trust(self, number: int) -> bytes | None:
        """As Source says."""
        path = self._state / "trust" / f"{number}.cbor"
        try:
            return path.read_bytes() if path.exists() else None
        except OSError as error:
            raise KeyFileError(f"cannot read {path}: {error.strerror}") from error

    def receipts(self, ordinal: int, first: int) -> list[tuple[int, bytes]]:
        """As Source says."""
        return [
            (seq, message)
            for epoch, seq, message in self._receipts
            if epoch == ordinal and seq >= first
        ]

    def records(self, ordinal: int, first: int, last: int) -> Records | None:
        """As Source says."""
        return pages.page(self._journal, ordinal, first, last)


@contextmanager
def open_source(state: Path, scratch: Path) -> Iterator[Source]:
    """The agent on `state` if it runs, its files if not.

    `scratch` is where there is room for a copy of the journal. Raises JournalError, KeyFileError.
    """
    running = _running(state)
    if running is not None:
        yield running
        return
    path = state / "journal.sqlite"
    if not path.exists():
        raise CannotOpenError(f"there is no journal in {state}, and no agent answers there")
    with open_read_only(path, scratch) as journal:
        yield StoppedAgent(state, journal)


def _running(state: Path) -> RunningAgent | None:
    try:
        ask(state)
    except (ConnectionRefusedError, FileNotFoundError):  # nobody, or a socket that was left behind
        return None
    except (OSError, ValueError) as error:
        raise _no_answer(state, error) from error
    return RunningAgent(state)


def _no_answer(state: Path, error: Exception) -> NoAnswerError:
    reason = error.strerror or error if isinstance(error, OSError) else error
    return NoAnswerError(f"the agent in {state} does not answer: {reason}; see its log")
