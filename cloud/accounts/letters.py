"""One mail to several people, each in the language of their account. The caller commits."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import Connection, Row

from cloud.languages.current import gettext as _
from cloud.languages.current import language
from cloud.mail import service as mail

Reader = Row[tuple[int, str, str]]
"""An account that is written to: `id`, `email`, `language`."""


def send(
    conn: Connection, readers: Iterable[Reader], subject: str, body: str, words: dict[str, Any]
) -> None:
    """Mail a subject and a body, which are marked for translation, filled in with `words`."""
    for reader in readers:
        before = language.set(reader.language)
        try:
            mail.enqueue(conn, reader.email, _(subject) % words, _(body) % words + "\n")
        finally:
            language.reset(before)
