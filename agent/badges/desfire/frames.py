"""DESFire commands in ISO/IEC 7816-4 APDUs, and answers put together from their frames.

    90 INS 00 00 [Lc data] 00  ->  data 91 status

A card that has more to say, or waits for more, answers status AF and is asked for it with
instruction AF. What a reader adds of ISO/IEC 7816-4 by itself (61xx: more waits; 6Cxx: ask for xx
octets) is followed too.
"""

from agent.badges.desfire.errors import MalformedError, RefusedError
from agent.badges.sessions import CardSession

OK = 0x9100
MORE = 0x91AF
NOT_FOUND = 0x91A0
WRONG_KEY = 0x91AE
CONTINUE = 0xAF
_NATIVE = 0x9100
_MORE_WAITS = 0x6100
_OTHER_LENGTH = 0x6C00
_LONGEST = 256
"""Octets that one APDU is answered with at most."""


def speak(session: CardSession, apdu: bytes) -> tuple[bytes, int]:
    """Data and status word of one APDU, with whatever the reader kept back of it.

    Raises CardError, MalformedError.
    """
    data, status = session.transmit(apdu)
    if status & 0xFF00 == _OTHER_LENGTH:
        data, status = session.transmit(apdu[:-1] + bytes([status & 0xFF]))
    while status & 0xFF00 == _MORE_WAITS:
        part, status = session.transmit(bytes([0x00, 0xC0, 0x00, 0x00, status & 0xFF]))
        data += part
        if not part or len(data) > _LONGEST:
            raise MalformedError(f"GET RESPONSE goes on after {len(data)} octets")
    return data, status


def exchange(session: CardSession, ins: int, data: bytes = b"") -> tuple[bytes, int]:
    """One command frame and the frame that answers it. Raises CardError, MalformedError."""
    body = bytes([len(data)]) + data if data else b""
    return speak(session, bytes([0x90, ins, 0x00, 0x00]) + body + b"\x00")


def command(session: CardSession, ins: int, data: bytes, longest: int) -> bytes:
    """The whole answer to a command of one frame, `longest` octets at most, as it was sent.

    Raises CardError, RefusedError, MalformedError.
    """
    answer, status = exchange(session, ins, data)
    while status == MORE:
        part, status = exchange(session, CONTINUE)
        # A card that goes on without saying anything would be followed for ever.
        if status == MORE and not part:
            raise MalformedError(f"command {ins:02X}: an empty frame before the last")
        answer += part
        if len(answer) > longest:
            break
    if len(answer) > longest:
        raise MalformedError(f"command {ins:02X}: {len(answer)} octets; {longest} at most")
    if status != OK:
        raise RefusedError(ins, status)
    return answer


def step(session: CardSession, ins: int, data: bytes, status: int) -> bytes:
    """One frame of an authentication, which must be answered with `status`.

    Raises CardError, RefusedError, MalformedError.
    """
    answer, found = exchange(session, ins, data)
    if found == status:
        return answer
    if found in (OK, MORE):
        raise MalformedError(f"command {ins:02X} was answered {found:04X} out of turn")
    raise RefusedError(ins, found)


def is_native(status: int) -> bool:
    """Whether a status word is a DESFire card's to a wrapped command."""
    return status & 0xFF00 == _NATIVE
