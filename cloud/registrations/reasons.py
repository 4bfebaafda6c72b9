"""Why a registration is not wholly attributed: the words in its `reason`, and what to do."""

from enum import StrEnum

from cloud.languages.current import gettext as _
from cloud.languages.current import mark


class Reason(StrEnum):
    """What is missing. Several are joined by a space, in this order."""

    NO_ASSIGNMENT = "no-assignment"
    """The terminal was assigned to no site when the badge was presented."""
    BADGE_UNLINKED = "badge-unlinked"
    """The badge belongs to no worker yet."""
    BADGE_EXPIRED = "badge-expired"
    """The badge was presented outside the dates it is valid."""
    WORKER_INACTIVE = "worker-inactive"
    """The worker is not active in the company."""
    EMPLOYER_UNKNOWN = "employer-unknown"
    """Neither the worker nor the badge names an employer."""
    EMPLOYER_INVALID = "employer-invalid"
    """The badge names an employer by a number that cannot be one."""
    CLOCK_UNSURE = "clock-unsure"
    """The terminal's clock was not set, and no later record corrects it."""
    DISPUTED = "disputed"
    """The terminal was revoked; a person has to say whether what it sent since is true."""

    @property
    def advice(self) -> str:
        """One sentence for a person: what was found, and the fix."""
        return _(_ADVICE[self])


_ADVICE = {
    Reason.NO_ASSIGNMENT: mark(
        "The terminal had no site at that time: assign it, from a date before."
    ),
    Reason.BADGE_UNLINKED: mark("The badge belongs to nobody yet: link it to a worker."),
    Reason.BADGE_EXPIRED: mark("The badge was not valid at that time: check its dates."),
    Reason.WORKER_INACTIVE: mark("The worker is inactive: activate the worker if that is wrong."),
    Reason.EMPLOYER_UNKNOWN: mark("No employer is known: link the badge to a worker of a company."),
    Reason.EMPLOYER_INVALID: mark("The employer number on the badge is not valid: link the badge."),
    Reason.CLOCK_UNSURE: mark("The terminal's clock was not set: the time may be wrong."),
    Reason.DISPUTED: mark("The terminal was revoked: what it sent since is not trusted."),
}


def explain(reason: str) -> str:
    """The advice for a stored `reason`; a word this code does not know is shown as it is."""
    known = {member.value: member for member in Reason}
    return " ".join(known[word].advice if word in known else word for word in reason.split())
