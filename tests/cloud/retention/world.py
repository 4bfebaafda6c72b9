"""An employer whose workers tap at its own site and at a contractor's: real records, in custody."""

import base64
import json
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, select

from cloud.accounts import access, api_tokens, passwords
from cloud.accounts import service as accounts
from cloud.accounts.tables import accounts as accounts_table
from cloud.audit.service import Actor
from cloud.companies import service as companies
from cloud.configurations import service as configurations
from cloud.exports import service as exports
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.registrations import correcting
from cloud.registrations.tables import registrations
from cloud.retention import asking, redo
from cloud.schema import metadata
from cloud.settings import Retention
from cloud.terminals import service as terminals
from cloud.times import now_ms, parse
from cloud.visibility.rules import Viewer, viewer
from cloud.workers import service as workers
from cloud.workers.tables import workers as workers_table
from cloud.workers.vault import Vault
from protocol.bodies import Sync, Time
from tests.cloud.apps.pairing import pair
from tests.cloud.terminal import BOOT, FakeTerminal

START_MS = parse("2026-03-02T06:30:00+01:00")
AT_ONCE = Retention(0, 84, 120)
"""The law keeps nothing: what somebody asks to erase goes, if no other company keeps it."""
LAW = Retention()
ANN = ("Anneliese", "Vandermaelen-Quux", "85073003328", "0A1B2C3D4E", "7")
BOB = ("Bohumil", "Zweistein", "17073003384", "5F6E7D8C9B", "8")
CARL = ("Carlijn", "Overgewicht", "98472899765", "1122334455", "7")


class World:
    """`elektro` employs Ann and Bob, `solvay` Carl; all ids, but for terminals by their company."""

    def __init__(self, engine: Engine, reader: Engine, directory: Path) -> None:
        self.engine, self.reader, self.directory = engine, reader, directory
        (directory / "keys").mkdir(parents=True, exist_ok=True)
        self.vault = Vault.open(directory)
        self.custody = Custody(engine, directory, 1)
        self.gates: dict[int, FakeTerminal] = {}
        self.sites: dict[int, tuple[int, int]] = {}
        self.terminals: dict[int, int] = {}
        self.delivered: dict[int, int] = {}
        with engine.begin() as conn:
            self.elektro = companies.register(conn, "BE0999910543", "Elektro")
            self.solvay = companies.register(conn, "BE0403019261", "Solvay")
            for company in (self.elektro, self.solvay):
                self._gate(conn, company)
            self.ann, self.bob = (self._worker(conn, self.elektro, who) for who in (ANN, BOB))
            self.carl = self._worker(conn, self.solvay, CARL)
            self.boss = {
                company: self._account(conn, company, name)
                for company, name in ((self.elektro, "boss"), (self.solvay, "chief"))
            }

    def _gate(self, conn: Connection, company: int) -> None:
        division = companies.put_division(conn, company, "Nord")
        site = companies.put_site(conn, division, "Quai")
        gate = FakeTerminal()
        self.terminals[company] = gate.register(conn)
        terminals.assign(conn, self.terminals[company], site, 0)
        self.gates[company], self.sites[company] = gate, (division, site)
        self.delivered[company] = 0

    def _worker(self, conn: Connection, company: int, who: tuple[str, ...]) -> int:
        given, family, inss, badge, number = who
        made = workers.put_worker(
            conn, company, number, given, family,
            inss_sealed=self.vault.seal(inss), inss_mark=self.vault.mark(inss),
        )  # fmt: skip
        workers.link_badge(conn, workers.put_badge(conn, "em4100", badge), made)
        pair(conn, made, f"telephone of {given}")
        return made

    def _account(self, conn: Connection, company: int, name: str) -> int:
        made = accounts.create(conn, f"{name}@example.be", name.title())
        access.put_membership(conn, made, company, "administrator")
        conn.execute(
            accounts_table.update()
            .where(accounts_table.c.id == made)
            .values(password=passwords.hashed("correct horse battery staple"))
        )
        return made

    def tap(self, company: int, who: tuple[str, ...], day: int, times: int = 1) -> None:
        """Taps at a company's gate on the `day`th day after the Monday."""
        gate = self.gates[company]
        for minute in range(times):
            moment = START_MS + day * 86_400_000 + minute * 60_000 + gate.head
            gate.time = Time(moment, BOOT, moment - START_MS + 1000, Sync.SYNCHRONISED, 10)
            gate.tap(who[3])

    def deliver(self) -> None:
        """Take into custody what was tapped since, and register it."""
        for company, gate in self.gates.items():
            first = self.delivered[company] + 1
            if gate.head >= first:
                self.custody.accept([Incoming(gate.device, "records", gate.batch(first))])
                self.delivered[company] = gate.head
        self.interpret()

    def interpret(self) -> None:
        """Register what is in custody, by a process that remembers nothing."""
        keys = [gate.platform for gate in self.gates.values()]
        Interpreter(self.engine, keys).run_to_end()

    def sees(self, company: int) -> Viewer:
        """A company's administrator."""
        with self.reader.connect() as conn:
            return viewer(conn, self.boss[company], company)

    def furnish(self) -> None:
        """Taps, corrections, snapshots, blocked badges and answers that name all three."""
        for who, company, count in (
            (ANN, self.elektro, 3), (ANN, self.solvay, 4), (BOB, self.solvay, 2),
            (CARL, self.solvay, 2), (BOB, self.elektro, 1),
        ):  # fmt: skip
            self.tap(company, who, len(who[0]), count)
        self.deliver()
        with self.engine.begin() as conn:
            for worker, company in ((self.ann, self.elektro), (self.ann, self.solvay)):
                correcting.add(
                    conn, self.sees_in(conn, company), Actor("console", self.boss[company]),
                    worker=worker, site=self.sites[company][1], at_ms=START_MS, direction="in",
                    reason=f"{ANN[0]} forgot", second=False,
                )  # fmt: skip
            for company in self.gates:
                configurations.change(
                    conn, self.terminals[company],
                    lambda before: configurations.with_badges(before, [("em4100", ANN[3])]),
                )  # fmt: skip
            self.answer(conn, self.elektro, {"id": self.ann, "given_name": ANN[0]})
        for company in self.gates:
            seen_by = self.sees(company)
            exports.make(self.reader, self.engine, seen_by, Actor("console", self.boss[company]))

    def sees_in(self, conn: Connection, company: int) -> Viewer:
        return viewer(conn, self.boss[company], company)

    def answer(self, conn: Connection, company: int, said: Any) -> None:
        """Something that was answered to a program today."""
        from cloud.api.tables import idempotency_keys

        token, _ = api_tokens.make(conn, "payroll", company=company)
        conn.execute(
            idempotency_keys.insert().values(
                token_id=token, key=f"k{token}", request=bytes(32), status=200,
                answer=json.dumps(said, ensure_ascii=False), headers="{}", at_ms=now_ms(),
            )
        )  # fmt: skip

    def leave(self, worker: int) -> None:
        """Make a worker inactive."""
        with self.engine.begin() as conn:
            workers.set_active(conn, worker, False)
        self.interpret()

    def ask(self, company: int, worker: int, limits: Retention = AT_ONCE) -> int:
        """Have a company erase somebody; the request."""
        with self.engine.begin() as conn:
            actor = Actor("console", self.boss[company])
            request = asking.enter(conn, actor, company, worker, alone=True)
        redo.catch_up(self.engine, self.directory, limits)
        return request

    def rows(self, table: Any, *conditions: Any) -> list[Any]:
        with self.reader.connect() as conn:
            found = select(table).where(*conditions).order_by(*table.primary_key)
            return list(conn.execute(found).mappings())

    def registered(self, *conditions: Any) -> list[Any]:
        return self.rows(registrations, *conditions)

    def worker(self, number: int) -> Any:
        found = self.rows(workers_table, workers_table.c.id == number)
        return found[0] if found else None


def identifiers(who: tuple[str, ...], *, number: bool = False) -> dict[str, bytes]:
    """What a person is known by, in every way it may be written."""
    given, family, inss, badge, _ = who
    found: dict[str, bytes] = {}
    for name, value in (("given", given), ("family", family), ("inss", inss), ("badge", badge)):
        for way, text in (("", value), ("lower", value.lower()), ("upper", value.upper())):
            raw = text.encode()
            found[f"{name} {way}"] = raw
            found[f"{name} {way} hex"] = raw.hex().encode()
            found[f"{name} {way} base64"] = base64.b64encode(raw)[:-4]
            found[f"{name} {way} utf-16"] = text.encode("utf-16-le")
    return found


def everything(engine: Engine) -> Iterator[tuple[str, bytes]]:
    """Every value of every table, what is compressed opened: where it stands, and its octets."""
    with engine.connect() as conn:
        for table in metadata.sorted_tables:
            for row in conn.execute(select(table)).mappings():
                for column, value in row.items():
                    where = f"{table.name}.{column}"
                    if isinstance(value, bytes | memoryview):
                        yield where, bytes(value)
                        with suppress(zlib.error):
                            yield where, zlib.decompress(bytes(value))
                    elif value is not None:
                        yield where, str(value).encode()
                        if isinstance(value, str) and "\\u" in value:
                            yield where, value.encode().decode("unicode-escape").encode()


def found_in(engine: Engine, wanted: dict[str, bytes]) -> set[str]:
    """Where any of these stands."""
    return {
        f"{where}: {name}"
        for where, value in everything(engine)
        for name, each in wanted.items()
        if each in value
    }


def files_with(directory: Path, wanted: dict[str, bytes]) -> set[str]:
    """Files below a directory in which any of these stands."""
    return {
        f"{path.name}: {name}"
        for path in directory.rglob("*")
        if path.is_file()
        for name, each in wanted.items()
        if each in path.read_bytes()
    }


def compacted(path: Path) -> None:
    """Close what is open on a database: SQLite then empties its log."""
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
