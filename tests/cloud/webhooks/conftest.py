"""A company with a webhook, the server that it leads to, and a courier with a given clock."""

import ipaddress
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, select

from cloud.accounts.scopes import Scope
from cloud.webhooks import service
from cloud.webhooks.addresses import Address, Reach, resolve
from cloud.webhooks.courier import Courier
from cloud.webhooks.events import CHOSEN, SCOPES, Event
from cloud.webhooks.service import Wanted
from cloud.webhooks.tables import webhook_deliveries, webhooks
from cloud.workers.vault import Vault
from tests.cloud.console.company import Company
from tests.cloud.webhooks.receiver import HOST, Authority, Receiver

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def receiver(authority: Authority) -> Iterator[Receiver]:
    receiver = Receiver(authority)
    yield receiver
    receiver.stop()


@pytest.fixture
def vault(tmp_path: Path) -> Vault:
    (tmp_path / "keys").mkdir(exist_ok=True)
    return Vault.open(tmp_path)


def names(host: str, port: int) -> list[Address]:
    """As the system resolves them, but that HOST is here."""
    return resolve("127.0.0.1" if host == HOST else host, port)


@pytest.fixture
def reach(authority: Authority) -> Reach:
    """Loopback, trusting the test's authority."""
    return Reach(LOOPBACK, True, ssl.create_default_context(cafile=authority.ca_file), names)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, at_ms: int) -> None:
        self.ms = at_ms

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The courier's clock, and that of what is written for it."""
    clock = Clock(1_790_000_000_000)
    for module in ("outbox", "service", "withdrawing"):
        monkeypatch.setattr(f"cloud.webhooks.{module}.now_ms", clock)
    return clock


class Post:
    """Webhooks of companies, a courier for them, and what the database holds of both."""

    def __init__(
        self, company: Company, courier: Callable[..., Courier], vault: Vault, url: str
    ) -> None:
        self.company, self.engine, self.vault = company, company.engine, vault
        self.url = url
        self.make_courier = courier
        self.courier = courier()

    def webhook(
        self,
        *,
        company: int | None = None,
        url: str | None = None,
        events: tuple[Event, ...] = CHOSEN,
        scopes: tuple[Scope, ...] = SCOPES,
    ) -> tuple[int, str]:
        """A new webhook, ours unless another company is named: its id and secret."""
        wanted = Wanted("Payroll", url or self.url, frozenset(events), frozenset(scopes))
        with self.engine.begin() as conn:
            return service.create(conn, self.vault, company or self.company.ours, wanted, SCOPES)

    def test(self, webhook: int, company: int | None = None) -> int:
        """Ask for a test; the delivery's id."""
        with self.engine.begin() as conn:
            return service.test(conn, company or self.company.ours, webhook)

    def row(self, webhook: int) -> Any:
        with self.engine.connect() as conn:
            return conn.execute(select(webhooks).where(webhooks.c.id == webhook)).one()

    def deliveries(self) -> list[Any]:
        """All there are, the oldest first."""
        with self.engine.connect() as conn:
            query = select(webhook_deliveries).order_by(webhook_deliveries.c.id)
            return list(conn.execute(query).all())

    def told(self) -> list[tuple[str, int | None]]:
        """Event and subject of all deliveries."""
        return [(row.event, row.subject_id) for row in self.deliveries()]


@pytest.fixture
def post(
    company: Company,
    reader: Engine,
    vault: Vault,
    reach: Reach,
    clock: Clock,
    receiver: Receiver,
) -> Post:
    def courier(**options: Any) -> Courier:
        given = {"reach": reach, "clock": clock, "jitter": lambda: 1.0, **options}
        return Courier(reader, company.engine, vault, **given)

    return Post(company, courier, vault, receiver.url)
