"""Notifications by mail, taken by a real server on loopback."""

import json
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from sqlalchemy import Engine, select, update

from cloud.accounts.tables import accounts
from cloud.notifications import post, service
from cloud.notifications.kinds import Kind
from cloud.notifications.tables import notification_mails
from cloud.notifications.watch import once
from cloud.settings import Mail
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from tests.cloud.console.company import Company
from tests.cloud.console.test_terminals import Gates
from tests.support.ports import free_port

pytestmark = pytest.mark.integration


class Catcher:
    """Keeps what comes; refuses as long as it is told to."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.refusing = False

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """aiosmtpd's word for a mail that was sent."""
        if self.refusing:
            return "451 later"
        self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 taken"


@pytest.fixture
def catcher() -> Iterator[tuple[Catcher, Mail]]:
    found = Catcher()
    controller = Controller(found, hostname="127.0.0.1", port=free_port())
    controller.start()
    yield found, Mail(host="127.0.0.1", port=controller.port, sender="gates@example.be")
    controller.stop()


@pytest.fixture
def gates(engine: Engine) -> Gates:
    """All silent since long; members of either company and the operator want to know."""
    gates = Gates(Company(engine))
    with engine.begin() as conn:
        conn.execute(update(terminals).values(last_seen_ms=1, last_status=json.dumps({})))
        for name, account in gates.company.who.items():
            kinds = [Kind.GAP] if name == "auditor" else [Kind.SILENT]
            service.choose(conn, account, kinds)
        conn.execute(update(accounts).values(language="en"))
    return gates


def test_whoever_wants_and_sees_it_is_mailed_once(
    gates: Gates, engine: Engine, catcher: tuple[Catcher, Mail]
) -> None:
    caught, mail = catcher
    for _ in range(2):
        once(engine, now_ms(), mail)
    found = sorted(each["To"] for each in caught.mails)
    expected = {"administrator": 3, "manager": 1, "viewer": 2, "external": 1, "other": 1,
                "operator": 5}  # fmt: skip
    assert found == sorted(
        f"{name}@example.be" for name, count in expected.items() for _ in range(count)
    )
    first = caught.mails[0]
    assert first["From"] == "gates@example.be"
    assert first["Subject"] == "Pointeuse: A terminal is silent"
    assert "has told nothing since 1 Jan 1970, 01:00:00 +01:00" in first.get_content()


def test_what_is_refused_is_tried_again_later_and_not_for_ever(
    gates: Gates, engine: Engine, catcher: tuple[Catcher, Mail]
) -> None:
    caught, mail = catcher
    caught.refusing = True
    now = now_ms()
    once(engine, now, mail)
    caught.refusing = False
    assert post.deliver(engine, mail, now + 59_999) == 0
    assert post.deliver(engine, mail, now + 60_000) == 13
    assert len(caught.mails) == 13
    with engine.begin() as conn:
        conn.execute(update(notification_mails).values(sent_ms=None, tries=post.TRIES))
    assert post.deliver(engine, mail, now * 2) == 0


def test_a_server_that_is_away_loses_nothing(gates: Gates, engine: Engine) -> None:
    now = now_ms()
    with pytest.raises(OSError, match="refused"):
        once(engine, now, Mail(host="127.0.0.1", port=free_port()))
    with engine.connect() as conn:
        rows = conn.execute(select(notification_mails)).all()
    assert len(rows) == 13
    assert {row.sent_ms for row in rows} == {None}


def test_without_a_server_nothing_is_kept_to_be_sent(gates: Gates, engine: Engine) -> None:
    once(engine, now_ms())
    with engine.connect() as conn:
        assert conn.execute(select(notification_mails)).all() == []


def test_whoever_was_disabled_is_told_nothing(
    gates: Gates, engine: Engine, catcher: tuple[Catcher, Mail]
) -> None:
    caught, mail = catcher
    with engine.begin() as conn:
        conn.execute(update(accounts).values(disabled_ms=1))
    once(engine, now_ms(), mail)
    assert caught.mails == []
