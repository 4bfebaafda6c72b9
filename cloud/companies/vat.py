"""VAT numbers, and the enterprise numbers on badges, which are Belgian ones without `BE`."""

import string

from stdnum.be import vat as belgian
from stdnum.eu import vat as european
from stdnum.exceptions import ValidationError

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark

_SEPARATORS = str.maketrans("", "", " .-/()\u00a0\u202f")
_ALLOWED = frozenset(string.ascii_uppercase + string.digits + "+*")
_MAX = 20

_REASONS = (
    mark("the number has an invalid length"),
    mark("the number has an invalid format"),
    mark("the number's checksum or check digit is invalid"),
    mark("one of the parts of the number are invalid or unknown"),
)
"""What stdnum may say, for the catalogues."""


def normalise(text: str) -> str:
    """A VAT number with its country and without separators: `BE0403019261`. Raises InvalidError.

    A number without a country is Belgian; nine digits are an old one, without its leading 0.
    """
    number = compact(text)
    if not number:
        raise InvalidError(_("the VAT number is empty; give one such as BE 0403.019.261"))
    if len(number) > _MAX or not _ALLOWED.issuperset(number):
        raise InvalidError(
            _("%(text)s is not a VAT number; write one as BE 0403.019.261")
            % {"text": repr(text[:40])}
        )
    country = number[:2] if number[:2].isalpha() else "BE"
    if country == "BE":
        return "BE" + _belgian(text, number.removeprefix("BE"))
    if country == "GR":
        number = "EL" + number[2:]
    try:
        found: str = european.validate(number)
    except (ValidationError, ValueError) as error:
        raise InvalidError(
            _("%(text)s is not a VAT number of the European Union: %(reason)s")
            % {"text": repr(text), "reason": _reason(error)}
        ) from None
    return found


def compact(text: str) -> str:
    """A number, or a part of one, without the separators that people write."""
    return text.strip().upper().translate(_SEPARATORS)


def from_enterprise_number(number: str) -> str:
    """The VAT number of an enterprise number as badges hold it (10 digits). Raises InvalidError."""
    digits = number.strip().translate(_SEPARATORS)
    if not (digits.isascii() and digits.isdigit()):
        raise InvalidError(
            _("%(text)s is not an enterprise number: it is 10 digits") % {"text": repr(number[:40])}
        )
    return "BE" + _belgian(number, digits)


def shown(vat: str) -> str:
    """A normalised VAT number as people write it: `BE 0403.019.261`, `NL 004495445B01`."""
    country, rest = vat[:2], vat[2:]
    if country == "BE":
        return f"BE {rest[:4]}.{rest[4:7]}.{rest[7:]}"
    return f"{country} {rest}"


def _belgian(text: str, digits: str) -> str:
    try:
        found: str = belgian.validate(digits)
    except (ValidationError, ValueError) as error:
        raise InvalidError(
            _("%(text)s is not a Belgian VAT number: %(reason)s")
            % {"text": repr(text), "reason": _reason(error)}
        ) from None
    # They are 97 - (the other digits modulo 97), so 01 to 97; stdnum takes 00, 98 and 99 as well.
    if not 1 <= int(found[8:]) <= 97:
        raise InvalidError(
            _("%(text)s is not a Belgian VAT number: %(reason)s")
            % {"text": repr(text), "reason": _("its check digits do not fit")}
        )
    return found


def _reason(error: Exception) -> str:
    reason = str(error).rstrip(".")
    return _(reason[:1].lower() + reason[1:])
