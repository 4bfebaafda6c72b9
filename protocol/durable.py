"""Files and names that are whole after a power cut."""

import os
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Make names created, renamed or removed in a directory durable. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_durably(path: Path, content: bytes) -> None:
    """Put `content` at `path`: all of it or nothing, whatever was there before. Raises OSError."""
    temporary = path.with_name(f"{path.name}.new")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    # Without this a power cut may take the name back, and what follows would hang in the air.
    sync_directory(path.parent)
