"""A backup on disk: a directory with what was saved and a manifest of hashes, whole or absent."""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import msgspec

from cloud.errors import CloudError

_MANIFEST = "manifest.json"


class BackupError(CloudError):
    """A backup cannot be made, or is not as it was made."""


class Manifest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a backup holds: `files` gives each one's SHA-256 by its path."""

    kind: str
    made_ms: int
    generation: int
    files: dict[str, str]
    v: int = 1


def write(
    out: Path, kind: str, made_ms: int, generation: int, fill: Callable[[Path], None]
) -> Manifest:
    """Make a backup at `out`, which must not exist, of what `fill` puts there. Mode 0700.

    Raises BackupError.
    """
    partial = out.with_name(f".{out.name}.partial")
    if out.exists():
        raise BackupError(f"{out} is there already: name another place")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True, mode=0o700)
        fill(partial)
        found = {str(path.relative_to(partial)): _digest(path) for path in _files(partial)}
        for path in _files(partial):
            path.chmod(0o600)
        manifest = Manifest(kind, made_ms, generation, found)
        (partial / _MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        for path in (*_files(partial), partial):
            _sync(path)
        partial.rename(out)
        _sync(out.parent)
    except OSError as error:
        raise BackupError(f"cannot write {out}: {error.strerror or error}") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return manifest


def check(path: Path) -> Manifest:
    """Verify every file of a backup. Raises BackupError."""
    try:
        manifest = msgspec.json.decode((path / _MANIFEST).read_bytes(), type=Manifest)
        there = {str(file.relative_to(path)): _digest(file) for file in _files(path)}
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(f"{path} is no backup of this platform: {error}") from error
    del there[_MANIFEST]
    if there != manifest.files:
        changed = sorted(
            name
            for name in {*there, *manifest.files}
            if there.get(name) != manifest.files.get(name)
        )
        raise BackupError(f"{path} is not as it was made: {', '.join(changed)}; use another backup")
    return manifest


def _files(path: Path) -> list[Path]:
    return sorted(file for file in path.rglob("*") if file.is_file())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
