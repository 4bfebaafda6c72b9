"""Numbers printed on a card, as a barcode or QR scanner reads them."""

from agent.badges.refusals import NotAnIdentityError
from protocol.badges import Assurance, Badge

LONGEST_NUMBER = 48
"""Characters of a badge number at most: what a sealed tap has room for."""
_LONGEST_WORKER = 16
_SEPARATORS = str.maketrans("", "", " .-/")


def printed_badge(number: str, employer: str | None = None, worker: str | None = None) -> Badge:
    """The badge of a printed number; separators that people print (space . - /) do not count.

    An employer that is no enterprise number, or a worker number that is too long, is left out
    rather than refused: the tap counts even so. Raises NotAnIdentityError: "not-a-number",
    "too-long", "blank".
    """
    plain = number.translate(_SEPARATORS).upper()
    if not (plain.isascii() and plain.isalnum()):
        raise NotAnIdentityError("not-a-number", "a badge number is of letters and digits")
    if len(plain) > LONGEST_NUMBER:
        raise NotAnIdentityError("too-long", f"{len(plain)} characters; {LONGEST_NUMBER} at most")
    if not plain.strip("0"):
        raise NotAnIdentityError("blank", "every digit is 0")
    return Badge(
        plain,
        "printed",
        Assurance.PRINTED,
        employer=None if employer is None else enterprise_number(employer),
        worker=None if worker is None else _worker_number(worker),
    )


def enterprise_number(text: str) -> str | None:
    """The 10 digits of a Belgian enterprise number ("BE 0403.019.261"), or None if it is none.

    The 9 digits of cards printed before 2005 get their leading zero.
    """
    digits = text.translate(_SEPARATORS).upper().removeprefix("BE")
    if not (digits.isascii() and digits.isdigit()):
        return None
    if len(digits) == 9:
        digits = "0" + digits
    return digits if len(digits) == 10 else None


def _worker_number(text: str) -> str | None:
    plain = text.translate(_SEPARATORS).upper()
    fits = plain.isascii() and plain.isalnum() and len(plain) <= _LONGEST_WORKER
    return plain if fits else None
