"""Why a record is kept but not understood, and why a message was refused, in words for people.

A reason is one word in the database; here it becomes a text, marked for the catalogues, that stands
after a colon. A word that is not known here, of another version, stands for itself.
"""

from cloud.languages.current import mark

WAITING = {
    "no-key": mark("the platform has no key that opens what the terminal sealed"),
    "seal-missing": mark("the record with the key to who tapped has not arrived"),
    "wrong-blob": mark("the sealed part does not belong to the record"),
    "undecodable": mark("what the terminal wrote cannot be read"),
    "unknown-kind": mark("the terminal's program is newer than the platform"),
    "erased": mark("who tapped was erased"),
    "failed": mark("the platform failed on it"),
}
"""Of `waiting`: what `cloud.interpretation` could not do."""

REFUSED = {
    "malformed": mark("what came is no message of a terminal"),
    "bad-signature": mark("the signature is not the terminal's"),
    "banned": mark("the terminal was banned"),
    "unknown-device": mark("the terminal was not registered yet"),
    "too-large": mark("what came is longer than a message may be"),
    "unstorable": mark("the database could not keep it"),
}
"""Of `rejected`: why `cloud.ingest` did not take it into custody."""


def waiting(reason: str) -> str:
    """Why a record waits: a text to be translated where it is shown."""
    return WAITING.get(reason, reason)


def refused(reason: str) -> str:
    """Why a message was refused: a text to be translated where it is shown."""
    return REFUSED.get(reason, reason)
