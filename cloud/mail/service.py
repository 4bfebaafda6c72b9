"""Putting mail into the outbox, and sending what is due.

What is to be mailed is written with what it speaks of, in one transaction: a mail is sent when, and
only when, that came to be. It may come twice, and is never lost; a day after it was written it is
given up, and its text removed.
"""

import logging
import smtplib
from email.message import EmailMessage
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from cloud.mail.server import connected
from cloud.mail.tables import mails
from cloud.settings import Mail
from cloud.times import now_ms

AT_ONCE = 50
KEPT_MS = 86_400_000
"""How long a mail is tried."""
_FIRST_MS = 60_000
_LONGEST = 6
"""Doublings of the wait between two tries."""
_PERMANENT = 500
_log = logging.getLogger("pointeuse.mail")


def enqueue(conn: Connection, address: str, subject: str, body: str) -> None:
    """Have a mail sent once the caller's transaction is committed."""
    now = now_ms()
    conn.execute(
        insert(mails).values(
            address=address, subject=subject, body=body, created_ms=now, due_ms=now
        )
    )


def deliver(engine: Engine, mail: Mail, at_ms: int) -> int:
    """Send what is due; how many mails the server took. Raises OSError when it does not answer."""
    due = _claim(engine, at_ms)
    if not due:
        return 0
    sent = 0
    with connected(mail) as server:
        for row in due:
            values: dict[str, Any] = {"sent_ms": at_ms, "body": None}
            try:
                server.send_message(message(row, mail.sender))
            except (smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused) as error:
                code = _code(error)
                _log.warning("mail %d is refused: %d", row["id"], code)
                if code < _PERMANENT:
                    continue
                values = {"failed_ms": at_ms, "body": None}
            except ValueError:
                # What somebody typed would have become a header of its own.
                values = {"failed_ms": at_ms, "body": None}
            with engine.begin() as conn:
                conn.execute(update(mails).where(mails.c.id == row["id"]).values(**values))
            sent += "sent_ms" in values
    return sent


def message(row: Any, sender: str) -> EmailMessage:
    """The mail of a row. A line break in a header is refused by `email` itself."""
    made = EmailMessage()
    made["From"], made["To"], made["Subject"] = sender, row["address"], row["subject"]
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(row["body"])
    return made


def _claim(engine: Engine, at_ms: int) -> list[Any]:
    """What is due, put off first: another process does not send it as well."""
    open_ones = mails.c.sent_ms.is_(None) & mails.c.failed_ms.is_(None)
    with engine.begin() as conn:
        conn.execute(
            update(mails)
            .where(open_ones, mails.c.created_ms < at_ms - KEPT_MS)
            .values(failed_ms=at_ms, body=None)
        )
        rows = list(
            conn.execute(
                select(mails)
                .where(open_ones, mails.c.due_ms <= at_ms)
                .order_by(mails.c.due_ms, mails.c.id)
                .limit(AT_ONCE)
                .with_for_update(skip_locked=True)
            ).mappings()
        )
        for row in rows:
            wait_ms = _FIRST_MS << min(row["tries"], _LONGEST)
            conn.execute(
                update(mails)
                .where(mails.c.id == row["id"])
                .values(tries=row["tries"] + 1, due_ms=at_ms + wait_ms)
            )
    return rows


def _code(error: smtplib.SMTPResponseException | smtplib.SMTPRecipientsRefused) -> int:
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code
    return max(code for code, _ in error.recipients.values())
