"""Why something is not visible: a worker, a registration or a terminal, step by step.

The steps are those a person would take on the help desk, in that order. Nothing of another company
is ever said, but where the account has access to that company too: then, where to switch to.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from cloud.accounts.queries import companies_of
from cloud.companies.tables import companies
from cloud.visibility.rules import App, Viewer, viewer
from cloud.visibility.steps import Step, Verdict, ok


@dataclass(frozen=True, slots=True)
class Explanation:
    """The steps about one thing."""

    steps: tuple[Step, ...]

    @property
    def visible(self) -> bool:
        """Whether nothing was found that hides it, wholly or in part."""
        return all(step.verdict is not Verdict.STOP for step in self.steps)

    def as_json(self) -> dict[str, Any]:
        """The explanation in the words of the API."""
        return {"visible": self.visible, "steps": [step.as_json() for step in self.steps]}


def active_company(conn: Connection, seen_by: Viewer | App) -> Step:
    """The first step of all: which company is looked at, and as what."""
    name = conn.execute(
        select(companies.c.name).where(companies.c.id == seen_by.company_id)
    ).scalar_one()
    if isinstance(seen_by, App):
        return ok(
            "company",
            "You look at your own registrations, as far as {company} sees them.",
            company=name,
        )
    if seen_by.external:
        return ok(
            "company",
            "You look at {company} from outside, as {role}: you see the sites granted to you.",
            company=name,
            role=seen_by.role.value,
        )
    return ok("company", "You look at {company}, as {role}.", company=name, role=seen_by.role.value)


def elsewhere(conn: Connection, seen_by: Viewer) -> list[tuple[str, Viewer]]:
    """The other companies of the same account, by name, each as the account sees it."""
    account = seen_by.account_id
    if account is None:
        return []
    return [
        (row["name"], viewer(conn, account, row["id"]))
        for row in companies_of(conn, account)
        if row["id"] != seen_by.company_id
    ]
