"""Why something is not visible: a worker, a registration or a terminal, step by step.

The steps are those a person would take on the help desk, in that order. Nothing of another company
is ever said, but where the account has access to that company too: then, where to switch to. An
employer is named to who sees registrations that name it.
"""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, null, select

from cloud.accounts.queries import companies_of
from cloud.companies.tables import companies, divisions, sites
from cloud.languages.current import mark
from cloud.visibility.rules import App, Viewer, viewer, visible_divisions, visible_sites
from cloud.visibility.steps import Mender, Step, Verdict, note, ok, some


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
    values = {"company": name, "role": seen_by.role.value}
    if seen_by.whole:
        return ok("company", "You look at {company}, as {role}.", **values)
    places = _granted(conn, seen_by)
    if not places:
        found = mark("You look at {company}, as {role}. No division and no site is granted to you.")
        if seen_by.external:
            found = mark(
                "You look at {company} from outside, as {role}. No division and no site is granted"
                " to you."
            )
        fix = "Ask for access to the division or the site."
        return note("company", found, fix, Mender.ADMINISTRATOR, **values)
    found = mark("You look at {company}, as {role}. Granted to you: {places}.")
    if seen_by.external:
        found = mark("You look at {company} from outside, as {role}. Granted to you: {places}.")
    return ok("company", found, places=some(places), **values)


def _granted(conn: Connection, seen_by: Viewer) -> list[str]:
    """GRANTED: what the divisions and sites are called, by name, sites with their divisions."""
    names = (
        select(divisions.c.name, null().label("site"))
        .where(divisions.c.id.in_(seen_by.divisions), visible_divisions(seen_by))
        .union_all(
            select(divisions.c.name, sites.c.name)
            .join(sites, sites.c.division_id == divisions.c.id)
            .where(sites.c.id.in_(seen_by.sites), visible_sites(seen_by))
        )
    )
    rows = conn.execute(names)
    return sorted(division if site is None else f"{division} / {site}" for division, site in rows)


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
