"""Two companies, each with two divisions of two sites, and a tap of everybody everywhere."""

from dataclasses import dataclass
from itertools import product

from sqlalchemy import Connection, insert

from cloud.accounts import access, service
from cloud.accounts.roles import Role
from cloud.companies import service as companies
from cloud.registrations.tables import registrations
from cloud.terminals import service as terminals
from cloud.times import parse
from cloud.visibility.rules import Viewer, viewer
from cloud.workers import service as workers
from protocol.identity import compact, device_number
from protocol.keys import SigningKey

START_MS = parse("2026-03-02T06:30:00+01:00")
NAMES = {"BE0403019261": "Solvay", "BE0999910543": "Elektro"}


@dataclass(frozen=True, slots=True)
class Tap:
    """Of what employer, at which place; None: nobody knows."""

    employer: int | None
    company: int | None
    division: int | None
    site: int | None


class World:
    """`places` are (company, division, site); `taps` registrations by id; the others ids."""

    def __init__(self, conn: Connection) -> None:
        self.companies = [companies.register(conn, vat, name) for vat, name in NAMES.items()]
        self.ours, self.theirs = self.companies
        self.places: list[tuple[int, int, int]] = []
        self.terminals: list[int] = []
        self.devices: list[str] = []
        for company, part, place in product(self.companies, ("Nord", "Sud"), ("Quai", "Dock")):
            division = companies.put_division(conn, company, part)
            site = companies.put_site(conn, division, place)
            self.places.append((company, division, site))
            self._terminal(conn, site)
        self.workers = [
            workers.put_worker(conn, company, "7", given, "Maes")
            for company, given in zip(self.companies, ("Ann", "Bob"), strict=True)
        ]
        self.badge = workers.put_badge(conn, "em4100", "0A1B2C3D4E")
        workers.link_badge(conn, self.badge, self.workers[0])
        self.taps: dict[int, Tap] = {}
        for where, employer in product((*self.places, None), (*self.companies, None)):
            tap = Tap(employer, *(where or (None, None, None)))
            self.taps[self.tap(conn, tap)] = tap
        self._accounts = 0

    def tap(self, conn: Connection, tap: Tap, **fields: object) -> int:
        """A registration; its id."""
        number = len(self.taps) + 1
        worker = None
        if tap.employer is not None:
            worker = self.workers[self.companies.index(tap.employer)]
        row = {
            "epoch_id": 1,
            "seq": number,
            "terminal_id": self.terminals[0],
            "badge_id": self.badge,
            "assurance": 2,
            "worker_id": worker,
            "employer_id": tap.employer,
            "company_id": tap.company,
            "division_id": tap.division,
            "site_id": tap.site,
            "direction": "in",
            "tapped_ms": START_MS + 60_000 * number,
            "received_ms": START_MS + 60_000 * number + 300,
        } | fields
        made = insert(registrations).values(row).returning(registrations.c.id)
        return int(conn.execute(made).scalar_one())

    def account(self, conn: Connection) -> int:
        """A new account; its id."""
        self._accounts += 1
        return service.create(conn, f"a{self._accounts}@example.be", f"Account {self._accounts}")

    def member(
        self,
        conn: Connection,
        role: Role,
        *,
        external: bool = False,
        divisions: tuple[int, ...] = (),
        sites: tuple[int, ...] = (),
        company: int | None = None,
        account: int | None = None,
    ) -> Viewer:
        """Somebody with this access to a company, ours unless another is named."""
        owner = company or self.ours
        who = account or self.account(conn)
        made = access.put_membership(conn, who, owner, role.value, external=external)
        access.set_grants(
            conn, {"membership_id": made}, owner, division_ids=divisions, site_ids=sites
        )
        return viewer(conn, who, owner)

    def _terminal(self, conn: Connection, site: int) -> None:
        key = SigningKey.generate().public
        terminal = terminals.register(conn, key, None)
        terminals.assign(conn, terminal, site, 0)
        self.terminals.append(terminal)
        self.devices.append(compact(device_number(key.thumbprint)))
