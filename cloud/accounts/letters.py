"""One mail to several people, each in the language of their account. The caller commits."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from sqlalchemy import Connection, select

from cloud.accounts.tables import accounts
from cloud.languages.current import gettext as _
from cloud.languages.current import language, spoken
from cloud.mail import service as mail


class Reader(NamedTuple):
    """Somebody who is written to: an account, or None who has none yet."""

    id: int | None
    email: str
    language: str


def reader(conn: Connection, email: str) -> Reader:
    """Whoever has an address (normalised); without an account, in the current language."""
    who = select(accounts.c.id, accounts.c.email, accounts.c.language)
    row = conn.execute(who.where(accounts.c.email == email)).one_or_none()
    return Reader(None, email, language.get()) if row is None else Reader(*row)


def send(
    conn: Connection, readers: Iterable[Reader], subject: str, body: str, words: dict[str, Any]
) -> None:
    """Mail a subject and a body, which are marked for translation, filled in with `words`."""
    for reader in readers:
        with spoken(reader.language):
            mail.enqueue(conn, reader.email, _(subject) % words, _(body) % words + "\n")
