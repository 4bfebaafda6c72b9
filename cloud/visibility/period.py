"""When something was registered that somebody asks about."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, true

from cloud.registrations.tables import registrations


@dataclass(frozen=True, slots=True)
class Period:
    """Tapped at or after, and before, in milliseconds since 1970 UTC; None is no bound."""

    since_ms: int | None = None
    until_ms: int | None = None

    @property
    def bounded(self) -> bool:
        """Whether somebody asked about less than all of time."""
        return self.since_ms is not None or self.until_ms is not None

    def condition(self) -> ColumnElement[bool]:
        """A condition on `registrations`."""
        condition: ColumnElement[bool] = true()
        if self.since_ms is not None:
            condition &= registrations.c.tapped_ms >= self.since_ms
        if self.until_ms is not None:
            condition &= registrations.c.tapped_ms < self.until_ms
        return condition
