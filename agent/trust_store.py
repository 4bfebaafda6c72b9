"""The trust documents a terminal holds, and what may follow the newest.

All are kept as `trust/<number>.cbor`: the first was pinned at enrolment, each later one is signed
by the roots of the one before.
"""

from pathlib import Path

from protocol import cose, trust
from protocol.durable import write_durably
from protocol.errors import KeyFileError, ProtocolError
from protocol.keys import VerifyKey
from protocol.seals import SealingKey
from protocol.trust import Trust


class TrustStore:
    """Reads the documents of a state directory, and adds to them."""

    def __init__(self, state: Path, sealing_key: SealingKey) -> None:
        """Walk forward from document 1. Raises KeyFileError, naming the document that fails."""
        self._directory = state / "trust"
        self.sealing_key = sealing_key
        """Opens what the platform encrypts to this terminal."""
        self._newest = b""
        self._receipt_keys: dict[bytes, VerifyKey] = {}
        self._config_keys: dict[bytes, VerifyKey] = {}
        self.current = self._walk()

    @property
    def receipt_keys(self) -> list[VerifyKey]:
        """Every key that any document trusted with receipts, and the newest does not revoke.

        Receipts that were accepted long ago are signed with keys that have been replaced since.
        """
        revoked = self.current.revoked
        return [key for name, key in self._receipt_keys.items() if name not in revoked]

    @property
    def config_lookup(self) -> cose.KeyLookup:
        """Every key that any document trusted with configuration, and the newest does not revoke.

        What was adopted under a key that has been replaced since stays in force.
        """
        revoked = self.current.revoked
        return cose.keyring(key for name, key in self._config_keys.items() if name not in revoked)

    def follow(self, message: bytes) -> Trust:
        """Adopt the next document, durably; one that is held already changes nothing.

        Raises ProtocolError; OSError when it cannot be stored, and then it is not adopted.
        """
        if message == self._newest:
            return self.current
        following = trust.follow(self.current, message)
        write_durably(self._path(following.number), message)
        self.current, self._newest = following, message
        self._remember(following)
        return following

    def _remember(self, document: Trust) -> None:
        self._receipt_keys |= {key.thumbprint: key for key in document.receipt_keys}
        self._config_keys |= {key.thumbprint: key for key in document.config_keys}

    def _walk(self) -> Trust:
        number = 1
        try:
            self._newest = self._path(1).read_bytes()
            current = trust.pin(self._newest)
            self._remember(current)
            while self._path(number + 1).exists():
                number += 1
                self._newest = self._path(number).read_bytes()
                current = trust.follow(current, self._newest)
                self._remember(current)
        except OSError as error:
            raise KeyFileError(
                f"cannot read {self._path(number)}: {error.strerror}; enrol this terminal first"
            ) from error
        except ProtocolError as error:
            raise KeyFileError(f"{self._path(number)} cannot be believed: {error}") from error
        return current

    def _path(self, number: int) -> Path:
        return self._directory / f"{number}.cbor"
