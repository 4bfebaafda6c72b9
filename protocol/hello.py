"""Hello: the first message of every connection, signed; what the terminal holds and believes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from protocol import cbor, cose
from protocol.errors import SignatureError
from protocol.fields import as_array, as_bytes, as_map, as_uint, version
from protocol.keys import SigningKey, VerifyKey

_AAD = b"pointeuse/1/hello"
MAX_EPOCHS = 64


@dataclass(frozen=True, slots=True)
class EpochState:
    """One retained epoch: records `first`..`head_seq`; `anchor` = link(`first`-1)."""

    epoch: bytes
    ordinal: int
    first: int
    anchor: bytes
    head_seq: int
    head_link: bytes
    acked: int


@dataclass(frozen=True, slots=True)
class Hello:
    """What a terminal says on connecting.

    `nonce` (16 bytes) binds the answer and later commands to this connection; `generation` is the
    newest receipt generation seen; `trust` the newest trust document held; `sealing_key` the raw
    X25519 public key to which configuration for this terminal is encrypted.
    """

    terminal: bytes
    nonce: bytes
    generation: int
    trust: int
    epochs: Sequence[EpochState]
    sealing_key: bytes | None = None
    config_version: int = 0

    def sign(self, key: SigningKey) -> bytes:
        """The hello as a COSE_Sign1."""
        fields: dict[int, Any] = {
            0: 1,
            1: self.terminal,
            2: self.nonce,
            3: self.generation,
            4: self.trust,
            5: [
                [e.epoch, e.ordinal, e.first, e.anchor, e.head_seq, e.head_link, e.acked]
                for e in self.epochs
            ],
            7: self.config_version,
        }
        if self.sealing_key is not None:
            fields[6] = self.sealing_key
        return cose.sign1(key, cbor.encode(fields), _AAD)

    @classmethod
    def verify(cls, message: bytes, key: VerifyKey) -> "Hello":
        """The hello that `key`, a terminal's identity key, signed for that terminal.

        Raises MalformedError, SignatureError.
        """
        payload, _ = cose.verify1(message, cose.keyring([key]), _AAD)
        hello = cls._read(payload)
        if hello.terminal != key.thumbprint:
            raise SignatureError("the hello speaks for another terminal than the one that signed")
        return hello

    @classmethod
    def unverified(cls, message: bytes) -> "Hello":
        """What a hello claims, signed by a key nobody knows. Raises MalformedError."""
        return cls._read(cose.unverified1(message))

    @classmethod
    def _read(cls, payload: bytes) -> "Hello":
        fields = as_map(cbor.decode(payload), "a hello")
        version(fields, "a hello")
        sealing_key = fields.get(6)
        return cls(
            as_bytes(fields.get(1), "terminal", 32),
            as_bytes(fields.get(2), "nonce", 16),
            as_uint(fields.get(3), "generation", 2**62),
            as_uint(fields.get(4), "trust version", 2**62),
            [_epoch(item) for item in as_array(fields.get(5), "epochs")[:MAX_EPOCHS]],
            None if sealing_key is None else as_bytes(sealing_key, "sealing key", 32),
            as_uint(fields.get(7), "config version", 2**62),
        )


def _epoch(item: object) -> EpochState:
    epoch, ordinal, first, anchor, head_seq, head_link, acked = as_array(item, "an epoch", 7)
    return EpochState(
        as_bytes(epoch, "epoch", 16),
        as_uint(ordinal, "ordinal", 2**31),
        as_uint(first, "first", 2**62),
        as_bytes(anchor, "anchor", 32),
        as_uint(head_seq, "head seq", 2**62),
        as_bytes(head_link, "head link", 32),
        as_uint(acked, "acked", 2**62),
    )
