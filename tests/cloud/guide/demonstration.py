"""The demonstration's world on a real platform, at a moment that is always the same.

The companies, sites, workers, badges and accounts are those of `pointeuse sim demo`. Its terminals
write records by the protocol; custody takes them, the interpreter reads them, and people act on the
console, all as if it were a Wednesday morning in March. So the pictures of the guide show the same
whenever they are taken, but for what seals are made of.
"""

import hashlib
import json
import random
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Engine, select, update

from cloud import db, migrations
from cloud.accounts import access, sessions
from cloud.accounts import service as accounts
from cloud.api.app import create_app
from cloud.companies import queries as companies
from cloud.companies.tables import divisions, sites
from cloud.console.visits import COOKIE
from cloud.custody import receipts
from cloud.ingest.custody import Custody
from cloud.ingest.messages import Incoming
from cloud.interpretation.interpreter import Interpreter
from cloud.notifications.watch import once
from cloud.registrations.tables import registrations
from cloud.terminals.tables import terminals
from cloud.times import parse
from cloud.workers.tables import badges, workers
from cloud.world.loading import load
from hwsim.demo.logins import logins
from hwsim.demo.setting import first_sites, world_toml
from hwsim.demo.world import Badge as Held
from hwsim.demo.world import make_world
from protocol import blobs
from protocol.badges import Assurance, Badge, Flag
from protocol.bodies import BlobRef, Direction, Kind, Sync, Time
from protocol.identity import device_number
from protocol.keys import SigningKey
from protocol.receipts import sign_receipts
from protocol.seals import SealingKey
from tests.cloud.client import Client
from tests.cloud.terminal import BOOT, FakeTerminal

SEED = 2026
TODAY, YESTERDAY = "2026-03-11", "2026-03-10"
NOW_MS = parse(f"{TODAY}T10:12:40")
_LATENCY_MS = 300
_MINUTE = 60_000
_EVERY_MS = 15 * _MINUTE
"""How often terminals tell how they are: less than they do, which makes no other picture."""
_CERTIFICATES = {"cards": 21}
"""Days until a terminal's certificate ends; of the others it is a year."""
_QUIET_SINCE = {"quay": parse(f"{YESTERDAY}T17:05")}
"""Terminals that tell nothing any more."""
_NAMES = {
    "tags": "Hoofdingang", "codes": "Poort 1", "cards": "Tourniquet", "quay": "Entrée quai",
    "yard": "Poort 2",
}  # fmt: skip
"""What people there call them."""
_READERS = {
    "tags": ("in", "out"), "codes": ("in", "out"), "cards": ("turnstile",), "quay": ("in", "out"),
    "yard": ("in", "out"),
}  # fmt: skip


@dataclass(frozen=True, order=True)
class Tap:
    """A badge held to a reader of a terminal."""

    at_ms: int
    gate: str
    reader: str
    badge: Held = field(compare=False)
    flags: Flag = field(default=Flag(0), compare=False)


class Gate(FakeTerminal):
    """A terminal of the demonstration, with a key that its name gives it."""

    def __init__(self, name: str, platform: SealingKey) -> None:
        super().__init__(_key(name), platform, hashlib.sha256(name.encode()).digest()[:16])
        self.name = name

    @property
    def public_key(self) -> str:
        return self.key.public.to_cose().hex()

    def tapped(self, tap: Tap) -> None:
        """Write the record of a tap, after what it is sealed with."""
        self.time = Time(tap.at_ms, BOOT, tap.at_ms - NOW_MS + 10**9, Sync.SYNCHRONISED, 20)
        content = self.content or self.seal()
        place = blobs.Place(self.thumbprint, self.epoch, self.head + 1, content.seal_id)
        printed = tap.badge.profile == "printed"
        assurance = Assurance.PRINTED if printed else Assurance.UID
        badge = Badge(
            tap.badge.number, tap.badge.profile, assurance, int(tap.flags), tap.badge.employer
        )
        blob = blobs.seal_badge(badge, content, place)
        direction = {"in": Direction.IN, "out": Direction.OUT}.get(tap.reader, Direction.AUTO)
        ref = BlobRef(content.seal_id, blobs.blob_hash(blob))
        self.add(Kind.TAP, blob, reader=tap.reader, direction=direction, blob_ref=ref)


class Demonstration:
    """A platform in a directory; `url` is that of its database."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.url = f"sqlite:///{directory / 'platform.sqlite'}"
        self.world = make_world(SEED)
        self.roams = next(
            number
            for number, worker in enumerate(self.world.workers)
            if worker.badge.profile == "em4100" and worker.company == self.world.contractor
        )
        """A worker who was at a site of either division."""
        self._chance = random.Random(SEED)
        self._now_ms = parse(f"{YESTERDAY}T05:00")
        self._moments: list[tuple[int, Callable[[], None]]] = []
        (directory / "keys").mkdir(parents=True, exist_ok=True)
        sealing = SealingKey.generate()
        self.gates = {name: Gate(name, sealing) for name in _READERS}
        self.engine: Engine = db.writer_engine(self.url, owner=True)
        migrations.upgrade(self.engine)
        self._reader = db.reader_engine(self.url)
        self._custody = Custody(self.engine, directory, generation=1)
        self._key = _key("receipts")
        self._interpreter = Interpreter(self.engine, [sealing])
        self._app = create_app(self._reader, self.engine, directory=directory)
        with self._clock():
            self._load()
            self.accounts = self._open_accounts()
            self._live()
            self._now_ms = NOW_MS
            once(self.engine, NOW_MS, None)

    def close(self) -> None:
        """Let go of the database."""
        self._reader.dispose()
        self.engine.dispose()

    def session(self, email: str) -> str:
        """The token of somebody who has just logged in."""
        with self._clock(), self.engine.begin() as conn:
            return sessions.begin(conn, self.accounts[email])

    def worker(self, index: int) -> int:
        """The id of a worker of the world, as the contractor's list of all has them."""
        return self._worker_of(self.world.workers[index].badge)

    def number(self, index: int) -> str:
        """The number of a worker of the world."""
        return self.world.workers[index].number

    def site(self, name: str) -> int:
        """The id of a site."""
        with self.engine.connect() as conn:
            query = select(sites.c.id).where(sites.c.name == name)
            return int(conn.execute(query).scalar_one())

    def employee(self) -> int:
        """The id of one of the contractor's own workers."""
        own = next(w for w in self.world.workers if w.company == self.world.contractor)
        return self._worker_of(own.badge)

    def corrected(self) -> int:
        """A registration that was corrected."""
        return self._of_badge(self._mistaken.badge, self._mistaken.at_ms)

    # -- making it ---------------------------------------------------------------------------

    @contextmanager
    def _clock(self) -> Iterator[None]:
        with mock.patch.object(time, "time_ns", side_effect=lambda: self._now_ms * 1_000_000):
            yield

    def _load(self) -> None:
        file = self.directory / "world.toml"
        text = world_toml(self.world, self.gates, first_sites(self.world))
        file.write_text(text, encoding="utf-8")
        with self.engine.begin() as conn:
            load(conn, file)
            for gate in self.gates.values():
                change = update(terminals).where(terminals.c.device == gate.device)
                conn.execute(change.values(name=_NAMES[gate.name]))

    def _open_accounts(self) -> dict[str, int]:
        made = {}
        with self.engine.begin() as conn:
            for login in logins(self.world):
                account = accounts.create(conn, login.email, login.name, language=login.language)
                made[login.email] = account
                for part in login.access:
                    company = companies.company_id(conn, part.company.number)
                    membership = access.put_membership(
                        conn, account, company, part.role, external=part.external
                    )
                    granted = [place.partition("/")[::2] for place in part.places]
                    access.set_grants(
                        conn,
                        {"membership_id": membership},
                        company,
                        division_ids=[_division(conn, name) for name, site in granted if not site],
                        site_ids=[_site(conn, *place) for place in granted if place[1]],
                    )
        return made

    def _live(self) -> None:
        """A day and a morning: what terminals tell, every tap, and what people do meanwhile."""
        taps = list(self._taps())
        begins_ms, ends_ms = parse(f"{YESTERDAY}T05:00"), NOW_MS - 20_000
        self._moments = [(tap.at_ms + _LATENCY_MS, partial(self._deliver, tap)) for tap in taps]
        self._moments += [
            (at_ms, self._tell) for at_ms in (*range(begins_ms, ends_ms, _EVERY_MS), ends_ms)
        ]
        self._act()
        for at_ms, happens in sorted(self._moments, key=lambda each: each[0]):
            self._now_ms = at_ms
            happens()
        self._interpreter.run_to_end(500)

    def _taps(self) -> Iterator[Tap]:
        for day in (YESTERDAY, TODAY):
            for number, worker in enumerate(self.world.workers):
                yield from self._day_of(day, number, worker.badge)
        newcomer, stranger = self.world.newcomers[0].badge, self.world.strangers
        yield Tap(parse(f"{TODAY}T06:58:21"), "tags", "in", newcomer)
        for second, badge in enumerate(stranger[:3]):
            yield Tap(parse(f"{TODAY}T07:04:1{second}"), "codes", "in", badge)
        blocked = self.world.workers[3].badge
        yield Tap(parse(f"{TODAY}T10:09:05"), "tags", "in", blocked, Flag.BLOCKED)
        yield Tap(parse(f"{TODAY}T10:10:48"), "codes", "in", stranger[3])
        yield Tap(parse(f"{TODAY}T10:11:30"), "tags", "in", newcomer)
        roams = self.world.workers[self.roams].badge
        self._mistaken = Tap(parse(f"{YESTERDAY}T13:02:10"), "quay", "out", roams)
        yield from (
            Tap(parse(f"{YESTERDAY}T06:50:44"), "tags", "in", roams),
            Tap(parse(f"{YESTERDAY}T11:40:02"), "tags", "out", roams),
            self._mistaken,
            Tap(parse(f"{YESTERDAY}T16:05:37"), "quay", "out", roams),
            Tap(parse(f"{TODAY}T06:47:15"), "tags", "in", roams),
        )

    def _day_of(self, day: str, number: int, badge: Held) -> Iterator[Tap]:
        """In, a break, and home: some forget to tap out, some are still there."""
        gate = self._gate_of(number, badge.profile)
        if number == self.roams or (day == TODAY and number % 9 == 5):
            return
        inward, outward = _READERS[gate][0], _READERS[gate][-1]
        come = parse(f"{day}T06:40") + self._chance.randrange(35 * _MINUTE)
        rest = parse(f"{day}T12:00") + self._chance.randrange(10 * _MINUTE)
        home = parse(f"{day}T15:45") + self._chance.randrange(30 * _MINUTE)
        yield Tap(come, gate, inward, badge)
        if day == TODAY:
            if number % 11 == 3:
                back = parse(f"{day}T09:56") + self._chance.randrange(13 * _MINUTE)
                yield Tap(back - 21 * _MINUTE, gate, outward, badge)
                yield Tap(back, gate, inward, badge)
            return
        if number % 4 != 1:
            yield Tap(rest, gate, outward, badge)
            yield Tap(rest + 30 * _MINUTE, gate, inward, badge)
        if number % 17 != 6:
            yield Tap(home, gate, outward, badge)

    @staticmethod
    def _gate_of(number: int, profile: str) -> str:
        if profile == "printed":
            return "codes"
        if profile == "uid":
            return "cards"
        return "tags" if number < 28 else "quay" if number < 35 else "yard"

    def _deliver(self, tap: Tap) -> None:
        gate = self.gates[tap.gate]
        if tap.at_ms > _QUIET_SINCE.get(tap.gate, NOW_MS):
            return
        before = gate.head
        gate.tapped(tap)
        batch = gate.batch(before + 1 if before > 1 else 1)
        answers = self._custody.accept([Incoming(gate.device, "records", batch)])
        leaves = [answer.leaf for answer in answers if answer.leaf is not None]
        given = zip(leaves, sign_receipts(leaves, self._key), strict=True)
        with self.engine.begin() as conn:
            receipts.keep(conn, list(given))

    def _tell(self) -> None:
        told = []
        for name, gate in self.gates.items():
            if self._now_ms > _QUIET_SINCE.get(name, NOW_MS):
                continue
            online = {"state": "online"}
            told.append(Incoming(gate.device, "status", json.dumps(online).encode()))
            said = json.dumps(self._telemetry(name))
            told.append(Incoming(gate.device, "telemetry", said.encode()))
        self._custody.accept(told)

    def _telemetry(self, name: str) -> dict[str, Any]:
        day_ms = 86_400_000
        slot = (self._now_ms - parse(YESTERDAY)) // (5 * _MINUTE)
        busy = 78 <= slot % 288 <= 90
        # The quay's last message before its network went told of taps that were not delivered.
        queue = 7 if name == "quay" and self._now_ms >= parse(f"{YESTERDAY}T17:00") else 0
        lost = {"in": {"pulled-away": int(slot) // 36, "checksum": int(slot) // 90}}
        return {
            "version": "0.1.0",
            "uptime_s": 86_400,
            "queue": queue or (self._chance.randrange(4) if busy else 0),
            "receipt_ms": self._chance.randrange(24, 90 if busy else 45),
            "clock": {
                "sync": "synchronised",
                "wall_ms": self._now_ms + self._chance.randrange(-14, 9),
                "bound_ms": 20,
            },
            "unreadable": {} if name == "cards" else lost,
            "readers": {
                reader: {"state": "ready", "detail": _DETAILS[name]} for reader in _READERS[name]
            },
            "certificate": {
                "not_before_ms": NOW_MS - 40 * day_ms,
                "not_after_ms": NOW_MS + _CERTIFICATES.get(name, 340) * day_ms,
            },
            "alarms": {},
        }

    def _act(self) -> None:
        """What people do on the console, and when."""
        an, luc = "an.peeters@contractor.example", "luc.lambert@contractor.example"
        forgot = self.worker(6)
        self._post(f"{YESTERDAY}T17:30", an, lambda: "/exports")
        self._get(f"{YESTERDAY}T17:32", an, "/workers")
        self._post(
            f"{YESTERDAY}T17:35", an, lambda: f"/days/{forgot}/taps", day=YESTERDAY, time="16:00",
            reason="Badge vergeten", site=str(self.site("Kaai 12")), direction="out",
        )  # fmt: skip
        self._post(
            f"{YESTERDAY}T17:41", luc, lambda: f"/registrations/{self.corrected()}/corrections",
            right="in", reason="Mauvais lecteur", second="1",
        )  # fmt: skip
        self._post(
            f"{YESTERDAY}T17:50", an, lambda: "/people/new", email="inspectie@example.be",
            role="auditor", way="invite",
        )  # fmt: skip
        self._post(
            f"{YESTERDAY}T17:58", an, lambda: "/workers/new", number="99120", given_name="Bram",
            family_name="Maes",
        )  # fmt: skip
        self._get(f"{YESTERDAY}T18:01", an, f"/workers/{self.employee()}")
        self._post(f"{TODAY}T09:00", an, lambda: "/exports")

    def _post(self, moment: str, who: str, path: Callable[[], str], /, **form: str) -> None:
        self._moments.append(
            (parse(moment), lambda: self._done(lambda: self._browser(who).post(path(), **form)))
        )

    def _get(self, moment: str, email: str, path: str) -> None:
        self._moments.append(
            (parse(moment), lambda: self._done(lambda: self._browser(email).get(path)))
        )

    @staticmethod
    def _done(ask: Callable[[], httpx.Response]) -> None:
        # Where Playwright runs, its event loop does: another one needs a thread of its own.
        with ThreadPoolExecutor(1) as aside:
            answer = aside.submit(ask).result()
        assert answer.status_code in (200, 303), answer.text
        assert answer.headers.get("location") != "/login"

    def _browser(self, email: str) -> Client:
        """That of somebody who logs in now, when all that was tapped so far is known."""
        self._interpreter.run_to_end(500)
        return Client(self._app, {"cookie": f"{COOKIE}={self.session(email)}"})

    def _worker_of(self, badge: Held) -> int:
        with self.engine.connect() as conn:
            query = select(badges.c.worker_id).where(
                badges.c.profile == badge.profile, badges.c.number == badge.number
            )
            return int(conn.execute(query).scalar_one())

    def _of_badge(self, badge: Held, at_ms: int) -> int:
        with self.engine.connect() as conn:
            query = (
                select(registrations.c.id)
                .join(badges, badges.c.id == registrations.c.badge_id)
                .where(badges.c.number == badge.number, registrations.c.tapped_ms == at_ms)
            )
            return int(conn.execute(query).scalar_one())

    def list_of_workers(self) -> str:
        """A list to import: some who are new, one whose name changes, one who is there already."""
        with self.engine.connect() as conn:
            company = companies.company_id(conn, self.world.contractor.number)
            query = select(workers).where(workers.c.company_id == company)
            known, other = conn.execute(query.order_by(workers.c.id).limit(2)).all()
        return (
            "number;given name;family name\n"
            f"{known.number};{known.given_name};{known.family_name}\n"
            f"{other.number};{other.given_name};{other.family_name}-Lambrecht\n"
            "99201;Lieve;Aerts\n99202;Moussa;Diallo\n99203;Petra;Öztürk\n"
        )


_DETAILS = {
    "tags": "RDM6300", "codes": "scanner", "cards": "ACS ACR1252U", "quay": "RDM6300",
    "yard": "RDM6300",
}  # fmt: skip


def _key(name: str) -> SigningKey:
    """A key that a name gives; as installers' keys, one whose device number can be printed."""
    for turn in range(1000):
        private = hashlib.sha256(f"{name} {turn}".encode()).digest()
        key = SigningKey(Ed25519PrivateKey.from_private_bytes(private))
        if device_number(key.public.thumbprint).replace("-", "").isalnum():
            return key
    raise AssertionError(name)


def _division(conn: Any, name: str) -> int:
    return int(conn.execute(select(divisions.c.id).where(divisions.c.name == name)).scalar_one())


def _site(conn: Any, division: str, name: str) -> int:
    query = select(sites.c.id).where(
        sites.c.name == name, sites.c.division_id == _division(conn, division)
    )
    return int(conn.execute(query).scalar_one())
