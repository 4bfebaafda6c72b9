"""Presences: registrations, as retention asks for them; what went is counted by their companies."""

from collections import Counter
from typing import Any

from sqlalchemy import ColumnElement, Select, or_, select

from cloud.registrations.tables import registrations

Tally = Counter[tuple[int | None, str]]
"""How much of each kind went, by the company that lets go of it; None: no company's."""


def selected() -> Select[Any]:
    """Registrations by the columns that say what they are, and what hangs on them."""
    names = (
        *("id", "epoch_id", "seq", "terminal_id", "badge_id", "worker_id", "employer_id"),
        *("company_id", "division_id", "site_id", "tapped_ms", "latest_ms", "received_ms"),
        *("site_let_go", "employer_let_go"),
    )
    return select(*(registrations.c[name] for name in names))


def companies_of(row: Any) -> set[int | None]:
    """The companies that a presence is shown to, registered ones or not."""
    return {row.company_id, row.employer_id} - {None}


def of_worker(worker: int, company: int) -> ColumnElement[bool]:
    """The presences of a worker that a company answers for: a condition."""
    return (registrations.c.worker_id == worker) & or_(
        registrations.c.company_id == company, registrations.c.employer_id == company
    )
