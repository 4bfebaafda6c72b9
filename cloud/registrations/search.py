"""Narrowing registrations by what people type: names, numbers, remarks.

Each is a condition on `registrations` to be asked beside that of visibility, which it never
widens.
"""

from sqlalchemy import ColumnElement, and_, or_, select

from cloud.companies import vat as vats
from cloud.companies.tables import companies
from cloud.errors import InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.languages.current import mark
from cloud.registrations.reasons import Reason
from cloud.registrations.tables import registrations
from cloud.terminals.tables import terminals
from cloud.workers.tables import workers
from protocol.badges import Flag
from protocol.identity import compact

LATE_MS = 3_600_000
"""A registration that arrived so long after the tap is marked as late."""

REMARKS = {
    "any": mark("anything"),
    "corrected": mark("time corrected"),
    "late": mark("arrived late"),
    "BLOCKED": mark("badge blocked"),
    "UNAUTHENTIC": mark("badge not authenticated"),
    "EXPIRED": mark("badge expired"),
    "NOT_YET_VALID": mark("badge not valid yet"),
    "OTHER_PROFILE": mark("badge of another profile"),
    "LOW_ASSURANCE": mark("below the least assurance"),
    Reason.NO_ASSIGNMENT.value: mark("terminal without a site"),
    Reason.BADGE_UNLINKED.value: mark("badge of nobody"),
    Reason.BADGE_EXPIRED.value: mark("badge outside its dates"),
    Reason.WORKER_INACTIVE.value: mark("worker inactive"),
    Reason.EMPLOYER_UNKNOWN.value: mark("employer unknown"),
    Reason.EMPLOYER_INVALID.value: mark("employer number not valid"),
    Reason.CLOCK_UNSURE.value: mark("time unsure"),
    Reason.DISPUTED.value: mark("disputed"),
}
"""What may be asked for, and what screens call it."""


def of_remark(word: str) -> ColumnElement[bool]:
    """Registrations with a remark of REMARKS. Raises NotFoundError for any other word."""
    late = registrations.c.received_ms - registrations.c.tapped_ms > LATE_MS
    if word not in REMARKS:
        raise NotFoundError(_("%(word)s is no remark; choose one of the list.") % {"word": word})
    if word == "any":
        return or_(
            registrations.c.flags != 0,
            registrations.c.reason.is_not(None),
            registrations.c.corrected,
            late,
        )
    if word == "late":
        return late
    if word == "corrected":
        return registrations.c.corrected.is_(True)
    if word in Flag.__members__:
        return registrations.c.flags.op("&")(int(Flag[word])) != 0
    # A reason is some words with a space between; none of them is within another.
    return registrations.c.reason.contains(word, autoescape=True)


def of_worker(words: str) -> ColumnElement[bool]:
    """Registrations of workers in whose given or family name is each of the words."""
    found = select(workers.c.id).where(
        *(
            or_(
                *(_within(column, word) for column in (workers.c.given_name, workers.c.family_name))
            )
            for word in words.split()
        )
    )
    return registrations.c.worker_id.in_(found)


def of_employer(text: str) -> ColumnElement[bool]:
    """Registrations of workers of companies with the VAT number, or the words in the name."""
    try:
        where: ColumnElement[bool] = companies.c.vat == vats.normalise(text)
    except InvalidError:
        where = and_(*(_within(companies.c.name, word) for word in text.split()))
    return registrations.c.employer_id.in_(select(companies.c.id).where(where))


def of_terminal(text: str, visible: ColumnElement[bool]) -> ColumnElement[bool]:
    """Registrations of a terminal by device number, or of `visible` ones by words in the name."""
    named = visible & and_(*(_within(terminals.c.name, word) for word in text.split()))
    where = or_(terminals.c.device == compact("".join(text.split())).upper(), named)
    return registrations.c.terminal_id.in_(select(terminals.c.id).where(where))


def _within(column: ColumnElement[str], word: str) -> ColumnElement[bool]:
    # SQLite folds the case of ASCII letters only, so the usual ways to write a word are all asked.
    ways = sorted({word, word.lower(), word.upper(), word.capitalize()})
    return or_(*(column.icontains(way, autoescape=True) for way in ways))
