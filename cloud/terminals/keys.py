"""Reading a terminal's public identity key, as people hand it over."""

from pathlib import Path

from cloud.errors import InvalidError
from protocol.errors import KeyFileError, MalformedError
from protocol.keyfiles import load_public_key
from protocol.keys import VerifyKey


def from_hex(text: str) -> VerifyKey:
    """A COSE_Key in hexadecimal, as `pointeuse provision` prints it. Raises InvalidError."""
    try:
        return VerifyKey.from_cose(bytes.fromhex(text))
    except (ValueError, MalformedError) as error:
        raise InvalidError(
            f"the public key {text[:16]!r}... cannot be read ({error});"
            " copy it from `pointeuse provision show --json`"
        ) from None


def from_file(path: Path) -> VerifyKey:
    """A public key in a file, in any of the forms of `load_public_key`. Raises InvalidError."""
    try:
        return load_public_key(path)
    except KeyFileError as error:
        raise InvalidError(str(error)) from None


def is_hex(text: str) -> bool:
    """Whether `text` is hexadecimal and nothing else."""
    return bool(text) and all(character in "0123456789abcdefABCDEF" for character in text)
