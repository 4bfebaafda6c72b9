"""The attribution of a tap: by the terminal's assignment at tap time, and by the badge's owner.

The one place that decides it: first interpretation, re-interpretation and re-attribution all ask
here.
"""

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


def attribute(
    person: Person, place: Place | None, tapped_ms: int, *, clock_unsure: bool, disputed: bool
) -> Attribution:
    """Attribute one tap."""
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
    return Attribution(
        person.worker_id,
        person.employer_id,
        place.company_id if place else None,
        place.division_id if place else None,
        place.site_id if place else None,
        " ".join(words) or None,
    )
