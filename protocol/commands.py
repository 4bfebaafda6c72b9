"""Commands from the platform: signed, for one terminal, one connection and one time.

Bound to the nonce of the connection's hello and to a counter that only rises: no clock is needed
for a command to expire.
"""

from dataclasses import dataclass, field

from protocol import cbor, cose
from protocol.errors import SignatureError
from protocol.fields import as_array, as_bytes, as_map, as_text, as_uint, version
from protocol.keys import SigningKey

_AAD = b"pointeuse/1/command"


@dataclass(frozen=True, slots=True)
class Command:
    """One command: a name and text arguments."""

    terminal: bytes
    nonce: bytes
    counter: int
    name: str
    arguments: tuple[str, ...] = field(default=())

    def sign(self, key: SigningKey) -> bytes:
        """The command as a COSE_Sign1."""
        payload = cbor.encode(
            {
                0: 1,
                1: self.terminal,
                2: self.nonce,
                3: self.counter,
                4: self.name,
                5: list(self.arguments),
            }
        )
        return cose.sign1(key, payload, _AAD)

    @classmethod
    def verify(
        cls,
        message: bytes,
        lookup: cose.KeyLookup,
        *,
        terminal: bytes,
        nonce: bytes,
        after: int,
    ) -> "Command":
        """The command, if it is for this terminal, this connection, and later than `after`.

        Raises MalformedError, SignatureError.
        """
        payload, _ = cose.verify1(message, lookup, _AAD)
        fields = as_map(cbor.decode(payload), "a command")
        version(fields, "a command")
        command = cls(
            as_bytes(fields.get(1), "terminal", 32),
            as_bytes(fields.get(2), "nonce", 16),
            as_uint(fields.get(3), "counter", 2**62),
            as_text(fields.get(4), "name", 32),
            tuple(as_text(item, "an argument") for item in as_array(fields.get(5), "arguments")),
        )
        if command.terminal != terminal:
            raise SignatureError("this command is for another terminal")
        if command.nonce != nonce:
            raise SignatureError("this command is for an earlier connection")
        if command.counter <= after:
            raise SignatureError(f"command {command.counter} was already seen (last: {after})")
        return command
