"""The number by which Belgian social security knows a person (INSS: NISS, INSZ, or BIS number)."""

import re

from stdnum.be import bis, nn
from stdnum.exceptions import ValidationError

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

_SEPARATORS = re.compile(r"[\s.\-/]")


def normalise(text: str) -> str:
    """Its 11 digits. Raises InvalidError, whose message does not repeat the number.

    The check number is 97 - (the nine digits before it modulo 97), the nine prefixed by 2 for who
    was born in 2000 or later; a BIS number adds 20 or 40 to the month.
    """
    digits = _SEPARATORS.sub("", text)
    if not re.fullmatch(r"[0-9]{11}", digits):
        raise InvalidError(
            _("the INSS is 11 digits, such as 85.07.30-033.28; copy them from the identity card")
        )
    # 97 - x lies between 1 and 97; stdnum takes 00 for 97.
    if not 1 <= int(digits[9:]) <= 97 or not (_valid(nn, digits) or _valid(bis, digits)):
        raise InvalidError(
            _(
                "the INSS is not valid: its check digits or its date do not fit; compare it with"
                " the identity card, or leave it out"
            )
        )
    return digits


def masked(digits: str) -> str:
    """An INSS as screens show it: the day of birth hidden, and half of the rest."""
    return f"••.••.••-{digits[6:9]}.••"


def _valid(kind: object, digits: str) -> bool:
    try:
        kind.validate(digits)  # type: ignore[attr-defined]
    except ValidationError:
        return False
    return True
