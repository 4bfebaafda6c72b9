"""The outbox, and a real server on loopback that takes what is in it."""

from collections.abc import Iterator

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine, select

from cloud.mail import service
from cloud.mail.tables import mails
from cloud.settings import Mail
from cloud.times import now_ms
from tests.cloud.notifications.test_post import Catcher
from tests.support.ports import free_port

pytestmark = pytest.mark.integration


@pytest.fixture
def catcher() -> Iterator[tuple[Catcher, Mail]]:
    found = Catcher()
    controller = Controller(found, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield found, Mail(host="127.0.0.1", port=controller.port, sender="gates@example.be")
    controller.stop()


def enqueue(engine: Engine, address: str = "ann@example.be", subject: str = "Hello") -> None:
    with engine.begin() as conn:
        service.enqueue(conn, address, subject, "Bonjour à tous\n")


def state(engine: Engine) -> tuple[int, bool, bool, str | None]:
    """Tries, whether it was sent, whether it was given up, and its text."""
    with engine.begin() as conn:
        row = conn.execute(select(mails)).one()
    return row.tries, row.sent_ms is not None, row.failed_ms is not None, row.body


def test_a_mail_is_sent_once_and_its_text_forgotten(
    engine: Engine, catcher: tuple[Catcher, Mail]
) -> None:
    found, mail = catcher
    enqueue(engine)
    assert [service.deliver(engine, mail, now_ms()) for _ in range(3)] == [1, 0, 0]
    (sent,) = found.mails
    assert (sent["To"], sent["From"], sent["Subject"]) == (
        "ann@example.be",
        "gates@example.be",
        "Hello",
    )
    assert sent.get_content().strip() == "Bonjour à tous"
    assert state(engine) == (1, True, False, None)


def test_a_mail_that_is_put_off_is_tried_later_for_a_day(
    engine: Engine, catcher: tuple[Catcher, Mail]
) -> None:
    found, mail = catcher
    found.refusing = True
    enqueue(engine)
    now = now_ms()
    assert service.deliver(engine, mail, now) == 0
    assert service.deliver(engine, mail, now + 1000) == 0
    assert state(engine)[0] == 1, "not before a minute has passed"
    found.refusing = False
    assert service.deliver(engine, mail, now + 61_000) == 1
    enqueue(engine, "eva@example.be")
    service.deliver(engine, mail, now_ms() + service.KEPT_MS + 60_000)
    assert [each["To"] for each in found.mails] == ["ann@example.be"]


def test_an_undone_transaction_mails_nothing(engine: Engine, catcher: tuple[Catcher, Mail]) -> None:
    with engine.connect() as conn:
        conn.begin()
        service.enqueue(conn, "ann@example.be", "Hello", "text")
        conn.rollback()
    assert service.deliver(engine, catcher[1], now_ms()) == 0


def test_a_line_break_begins_no_header(engine: Engine, catcher: tuple[Catcher, Mail]) -> None:
    found, mail = catcher
    enqueue(engine, subject="Hello\nBcc: all@example.be")
    enqueue(engine, "eva@example.be")
    service.deliver(engine, mail, now_ms())
    assert [(each["To"], each["Bcc"]) for each in found.mails] == [("eva@example.be", None)]


def test_without_a_server_it_waits(engine: Engine) -> None:
    enqueue(engine)
    with pytest.raises(OSError, match="refused"):
        service.deliver(engine, Mail(host="127.0.0.1", port=free_port()), now_ms())
    assert state(engine)[1:3] == (False, False)
