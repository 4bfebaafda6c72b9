"""Directories and files as provisioning leaves them: private, durable, owned by who will read them.

All functions raise ProvisioningError.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from protocol.errors import KeyFileError
from protocol.keyfiles import save_secret
from provisioning.errors import ProvisioningError


def private_directory(path: Path) -> None:
    """Make `path`, mode 0700; an existing one must be closed to others already."""
    try:
        if not path.is_dir():
            path.mkdir(mode=0o700, parents=True)
            hand_over(path)
        mode = stat.S_IMODE(path.stat().st_mode)
    except OSError as error:
        raise ProvisioningError(f"cannot make directory {path}: {error.strerror}") from error
    # Not closed for them: it may be a directory that others need.
    if mode & 0o077:
        raise ProvisioningError(
            f"{path} is open to others (mode {mode:04o}); name a new directory,"
            f" or, if nobody else needs it, chmod 700 {path}"
        )


def hand_over(path: Path) -> None:
    """Give `path` to the owner of its directory, when we are root and may.

    An installer provisions as root; the agent runs as the user who owns its state directory.
    """
    if os.geteuid() != 0:
        return
    owner = path.parent.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def write_public(path: Path, content: bytes | str) -> None:
    """Write a file anybody may read, whole or not at all, in place of an earlier one."""
    data = content.encode() if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        hand_over(temporary)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise ProvisioningError(f"cannot write {path}: {error.strerror}") from error


def read(path: Path, what: str) -> bytes:
    """The content of `path`; `what` names it, and how to come by it, in the error."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProvisioningError(f"cannot read {path} ({what}): {error.strerror}") from error


def keep_or_make(path: Path, make: Callable[[], bytes]) -> bool:
    """Write what `make` returns to `path`, mode 0600, unless it is there; whether it was made."""
    if path.exists():
        return False
    try:
        save_secret(path, make())
        hand_over(path)
    except KeyFileError as error:
        raise ProvisioningError(str(error)) from error
    return True


def give(directory: Path, uid: int, gid: int) -> None:
    """Give a directory and the files in it to a user; nothing when they are that user's already."""
    try:
        for path in (directory, *directory.iterdir()):
            if path.stat().st_uid != uid:
                os.chown(path, uid, gid)
    except OSError as error:
        raise ProvisioningError(
            f"cannot give {directory} to user number {uid}: {error.strerror}; run this as root"
        ) from error
