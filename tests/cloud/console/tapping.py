"""Taps at the sites of a company with somebody in every role."""

from typing import Any

from sqlalchemy import Connection, insert

from cloud.companies.tables import sites
from cloud.custody.tables import epochs
from cloud.registrations.tables import registrations
from cloud.terminals import service as terminals
from cloud.times import parse
from protocol.identity import compact, device_number
from protocol.keys import SigningKey
from tests.cloud.console.company import Company

MONDAY = "2026-03-02T"


class Gates:
    """A terminal at every site of a `Company`, and room for taps."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.devices: dict[int, str] = {}
        self._at: dict[int, tuple[int, int]] = {}
        self._seq = 0
        with company.engine.begin() as conn:
            for site in (company.quai, company.dock, company.mine, company.their_site):
                key = SigningKey.generate().public
                terminal = terminals.register(conn, key, f"gate of {site}")
                terminals.assign(conn, terminal, site, 0)
                self.devices[site] = compact(device_number(key.thumbprint))
                made = insert(epochs).values(
                    terminal_id=terminal, epoch=terminal.to_bytes(16, "big"),
                    head_link=bytes(32), head_seq=0, created_ms=0,
                )  # fmt: skip
                self._at[site] = terminal, conn.execute(made.returning(epochs.c.id)).scalar_one()

    def terminal(self, site: int) -> int:
        """The terminal at a site."""
        return self._at[site][0]

    def tap(self, time: str, direction: str = "in", site: int | None = None, **fields: Any) -> int:
        """Ann's registration on the Monday at a clock time, or at a whole time; its id."""
        with self.company.engine.begin() as conn:
            return self._tap(conn, time, direction, site or self.company.quai, fields)

    def _tap(
        self, conn: Connection, time: str, direction: str, site: int, fields: dict[str, Any]
    ) -> int:
        company = self.company
        self._seq += 1
        terminal, epoch = self._at[site]
        at_ms = parse(time if "T" in time else MONDAY + time)
        division = conn.execute(
            sites.select().with_only_columns(sites.c.division_id).where(sites.c.id == site)
        ).scalar_one()
        owner = company.theirs if site == company.their_site else company.ours
        row = {
            "epoch_id": epoch, "seq": self._seq, "terminal_id": terminal, "reader": "in",
            "badge_id": company.badge, "assurance": 2, "worker_id": company.worker,
            "employer_id": company.ours, "company_id": owner, "division_id": division,
            "site_id": site, "direction": direction, "tapped_ms": at_ms,
            "received_ms": at_ms + 300,
        } | fields  # fmt: skip
        made = insert(registrations).values(row).returning(registrations.c.id)
        return int(conn.execute(made).scalar_one())

    def stranger(self, time: str, site: int | None = None, **fields: Any) -> int:
        """A registration of the other company's worker."""
        company = self.company
        whose = {"badge_id": company.their_badge, "worker_id": company.their_worker}
        return self.tap(time, "in", site, **{**whose, "employer_id": company.theirs, **fields})
