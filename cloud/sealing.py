"""The platform's private sealing keys, from the files beside its trust documents."""

from pathlib import Path

from protocol.keyfiles import load_sealing_key
from protocol.seals import SealingKey


def sealing_keys(directory: Path) -> list[SealingKey]:
    """Every key a seal may have been made for: the one in use, then the retired ones.

    `directory` is the platform's. A terminal may still seal by an older trust document, and by a
    new one whose rotation was cut short: its key is there as `sealing.key.next`. Raises
    protocol.errors.KeyFileError for a key file that cannot be used.
    """
    keys = directory / "keys"
    following = keys / "sealing.key.next"
    paths = [keys / "sealing.key", *sorted(keys.glob("sealing-*.key"))]
    if following.exists():
        paths.append(following)
    return [load_sealing_key(path) for path in paths]
