"""The two frames of an AES authentication that EV1 and EV2 have in common."""

import hmac

from agent.badges.desfire import crypto
from agent.badges.desfire.errors import MalformedError, RefusedError, UnauthenticError
from agent.badges.desfire.frames import CONTINUE, MORE, OK, WRONG_KEY, step
from agent.badges.sessions import CardSession


def challenge(session: CardSession, ins: int, header: bytes) -> bytes:
    """The card's encrypted RndB, 16 octets. Raises CardError, RefusedError, MalformedError."""
    sent = step(session, ins, header, MORE)
    if len(sent) != crypto.BLOCK:
        raise MalformedError(f"a challenge of {len(sent)} octets; it has {crypto.BLOCK}")
    return sent


def proof(session: CardSession, token: bytes, length: int) -> bytes:
    """The card's encrypted answer, `length` octets, to our encrypted RndA and rotated RndB.

    Raises CardError, RefusedError, MalformedError, UnauthenticError.
    """
    try:
        sent = step(session, CONTINUE, token, OK)
    except RefusedError as error:
        if error.status == WRONG_KEY:
            raise UnauthenticError("wrong-key", "the card does not know our key") from error
        raise
    if len(sent) != length:
        raise MalformedError(f"a proof of {len(sent)} octets; it has {length}")
    return sent


def check(shown: bytes, rnd_a: bytes) -> None:
    """Whether the card could decrypt RndA. Raises UnauthenticError."""
    if not hmac.compare_digest(crypto.rotated(rnd_a), shown):
        raise UnauthenticError("wrong-key", "the card does not prove that it knows the key")
