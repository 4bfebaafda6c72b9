"""Writing a file that names somebody: whole or not at all, and for its owner alone."""

import os
from pathlib import Path

from cloud.errors import InvalidError


def replace(path: Path, content: bytes) -> None:
    """Write `content` to `path`, mode 0600, in the place of what was there.

    Raises InvalidError naming the file and the reason.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(temporary, flags, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InvalidError(f"cannot write {path}: {error.strerror}") from error
