"""Notifications by mail: to whoever chose their kind, and sees them.

What is to be sent stands in the database from the moment the notification is opened, and is tried
again until the server takes it: a mail may come twice, and is never lost.
"""

import json
import logging
import smtplib
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

from sqlalchemy import Connection, Engine, or_, select, update

from cloud.accounts.queries import companies_of
from cloud.accounts.tables import accounts
from cloud.languages.current import gettext as _
from cloud.languages.current import spoken
from cloud.mail.server import connected
from cloud.notifications.kinds import NAMES, Kind, sentence
from cloud.notifications.tables import (
    notification_choices,
    notification_mails,
    notifications,
)
from cloud.rows import insert_absent
from cloud.settings import Mail
from cloud.visibility.rules import Operator, Viewer, viewer
from cloud.visibility.told import visible_notifications

TRIES = 12
AT_ONCE = 50
_FIRST_MS = 60_000
_log = logging.getLogger("pointeuse.notifications")


def enqueue(conn: Connection, opened: Sequence[int], at_ms: int) -> int:
    """Have these notifications mailed to whoever wants and sees them; how many mails. No commit."""
    if not opened:
        return 0
    wanting = conn.execute(
        select(accounts.c.id, accounts.c.operator)
        .where(accounts.c.disabled_ms.is_(None))
        .where(
            accounts.c.id.in_(
                select(notification_choices.c.account_id).where(notification_choices.c.by_mail)
            )
        )
    ).all()
    rows = []
    for account in wanting:
        wanted = select(notification_choices.c.kind).where(
            notification_choices.c.account_id == account.id, notification_choices.c.by_mail
        )
        seen = or_(*(visible_notifications(each, account.id) for each in _views(conn, account)))
        query = select(notifications.c.id).where(
            notifications.c.id.in_(opened), notifications.c.kind.in_(wanted), seen
        )
        rows += [
            {"notification_id": number, "account_id": account.id, "due_ms": at_ms}
            for number in conn.execute(query).scalars()
        ]
    insert_absent(conn, notification_mails, rows, ["notification_id", "account_id"])
    return len(rows)


def deliver(engine: Engine, mail: Mail, at_ms: int) -> int:
    """Send what is due; how many mails the server took. Raises OSError when it cannot be reached.

    A mail that it refuses is tried again later, at most TRIES times.
    """
    due = _claim(engine, at_ms)
    sent = 0
    if not due:
        return sent
    with connected(mail) as server:
        for row in due:
            try:
                server.send_message(message(row, mail.sender))
            except smtplib.SMTPResponseException as error:
                _log.warning("a mail is refused: %s", error.smtp_code)
                continue
            except smtplib.SMTPRecipientsRefused:
                _log.warning("a mail is refused: nobody has its address")
                continue
            with engine.begin() as conn:
                this = notification_mails.c.notification_id == row["notification_id"]
                mine = notification_mails.c.account_id == row["account_id"]
                conn.execute(update(notification_mails).where(this, mine).values(sent_ms=at_ms))
            sent += 1
    return sent


def message(row: Any, sender: str) -> EmailMessage:
    """The mail about a notification, in the language of its account."""
    with spoken(row["language"]):
        kind = Kind(row["kind"])
        made = EmailMessage()
        made["From"], made["To"] = sender, row["email"]
        made["Subject"] = f"Pointeuse: {_(NAMES[kind])}"
        made["Auto-Submitted"] = "auto-generated"
        why = _("You chose on the page of notifications to be told of this by mail.")
        made.set_content(f"{sentence(kind, json.loads(row['detail']))}\n\n{why}\n")
    return made


def _claim(engine: Engine, at_ms: int) -> list[Any]:
    """What is due, put off first: another process does not send it as well."""
    with engine.begin() as conn:
        query = (
            select(
                notification_mails,
                notifications.c.kind,
                notifications.c.detail,
                accounts.c.email,
                accounts.c.language,
            )
            .join(notifications, notifications.c.id == notification_mails.c.notification_id)
            .join(accounts, accounts.c.id == notification_mails.c.account_id)
            .where(notification_mails.c.sent_ms.is_(None))
            .where(notification_mails.c.due_ms <= at_ms, notification_mails.c.tries < TRIES)
            .order_by(notification_mails.c.due_ms, notification_mails.c.notification_id)
            .limit(AT_ONCE)
            .with_for_update(of=notification_mails, skip_locked=True)
        )
        rows = list(conn.execute(query).mappings())
        for row in rows:
            conn.execute(
                update(notification_mails)
                .where(notification_mails.c.notification_id == row["notification_id"])
                .where(notification_mails.c.account_id == row["account_id"])
                .values(tries=row["tries"] + 1, due_ms=at_ms + _FIRST_MS * 2 ** row["tries"])
            )
    return rows


def _views(conn: Connection, account: Any) -> list[Viewer | Operator | None]:
    """The ways in which an account looks at things: at each of its companies, and at its own."""
    if account.operator:
        return [Operator(account.id)]
    return [
        None,
        *(viewer(conn, account.id, row["id"]) for row in companies_of(conn, account.id)),
    ]
