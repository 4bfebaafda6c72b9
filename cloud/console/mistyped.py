"""What a page was sent and cannot take at all: which field it is, and the fix.

Forms say themselves what is wrong with a date or a number, beside its field. This is about what is
refused before they are asked: a text of a length that no field has, an address that was changed.
"""

from collections.abc import Mapping
from typing import Any

from cloud.languages.current import gettext as _
from cloud.languages.current import mark

FIELDS = {
    "address": mark("Address"),
    "badge_number": mark("Badge number"),
    "closing": mark("Present password"),
    "code": mark("Code"),
    "company": mark("Name of the company"),
    "date": mark("Day"),
    "day": mark("Day"),
    "device": mark("Device number"),
    "division": mark("Division"),
    "email": mark("E-mail address"),
    "employer": mark("Employer (name or VAT)"),
    "event": mark("It is told of"),
    "family_name": mark("Family name"),
    "first_day": mark("First day"),
    "from_day": mark("From"),
    "given_name": mark("Given name"),
    "inss_number": mark("INSS"),
    "last_day": mark("Last day"),
    "months": mark("Months"),
    "name": mark("Name"),
    "number": mark("Number"),
    "password": mark("Password"),
    "person": mark("Name, number or INSS"),
    "present": mark("Present password"),
    "q": mark("Search"),
    "reason": mark("Reason"),
    "scope": mark("It is shown the fields of"),
    "since": mark("First day"),
    "site": mark("Site"),
    "terminal": mark("Terminal (number or name)"),
    "time": mark("Time"),
    "until": mark("Last day"),
    "url": mark("Address"),
    "vat": mark("VAT number"),
    "what": mark("What"),
    "whole_badges": mark("It reads badge numbers whole"),
    "who": mark("Who"),
    "words": mark("Name or device number"),
    "worker": mark("Worker (name)"),
    "workplace_id": mark("Workplace id of Checkinatwork"),
}
"""What pages call the fields in which people type or tick, by the names they are sent under."""

_TYPED = {
    "string_too_long": mark("%(field)s: write %(max_length)s characters at most."),
    "string_too_short": mark("%(field)s: write %(min_length)s characters at least."),
    "too_long": mark("%(field)s: choose %(max_length)s at most."),
    "missing": mark("%(field)s: nothing was entered; fill it in."),
    "int_parsing": mark("%(field)s: write a whole number."),
    "greater_than_equal": mark("%(field)s: write a number of %(ge)s at least."),
    "less_than_equal": mark("%(field)s: write a number of %(le)s at most."),
}
"""By what `pydantic` calls the error; its `ctx` has the limits."""


def sentence(error: Mapping[str, Any]) -> str:
    """What is wrong, in the current language. `error` is one of a RequestValidationError's."""
    where = [str(part) for part in error["loc"][1:]]
    name = where[0] if where else ""
    typed = _TYPED.get(error["type"])
    if name in FIELDS and typed:
        return _(typed) % {**error.get("ctx", {}), "field": _(FIELDS[name])}
    if name:
        told = _("“%(name)s” in the address or the form is not what the page sends; open it anew.")
        return told % {"name": name}
    return _("The form did not arrive as the page sends it; open the page anew.")
