"""A registration as interpretation makes it, before it is written."""

from collections.abc import Mapping
from typing import Any

import msgspec

from cloud.interpretation import times
from cloud.interpretation.attribution import Attribution, attribute
from cloud.interpretation.people import Person
from cloud.interpretation.places import Place
from cloud.interpretation.times import When
from cloud.interpretation.unsealing import Tap
from cloud.registrations.dating import dated_ms
from cloud.registrations.reasons import Reason
from protocol.bodies import Body, Direction, Time

COLUMNS = (
    "epoch_id", "seq", "terminal_id", "reader", "badge_id", "assurance", "flags", "direction",
    "received_ms", "tapped_ms", "earliest_ms", "latest_ms", "corrected", "worker_id",
    "employer_id", "company_id", "division_id", "site_id", "reason", "site_let_go",
    "employer_let_go",
)  # fmt: skip


class Draft(msgspec.Struct, frozen=True):
    """A registration as interpretation makes it."""

    epoch_id: int
    seq: int
    terminal_id: int
    reader: str | None
    badge_id: int
    assurance: int
    flags: int
    direction: str
    received_ms: int
    when: When
    attribution: Attribution

    def row(self) -> tuple[Any, ...]:
        """The row: the values of COLUMNS."""
        when, attribution = self.when, self.attribution
        return (
            self.epoch_id, self.seq, self.terminal_id, self.reader, self.badge_id,
            self.assurance, self.flags, self.direction, self.received_ms,
            when.tapped_ms, when.earliest_ms, when.latest_ms, when.corrected,
            attribution.worker_id, attribution.employer_id, attribution.company_id,
            attribution.division_id, attribution.site_id, attribution.reason,
            attribution.site_let_go, attribution.employer_let_go,
        )  # fmt: skip

    def values(self) -> dict[str, Any]:
        """The values by their columns."""
        return dict(zip(COLUMNS, self.row(), strict=True))


def draft(
    tap: Tap,
    terminal_id: int,
    when: When,
    person: Person,
    place: Place | None,
    *,
    disputed: bool,
    row: Mapping[str, Any] | None,
) -> Draft:
    """The registration of a tap; `row` is the one there is already."""
    return Draft(
        epoch_id=tap.epoch_id,
        seq=tap.seq,
        terminal_id=terminal_id,
        reader=tap.body.reader,
        badge_id=person.badge_id,
        assurance=int(tap.badge.assurance),
        flags=tap.badge.flags,
        direction=_direction(tap.body.direction),
        received_ms=tap.received_ms,
        when=when,
        attribution=attribute(
            person,
            place,
            when.tapped_ms,
            dated_ms=dated_ms(when.tapped_ms, when.latest_ms, tap.received_ms),
            clock_unsure=when.unsure,
            disputed=disputed,
            row=row,
        ),
    )


def moment(body: Body, clock: Time | None, row: Mapping[str, Any] | None) -> When:
    """When a tap was: as its registration was corrected already, or by a `clock` record.

    What corrected it may have said more than the next record does, and corrects it again itself.
    """
    if row is not None and row["corrected"]:
        return When(row["tapped_ms"], row["earliest_ms"], row["latest_ms"], corrected=True)
    found = None if clock is None else times.corrected(body.time, clock)
    return found or times.as_told(body)


def is_disputed(status: str, row: Mapping[str, Any] | None) -> bool:
    """Whether a tap of a terminal of this status is disputed.

    Once it is, or once it is not, it stays so until a person says otherwise.
    """
    if row is None:
        return status == "revoked"
    return Reason.DISPUTED in (row["reason"] or "").split()


def _direction(number: int | None) -> str:
    try:
        return Direction(number or 0).name.lower().replace("_", "-")
    except ValueError:
        return "auto"
