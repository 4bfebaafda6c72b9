"""Which epochs this terminal has begun: a line each in a file beside the journal.

The journal may be lost whole. Then this is what remains to say which epoch it held, and which
ordinal comes next.
"""

import logging
import os
from pathlib import Path

from protocol.durable import sync_directory

_log = logging.getLogger("pointeuse.journal")
_TOO_LARGE = 1 << 22
"""No ordinal from here on has a place in a journal (`agent.queue.rows`), nor room after it."""


class EpochLog:
    """`epochs.log`: ordinal and epoch (32 hexadecimal digits) in each line."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def entries(self) -> list[tuple[int, bytes]]:
        """Every epoch that can be read, oldest first; lines that cannot are passed over."""
        try:
            lines = self._path.read_bytes().split(b"\n")
        except OSError:
            return []
        found = (_entry(line) for line in lines)
        return sorted(entry for entry in found if entry is not None)

    def add(self, ordinal: int, epoch: bytes) -> None:
        """Note an epoch, unless it stands there. A disk that fails only costs this line."""
        if (ordinal, epoch) in self.entries():
            return
        try:
            with self._path.open("ab") as file:
                # A line that a power cut tore must not take this one with it.
                file.write(b"\n%d %s\n" % (ordinal, epoch.hex().encode()))
                file.flush()
                os.fsync(file.fileno())
            sync_directory(self._path.parent)
        except OSError as error:
            _log.warning("cannot note epoch %d in %s: %s", ordinal, self._path, error.strerror)


def _entry(line: bytes) -> tuple[int, bytes] | None:
    parts = line.split(b" ")
    try:
        ordinal, epoch = int(parts[0]), bytes.fromhex(parts[1].decode("ascii"))
    except (ValueError, IndexError):
        return None
    return (ordinal, epoch) if 0 < ordinal < _TOO_LARGE and len(epoch) == 16 else None
