"""Who works on a platform: ingest says that it is there, and restoring waits for nobody.

A lock on a file in the platform's directory, given back by the kernel however a process ends.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cloud.errors import RefusedError


@contextmanager
def present(directory: Path, *, alone: bool) -> Iterator[int]:
    """Hold the platform in `directory`, `alone` or with others. Raises RefusedError.

    Gives the descriptor that holds it: a program that inherits it holds the platform too.
    """
    path = directory / "ingest.lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RefusedError(f"cannot open {path}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        raise RefusedError(
            f"`pointeuse cloud ingest` or `restore` is at work on {directory}: stop it first"
        ) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)
