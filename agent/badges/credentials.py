"""The terminal's card keys: one file each, mode 0600, under the state directory.

    <state>/credentials/NAME.key    32 hexadecimal digits: an AES-128 key

A key is never printed, logged or put into a configuration; it is told apart by its check value.
All functions raise KeyFileError naming the file, the reason and the fix.
"""

import os
import re
import stat
from pathlib import Path
from typing import NoReturn

from agent.badges.desfire.crypto import ZEROS, cmac
from protocol.durable import sync_directory
from protocol.errors import KeyFileError

DIRECTORY = "credentials"
_SUFFIX = ".key"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,47}\Z")
_HEX = re.compile(rb"[0-9A-Fa-f]{32}\Z")


class Secret:
    """A key that no dump, log line or traceback shows."""

    __slots__ = ("_octets",)

    def __init__(self, octets: bytes) -> None:
        self._octets = octets

    def reveal(self) -> bytes:
        """The octets themselves."""
        return self._octets

    @property
    def check_value(self) -> str:
        """6 hexadecimal digits that tell keys apart: 3 octets of their CMAC over zeros."""
        return cmac(self._octets, ZEROS)[:3].hex().upper()

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret is not to be copied out of its process")


def parse(text: bytes, name: str) -> Secret:
    """The key in `text`, blanks around it left aside; `name` says whose it is to be."""
    digits = text.strip()
    if not _HEX.match(digits):
        raise KeyFileError(f"{name}: expected 32 hexadecimal digits, an AES-128 key")
    return Secret(bytes.fromhex(digits.decode("ascii")))


class Credentials:
    """The keys of one terminal."""

    def __init__(self, state: Path) -> None:
        """`state` is the terminal's state directory."""
        self.directory = state / DIRECTORY

    def names(self) -> list[str]:
        """The names of the keys there are."""
        return sorted(path.name.removesuffix(_SUFFIX) for path in self._paths())

    def key(self, name: str) -> Secret:
        """The key of that name; the file must be closed to others."""
        path = self._path(name)
        try:
            with path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode & 0o077:
                    raise KeyFileError(
                        f"{path} is open to others (mode {mode:04o}): chmod 600 {path}"
                    )
                text = file.read(128)
        except FileNotFoundError:
            raise KeyFileError(
                f"there is no key {name!r}: `pointeuse agent credentials set {name}`"
            ) from None
        except OSError as error:
            raise KeyFileError(
                f"cannot read {path} ({error.strerror}): let whom the agent runs as own it"
            ) from error
        return parse(text, str(path))

    def has(self, name: str) -> bool:
        """Whether there is a key of that name, good or bad."""
        return self._path(name).exists()

    def set(self, name: str, secret: Secret, *, replace: bool = False) -> bool:
        """Store a key; False if it was there already. Another one is kept unless `replace`."""
        path = self._path(name)
        if self.has(name) and not replace:
            if self.key(name).reveal() == secret.reveal():
                return False
            raise KeyFileError(f"{path} holds another key; to put this one in its place: --replace")
        try:
            self._write(path, secret.reveal().hex().upper().encode() + b"\n")
        except OSError as error:
            raise KeyFileError(f"cannot write {path}: {error.strerror}") from error
        return True

    def _write(self, path: Path, content: bytes) -> None:
        self.directory.mkdir(mode=0o700, exist_ok=True)
        owner = self.directory.parent.stat()
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                if os.geteuid() == 0:
                    # Whoever the agent runs as owns the state directory, and must read this.
                    os.chown(self.directory, owner.st_uid, owner.st_gid)
                    os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)
        sync_directory(self.directory)

    def _path(self, name: str) -> Path:
        if not _NAME.match(name):
            raise KeyFileError(
                f"a key named {name!r}: expected up to 48 of a-z 0-9 . _ -, a letter or digit first"
            )
        return self.directory / f"{name}{_SUFFIX}"

    def _paths(self) -> list[Path]:
        return [path for path in self.directory.glob(f"*{_SUFFIX}") if path.name[0] != "."]
