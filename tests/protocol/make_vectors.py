"""Writes protocol/vectors/*.json: known answers for whoever writes another terminal or platform.

    python -m tests.protocol.make_vectors [FILE...]

Accepting vectors hold a message, the keys and what must come out; rejecting ones hold a message and
the error it must meet. Randomness is part of the vectors, so they are made once and then kept: the
test replays the files, and does not make them.
"""

import json
import sys
from pathlib import Path
from typing import Any

import protocol
from tests.protocol import vectors_of_messages, vectors_of_records

DIRECTORY = Path(protocol.__file__).parent / "vectors"


def hexed(value: Any) -> Any:
    """Bytes as hexadecimal, all the way down."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {key: hexed(item) for key, item in value.items()}
    return [hexed(item) for item in value] if isinstance(value, list | tuple) else value


FILES = {
    "archives": vectors_of_messages.archives,
    "identity": vectors_of_records.identities,
    "cbor": vectors_of_records.cbors,
    "bodies": vectors_of_records.bodies,
    "heads": vectors_of_records.heads,
    "seals": vectors_of_records.sealed,
    "batches": vectors_of_messages.conversation,
    "disclosures": vectors_of_messages.disclosures,
    "receipts": vectors_of_messages.receipts,
    "trust": vectors_of_messages.trusted,
    "rosters": vectors_of_messages.blocked,
}

if __name__ == "__main__":
    DIRECTORY.mkdir(exist_ok=True)
    for name in sys.argv[1:] or FILES:
        text = json.dumps(hexed(FILES[name]()), indent=1)
        (DIRECTORY / f"{name}.json").write_text(text + "\n")
