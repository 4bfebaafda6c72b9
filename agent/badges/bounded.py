"""A card that is given so much of the reader's time and no more.

Each answer is bounded by the protocol, and a hostile card may give hundreds of them, a second
apart: for as long, nobody else could tap.
"""

import time

from agent.badges.sessions import CardError, CardSession

MOST = 64
"""Commands for each profile tried: an honest card takes four to nine, a long file twenty."""
LONGEST_S = 5.0
"""A card that is slow takes one."""


class Bounded:
    """The session of one presentation."""

    def __init__(self, session: CardSession, profiles: int) -> None:
        """`profiles` may be tried, at least one."""
        self._session = session
        self._left = MOST * max(1, profiles)
        self._until = time.monotonic() + LONGEST_S

    def transmit(self, apdu: bytes, /) -> tuple[bytes, int]:
        """As the session's. Raises CardError ("endless") once it has been too much."""
        self._left -= 1
        if self._left < 0 or time.monotonic() > self._until:
            raise CardError("endless", "the card goes on and on, and is given up")
        return self._session.transmit(apdu)
