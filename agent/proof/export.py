"""Writing all a terminal holds to one file, which anybody can then verify."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from agent.proof.sources import Source
from agent.queue.errors import JournalError
from protocol.archive import ArchiveWriter, Counts
from protocol.durable import sync_directory
from protocol.hello import EpochState

Progress = Callable[[int, int], None]
"""Told how many records are written, and how many there are."""


class ChangedError(JournalError):
    """What was to be written went while it was being written."""


def export(source: Source, path: Path, progress: Progress) -> Counts:
    """Write an archive of `source` to `path`, mode 0600, whole or not at all.

    It holds what the terminal held when it was begun. Raises JournalError, ProtocolError, OSError.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            writer = ArchiveWriter(file, source.key, time.time_ns() // 1_000_000)
            counts = _write(source, writer, progress)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
    return counts


def _write(source: Source, writer: ArchiveWriter, progress: Progress) -> Counts:
    number = 1
    while (document := source.trust(number)) is not None:
        writer.trust(document)
        number += 1
    epochs = source.epochs()
    total = sum(state.head_seq - state.first + 1 for state, _ in epochs)
    done = 0
    for state, newest in epochs:
        writer.epoch(state)
        _write_receipts(source, writer, state, newest)
        seq = state.first
        while seq <= state.head_seq:
            page = source.records(state.ordinal, seq, state.head_seq)
            if page is None or page.first != seq:
                raise ChangedError(
                    f"record {seq} of epoch {state.ordinal} is not there: it was pruned just now,"
                    " or lost; try again, and if it stays so run `pointeuse verify` on the journal"
                )
            writer.records(seq, page.rows)
            seq += len(page.rows)
            done += len(page.rows)
            progress(done, total)
    return writer.end()


def _write_receipts(
    source: Source, writer: ArchiveWriter, state: EpochState, newest: bytes | None
) -> None:
    """Those below `acked`, then the newest, which may have been thinned out since."""
    seq = 0
    while found := source.receipts(state.ordinal, seq):
        for seq, message in found:
            if seq < state.acked and message != newest:
                writer.receipt(message)
        seq += 1
        if seq > state.acked:
            break
    if newest is not None:
        writer.receipt(newest)
