"""Until when which company keeps what.

A presence is kept by the company at whose site it was registered, and by the one that the worker
works for: each for as long as it chose. A company *lets go* of one when that time is over; it does
so at the least time that the law gives, if the person asked to be erased. What both have let go of
goes. What no company answers for is kept for the platform's default.
"""

import calendar
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Protocol

import msgspec
from sqlalchemy import Connection, select

from cloud import times
from cloud.companies.tables import companies
from cloud.registrations.dating import dated_ms
from cloud.retention.tables import retention_policies
from cloud.settings import Retention


class Presence(Protocol):
    """What is asked of a registration, as of its row."""

    tapped_ms: int
    received_ms: int
    latest_ms: int | None
    company_id: int | None
    employer_id: int | None
    site_let_go: bool
    employer_let_go: bool


class Fate(msgspec.Struct, frozen=True):
    """Which of its companies let go of a presence now, and whether it goes altogether."""

    site: bool
    employer: bool
    goes: bool


class Terms(msgspec.Struct, frozen=True):
    """What companies chose, as it holds at a moment. `months` has those that are registered."""

    at_ms: int
    limits: Retention
    months: Mapping[int, int]

    @classmethod
    def of(cls, conn: Connection, limits: Retention, at_ms: int) -> "Terms":
        """What holds at `at_ms`."""
        rows = conn.execute(
            select(companies.c.id, retention_policies.c.months)
            .outerjoin(retention_policies, retention_policies.c.company_id == companies.c.id)
            .where(companies.c.private.is_(False))
        )
        return cls(at_ms, limits, {row.id: within(limits, row.months) for row in rows})

    @property
    def classes(self) -> list[int]:
        """The times after which something may have to be done, shortest first."""
        return sorted(
            {self.limits.minimum_months, self.limits.default_months, *self.months.values()}
        )

    def before_ms(self, months: int) -> int:
        """What is kept for so many months goes when it is of before this moment."""
        return before_ms(self.at_ms, months)

    def fate(self, row: Presence) -> Fate:
        """What becomes of a registration now."""
        since_ms = dated_ms(row.tapped_ms, row.latest_ms, row.received_ms)
        ends = [
            self._ends(row.company_id, since_ms, let_go=row.site_let_go),
            self._ends(row.employer_id, since_ms, let_go=row.employer_let_go),
        ]
        answering = [end for end in ends if end is not None]
        if answering:
            goes = all(answering)
        else:
            goes = since_ms < self.before_ms(self.limits.default_months)
        site, employer = (
            company is not None
            and not let_go
            and company in self.months
            and since_ms < self.before_ms(self.months[company])
            for company, let_go in (
                (row.company_id, row.site_let_go),
                (row.employer_id, row.employer_let_go),
            )
        )
        return Fate(site, employer, goes)

    def _ends(self, company: int | None, since_ms: int, *, let_go: bool) -> bool | None:
        """Whether a company need not keep it any more; None: it answers for nothing."""
        if company is None or company not in self.months:
            return None
        months = self.limits.minimum_months if let_go else self.months[company]
        return since_ms < self.before_ms(months)


def within(limits: Retention, months: int | None) -> int:
    """What a company chose, or the default, within the limits that hold now."""
    chosen = limits.default_months if months is None else months
    return min(max(chosen, limits.minimum_months), limits.maximum_months)


@lru_cache(maxsize=256)
def before_ms(at_ms: int, months: int) -> int:
    """The first moment, in Brussels, of the day so many months before a moment."""
    return _start(_moved(times.local(at_ms).date(), -months))


def until_ms(since_ms: int, months: int) -> int:
    """The first moment at which what is of `since_ms`, and kept for so many months, may go."""
    return _start(_moved(times.local(since_ms).date(), months) + timedelta(days=1))


def last_day(since_ms: int, months: int) -> date:
    """The last day on which what is of `since_ms` is kept."""
    return times.local(until_ms(since_ms, months)).date() - timedelta(days=1)


def _moved(day: date, months: int) -> date:
    """The same day of another month, or that one's last day."""
    count = day.year * 12 + day.month - 1 + months
    year, month = divmod(count, 12)
    if year < 1972:
        return date(1972, 1, 1)
    year = min(year, 9000)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _start(day: date) -> int:
    return times.from_datetime(datetime.combine(day, datetime.min.time()))
