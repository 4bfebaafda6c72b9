"""A company with somebody in every role, and another one whose names must never be seen."""

import re
from html import unescape
from typing import Any

from sqlalchemy import Engine, select

from cloud.accounts import access, passwords, sessions
from cloud.accounts import service as accounts
from cloud.api.app import create_app
from cloud.audit.tables import audit
from cloud.companies import places
from cloud.companies import service as companies
from cloud.console.visits import COOKIE
from cloud.workers import service as workers
from tests.cloud.client import Client

HASH = passwords.hashed("correct horse battery staple")
CANARY = "Kanarie"
"""In every name of the other company."""


class Company:
    """`who` maps roles to accounts; `ours` and `theirs` are companies; the others ids."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._app: Any = None
        self.who: dict[str, int] = {}
        with engine.begin() as conn:
            self.ours = companies.register(conn, "BE0403019261", "Solvay")
            self.theirs = companies.register(conn, "BE0999910543", f"{CANARY} Bouw")
            self.nord, self.sud = (
                places.create_division(conn, self.ours, name) for name in ("Nord", "Sud")
            )
            self.quai, self.dock, self.mine = (
                places.create_site(conn, self.ours, division, {"name": name})
                for division, name in (
                    (self.nord, "Quai"),
                    (self.nord, "Dock"),
                    (self.sud, "Mine"),
                )
            )
            self.their_division = places.create_division(conn, self.theirs, f"{CANARY} Oost")
            self.their_site = places.create_site(
                conn, self.theirs, self.their_division, {"name": f"{CANARY} Kaai"}
            )
            self.worker = workers.put_worker(conn, self.ours, "7", "Ann", "Maes")
            self.badge = workers.put_badge(conn, "printed", "123456789")
            workers.link_badge(conn, self.badge, self.worker)
            self.their_worker = workers.put_worker(conn, self.theirs, "7", CANARY, "Janssens")
            self.their_badge = workers.put_badge(conn, "printed", "987654321")
            workers.link_badge(conn, self.their_badge, self.their_worker)
        self.member("administrator", "administrator")
        self.member("auditor", "auditor")
        self.member("manager", "manager", sites=[self.mine])
        self.member("viewer", "viewer", divisions=[self.nord])
        self.member("external", "viewer", external=True, sites=[self.quai])
        self.member("other", "administrator", company=self.theirs)
        with engine.begin() as conn:
            self.who["operator"] = accounts.create(
                conn, "operator@example.be", "Olga Peeters", operator=True
            )
            self.who["none"] = accounts.create(conn, "none@example.be", "Nobody")

    def member(
        self,
        name: str,
        role: str,
        *,
        company: int | None = None,
        external: bool = False,
        divisions: list[int] | None = None,
        sites: list[int] | None = None,
    ) -> int:
        """An account with this part in a company; `name`@example.be."""
        owner = company or self.ours
        with self.engine.begin() as conn:
            shown = f"{CANARY} Chef" if owner == self.theirs else f"The {name}"
            self.who[name] = accounts.create(conn, f"{name}@example.be", shown)
            accounts.keep_password(conn, self.who[name], HASH)
            made = access.put_membership(conn, self.who[name], owner, role, external=external)
            access.set_grants(
                conn, {"membership_id": made}, owner, division_ids=divisions or (),
                site_ids=sites or (),
            )  # fmt: skip
        return self.who[name]

    def browser(self, reader: Engine, name: str | None, **options: Any) -> Client:
        """The browser of an account that is logged in; of None, nobody's.

        All ask one application, which takes longest to make.
        """
        if self._app is None:
            self._app = create_app(reader, self.engine, **options)
        app = self._app
        if name is None:
            return Client(app)
        with self.engine.begin() as conn:
            token = sessions.begin(conn, self.who[name])
        return Client(app, {"cookie": f"{COOKIE}={token}"})

    def trail(self) -> list[tuple[str, int | None]]:
        """Tags and targets, oldest first."""
        with self.engine.connect() as conn:
            query = select(audit.c.tag, audit.c.target_id).order_by(audit.c.id)
            return [(row.tag, row.target_id) for row in conn.execute(query)]


def hidden(text: str, name: str = "was") -> str:
    """The value of a field of a page."""
    found = re.search(rf'name="{name}"[^>]*? value="([^"]*)"', text)
    assert found, f"the page has no field {name}"
    return unescape(found[1])
