"""PC/SC as typed calls: contexts, readers, card sessions. Only `smartcard.scard` is used.

pyscard's own monitors die silently when pcscd restarts, and a context from before a restart never
works again: every error here says whether the context is lost, so that the caller makes a new one.
"""

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from agent.badges.sessions import CardError
from agent.readers.base import ReaderUnavailableError

try:
    from smartcard import scard
except ImportError as error:
    raise ReaderUnavailableError(
        "a reader of kind pcsc needs pyscard: install pointeuse[pcsc], after the Debian packages"
        " pcscd libpcsclite-dev swig gcc python3-dev"
    ) from error

PNP = r"\\?PnP?\Notification"
"""The pseudo-reader whose state changes when a reader comes or goes."""

_ESTABLISH = "SCardEstablishContext"
_DISAGREEMENT_S = 0.05
_VERSION = 4

_DENIED = {scard.SCARD_W_SECURITY_VIOLATION, scard.SCARD_E_NO_ACCESS}
"""Of a new context, that polkit refused; later, that pcscd closed the connection."""
_AWAY = {
    scard.SCARD_E_NO_SERVICE,
    scard.SCARD_E_SERVICE_STOPPED,
    scard.SCARD_E_INVALID_HANDLE,
    scard.SCARD_F_COMM_ERROR,
}
_LOST = {*_AWAY, *_DENIED, scard.SCARD_F_INTERNAL_ERROR}
_REMOVED = {
    scard.SCARD_W_REMOVED_CARD,
    scard.SCARD_W_UNPOWERED_CARD,
    scard.SCARD_E_NO_SMARTCARD,
    scard.SCARD_E_NOT_TRANSACTED,
    scard.SCARD_E_READER_UNAVAILABLE,
    scard.SCARD_E_UNKNOWN_READER,
}
_NO_INFORMATION = 0x6300
"""What readers answer by themselves for a card that left the field."""
_BUSY = {scard.SCARD_E_SHARING_VIOLATION, scard.SCARD_W_RESET_CARD}


class ServiceError(Exception):
    """pcscd is away or refuses: this context is of no more use."""

    def __init__(self, call: str, code: int) -> None:
        """`code` is the SCARD_ value that `call` returned."""
        super().__init__(_failure(call, code))
        self.call = call
        self.code = code

    @property
    def away(self) -> bool:
        """Whether pcscd does not run, or no longer."""
        return self.code in _AWAY or (self.code in _DENIED and self.call != _ESTABLISH)

    @property
    def denied(self) -> bool:
        """Whether pcscd runs, but not for this user."""
        return self.code in _DENIED and self.call == _ESTABLISH


def _card_error(call: str, code: int) -> CardError:
    if code in _REMOVED:
        return CardError("pulled-away", _failure(call, code))
    return CardError("busy" if code in _BUSY else "mute", _failure(call, code))


def _failure(call: str, code: int) -> str:
    return f"{call}: {scard.SCardGetErrorMessage(code)} ({code & 0xFFFFFFFF:#010x})"


@dataclass(frozen=True, slots=True)
class Slot:
    """What PC/SC knows of a reader at one moment."""

    state: int
    """SCARD_STATE_ bits, with a count of insertions and removals in the upper 16."""
    atr: bytes = b""

    @property
    def present(self) -> bool:
        """Whether a card is there."""
        return bool(self.state & scard.SCARD_STATE_PRESENT)

    @property
    def events(self) -> int:
        """The count of insertions and removals, modulo 65536."""
        return self.state >> 16 & 0xFFFF


class Context:
    """A connection to pcscd, for one thread; use it in a `with` block."""

    def __init__(self) -> None:
        """Raises ServiceError."""
        code, self._handle = scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM)
        if code != scard.SCARD_S_SUCCESS:
            raise ServiceError(_ESTABLISH, code)
        self._pnp = int(scard.SCARD_STATE_UNAWARE)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        scard.SCardReleaseContext(self._handle)

    def readers(self) -> list[str]:
        """The names of all readers. Raises ServiceError."""
        try:
            code, names = scard.SCardListReaders(self._handle, [])
        except SystemError as error:
            # What pyscard makes of a context that is no longer one.
            raise ServiceError("SCardListReaders", scard.SCARD_E_INVALID_HANDLE) from error
        if code == scard.SCARD_E_NO_READERS_AVAILABLE:
            return []
        if code != scard.SCARD_S_SUCCESS:
            raise ServiceError("SCardListReaders", code)
        return list(names)

    def wait(self, known: dict[str, Slot], timeout_ms: int) -> dict[str, Slot]:
        """The slots as they are, as soon as one is not as `known` or readers come or go.

        Empty when nothing changed in `timeout_ms`, or when a reader named in `known` is gone.
        Raises ServiceError.
        """
        asked = [(name, slot.state) for name, slot in known.items()]
        asked.append((PNP, self._pnp))
        code, answers = scard.SCardGetStatusChange(self._handle, timeout_ms, asked)
        if code == scard.SCARD_E_UNKNOWN_READER:
            # Answered at once, and perhaps again before pcscd's list of readers agrees.
            time.sleep(_DISAGREEMENT_S)
            return {}
        if code in (scard.SCARD_E_TIMEOUT, scard.SCARD_E_CANCELLED):
            return {}
        if code != scard.SCARD_S_SUCCESS:
            raise ServiceError("SCardGetStatusChange", code)
        slots = {
            name: Slot(state & ~scard.SCARD_STATE_CHANGED, bytes(atr))
            for name, state, atr in answers
        }
        self._pnp = slots.pop(PNP).state
        return slots

    def firmware(self, reader: str) -> str | None:
        """The version of a reader's own firmware, where it tells (PC/SC part 3, 3.1.2).

        Raises ServiceError.
        """
        code, card, _ = scard.SCardConnect(self._handle, reader, scard.SCARD_SHARE_DIRECT, 0)
        if code in _LOST:
            raise ServiceError("SCardConnect", code)
        if code != scard.SCARD_S_SUCCESS:
            return None
        try:
            code, octets = scard.SCardGetAttrib(card, scard.SCARD_ATTR_VENDOR_IFD_VERSION)
        finally:
            scard.SCardDisconnect(card, scard.SCARD_LEAVE_CARD)
        if code != scard.SCARD_S_SUCCESS or len(octets) != _VERSION:
            return None
        # 0xMMmmbbbb in the order of the machine; CCID readers count major and minor in BCD.
        version = int.from_bytes(bytes(octets), sys.byteorder)
        return f"{version >> 24:X}.{version >> 16 & 0xFF:02X}"

    def connect(self, reader: str) -> "CardSession":
        """Speak to the card in `reader`. Raises CardError, ServiceError."""
        code, card, protocol = scard.SCardConnect(
            self._handle,
            reader,
            scard.SCARD_SHARE_SHARED,
            scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1,
        )
        _check("SCardConnect", code)
        return CardSession(card, protocol)


class CardSession:
    """A card that can be spoken to; use it in a `with` block."""

    def __init__(self, card: Any, protocol: int) -> None:
        self._card = card
        self._protocol = protocol

    def __enter__(self) -> Self:
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        # A card that failed to answer is selected anew by whoever speaks to it next.
        left = scard.SCARD_LEAVE_CARD if error is None else scard.SCARD_UNPOWER_CARD
        scard.SCardDisconnect(self._card, left)

    def transmit(self, apdu: Sequence[int], /) -> tuple[bytes, int]:
        """Data and status word (ISO/IEC 7816-4, 5.3) of a command.

        Raises CardError, ServiceError.
        """
        code, answer = scard.SCardTransmit(self._card, self._protocol, list(apdu))
        _check("SCardTransmit", code)
        if len(answer) < 2:
            # Some drivers report a card that went as an empty answer and success.
            raise removed("SCardTransmit")
        data, status = bytes(answer[:-2]), answer[-2] << 8 | answer[-1]
        if status == _NO_INFORMATION and not data:
            raise removed("SCardTransmit")
        return data, status


def removed(call: str) -> CardError:
    """The error of a card that went during `call`."""
    return _card_error(call, scard.SCARD_W_REMOVED_CARD)


def _check(call: str, code: int) -> None:
    if code in _LOST:
        raise ServiceError(call, code)
    if code != scard.SCARD_S_SUCCESS:
        raise _card_error(call, code)
