"""Employer numbers as badges carry them."""

from cloud.companies import vat
from cloud.errors import InvalidError

INVALID = "?"
"""Stands before a number that no company can have, kept for whoever looks into it."""


def employer_vat(number: str | None) -> str | None:
    """The VAT number of an enterprise number; `?` and the number when it cannot be one."""
    if number is None:
        return None
    try:
        return vat.from_enterprise_number(number)
    except InvalidError:
        return INVALID + number
