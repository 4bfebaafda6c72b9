"""A small platform to ask questions of: two terminals, three employers, and room for taps."""

from typing import Any

from sqlalchemy import Connection, insert

from cloud.companies import service as companies
from cloud.custody.tables import epochs
from cloud.registrations.tables import registrations
from cloud.terminals import service as terminals
from cloud.times import parse
from cloud.workers import service as workers
from protocol.identity import compact, device_number
from protocol.keys import SigningKey

START_MS = parse("2026-03-02T06:30:00+01:00")


class Sample:
    """Its attributes are ids, but for the device numbers."""

    def __init__(self, conn: Connection) -> None:
        self.contractor = companies.register(conn, "BE0403019261", "Solvay")
        self.subcontractor = companies.register(conn, "BE0999910543", "Elektro")
        self.private = companies.private_companies(conn, ["BE0999910642"])["BE0999910642"]
        self.division = companies.put_division(conn, self.contractor, "Nord")
        self.sites = [companies.put_site(conn, self.division, name) for name in ("Quai", "Dock")]
        self.devices: list[str] = []
        self.terminals: list[int] = []
        for number, site in enumerate(self.sites):
            key = SigningKey.generate().public
            self.devices.append(compact(device_number(key.thumbprint)))
            terminal = terminals.register(conn, key, f"gate {number}")
            terminals.assign(conn, terminal, site, 0)
            self.terminals.append(terminal)
        self.epochs = [self._epoch(conn, terminal) for terminal in self.terminals]
        self.worker = workers.put_worker(conn, self.subcontractor, "7", "Ann", "Maes")
        self.badge = workers.put_badge(conn, "em4100", "0A1B2C3D4E")
        self.stranger = workers.put_badge(conn, "printed", "123456789012")
        workers.link_badge(conn, self.badge, self.worker)
        self._seq = 1

    def tap(self, conn: Connection, gate: int = 0, **fields: Any) -> int:
        """A registration, Ann's unless `fields` say otherwise; its id."""
        self._seq += 1
        row = {
            "epoch_id": self.epochs[gate],
            "seq": self._seq,
            "terminal_id": self.terminals[gate],
            "reader": "in",
            "badge_id": self.badge,
            "assurance": 2,
            "worker_id": self.worker,
            "employer_id": self.subcontractor,
            "company_id": self.contractor,
            "division_id": self.division,
            "site_id": self.sites[gate],
            "direction": "in",
            "tapped_ms": START_MS + 60_000 * self._seq,
            "received_ms": START_MS + 60_000 * self._seq + 300,
        } | fields
        made = insert(registrations).values(row).returning(registrations.c.id)
        return int(conn.execute(made).scalar_one())

    def stranger_taps(self, conn: Connection) -> int:
        """A registration of somebody of the private company."""
        return self.tap(
            conn,
            badge_id=self.stranger,
            assurance=1,
            worker_id=None,
            employer_id=self.private,
            reason="badge-unlinked",
        )

    def _epoch(self, conn: Connection, terminal: int) -> int:
        made = insert(epochs).values(
            terminal_id=terminal,
            epoch=terminal.to_bytes(16, "big"),
            head_link=bytes(32),
            head_seq=10,
            interpreted_seq=8,
            created_ms=START_MS,
        )
        return int(conn.execute(made.returning(epochs.c.id)).scalar_one())
