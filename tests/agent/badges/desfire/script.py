"""Published known answers, and sessions that play them back."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from agent.badges.sessions import CardError

VECTORS: dict[str, dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("vectors.toml").read_text()
)


def vector(table: str, name: str) -> bytes:
    return bytes.fromhex(VECTORS[table][name])


class Script:
    """A card that answers each APDU with the next of `answers`, whatever it was asked.

    None for a card that is pulled away; after the last answer it is gone too.
    """

    def __init__(self, answers: Iterable[tuple[bytes, int] | None]) -> None:
        self._answers = iter(answers)
        self.sent: list[bytes] = []

    def transmit(self, apdu: bytes, /) -> tuple[bytes, int]:
        self.sent.append(bytes(apdu))
        answer = next(self._answers, None)
        if answer is None:
            raise CardError("pulled-away", "the script is over")
        return answer


def handshake(table: str) -> list[tuple[bytes, int] | None]:
    """The card's two frames of a published authentication."""
    return [(vector(table, "encrypted_rnd_b"), 0x91AF), (vector(table, "card_reply"), 0x9100)]
