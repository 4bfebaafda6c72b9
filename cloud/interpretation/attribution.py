"""The attribution of a tap: by the terminal's assignment at tap time, and by the badge's owner.

The one place that decides it: first interpretation, re-interpretation and re-attribution all ask
here.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from cloud.interpretation.people import Person
from cloud.interpretation.places import Place
from cloud.registrations.reasons import Reason

_ORDER = [reason.value for reason in Reason]


class Attribution(msgspec.Struct, frozen=True):
    """Whose tap it was, where, and what is missing; the columns of a registration."""

    worker_id: int | None
    employer_id: int | None
    company_id: int | None
    division_id: int | None
    site_id: int | None
    reason: str | None
    site_let_go: bool
    employer_let_go: bool


def attribute(
    badge: Person,
    place: Place | None,
    tapped_ms: int,
    *,
    dated_ms: int,
    clock_unsure: bool,
    disputed: bool,
    row: Mapping[str, Any] | None = None,
) -> Attribution:
    """Attribute one tap; `row` is its registration, if there is one already.

    `dated_ms` is when it was as far as that is known (`cloud.registrations.dating`): it says whose
    badge it was. What a company let go of it does not get back.
    """
    person = badge.at(dated_ms)
    reasons = set(person.reasons)
    if place is None:
        reasons.add(Reason.NO_ASSIGNMENT)
    if clock_unsure:
        reasons.add(Reason.CLOCK_UNSURE)
    if disputed:
        reasons.add("disputed")
    begins, ends = person.valid_from_ms, person.valid_until_ms
    if (begins is not None and tapped_ms < begins) or (ends is not None and tapped_ms >= ends):
        reasons.add(Reason.BADGE_EXPIRED)
    known = [reason for reason in _ORDER if reason in reasons]
    words = known + sorted(str(reason) for reason in reasons if reason not in _ORDER)
    company_id = place.company_id if place else None
    restricted = badge.restricted(person.worker_id, dated_ms)
    return Attribution(
        person.worker_id,
        person.employer_id,
        company_id,
        place.division_id if place else None,
        place.site_id if place else None,
        " ".join(words) or None,
        company_id in restricted or _stays(row, "site_let_go", "company_id", company_id),
        person.employer_id in restricted
        or _stays(row, "employer_let_go", "employer_id", person.employer_id),
    )


def _stays(row: Mapping[str, Any] | None, flag: str, column: str, company: int | None) -> bool:
    """Whether the same company let go of it before."""
    return row is not None and bool(row[flag]) and company is not None and row[column] == company
