"""How long a company keeps presences, as its administrators choose. The caller commits."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from cloud.companies.service import lock
from cloud.errors import InvalidError
from cloud.languages.current import gettext as _
from cloud.retention import sweep
from cloud.retention.tables import retention_policies
from cloud.retention.terms import within
from cloud.settings import Retention
from cloud.stale import refuse_stale
from cloud.times import now_ms


def months_of(conn: Connection, limits: Retention, company: int) -> int:
    """How many months a company keeps presences."""
    return within(limits, _chosen(conn, company))


def choose(
    conn: Connection,
    limits: Retention,
    company: int,
    months: int,
    was: Mapping[str, str] | None = None,
) -> bool:
    """Choose it; whether that changed anything. `was` is what a form showed.

    Raises InvalidError for a time that the law or the platform does not allow, StaleError.
    """
    if months < limits.minimum_months:
        raise InvalidError(
            _("Presences are kept for %(months)d months at least: the law wants them for so long.")
            % {"months": limits.minimum_months}
        )
    if months > limits.maximum_months:
        raise InvalidError(
            _("Presences are kept for %(months)d months at most on this platform.")
            % {"months": limits.maximum_months}
        )
    lock(conn, company)
    before = months_of(conn, limits, company)
    if before == months:
        return False
    refuse_stale(was or {}, shown(before))
    conn.execute(delete(retention_policies).where(retention_policies.c.company_id == company))
    conn.execute(
        insert(retention_policies).values(company_id=company, months=months, changed_ms=now_ms())
    )
    # What is older than the new time was passed by.
    sweep.begin_again(conn, months)
    return True


def read(typed: str) -> int:
    """A number of months as somebody typed it. Raises InvalidError."""
    tidy = typed.strip()
    if not (tidy.isascii() and tidy.isdigit() and len(tidy) <= 4):
        raise InvalidError(_("Give a number of months, as 84."))
    return int(tidy)


def shown(months: int) -> dict[str, str]:
    """What a form shows of it."""
    return {"months": str(months)}


def _chosen(conn: Connection, company: int) -> int | None:
    found: Any = conn.execute(
        select(retention_policies.c.months).where(retention_policies.c.company_id == company)
    ).scalar()
    return None if found is None else int(found)
