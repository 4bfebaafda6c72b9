"""Taking out, for an inspector, what is kept of somebody who is restricted: proofs and all.

Whoever does so says whom and why. Nothing else shows such a person to anybody of the company.
"""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sqlalchemy import Connection, Row, select

from cloud import text
from cloud.disclosure import service as disclosure
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.subjects import documents, holdings
from cloud.visibility import row_security
from cloud.visibility.rules import Viewer
from cloud.workers import inss
from cloud.workers.tables import restrictions, workers
from cloud.workers.vault import Vault, VaultError
from protocol.seals import SealingKey

MOST = 1000
"""Presences at once: each is proved by itself."""


def find(conn: Connection, who: Viewer, typed: str, vault: Vault | None) -> int:
    """The restricted person of a name, a number or an INSS. Raises NotFoundError, ConflictError."""
    wanted = text.name(typed, _("the person"))
    with row_security.lifted(conn):
        rows = conn.execute(
            select(workers, restrictions.c.number.label("numbered"))
            .join(restrictions, restrictions.c.worker_id == workers.c.id)
            .where(restrictions.c.company_id == who.company_id)
            .order_by(workers.c.id)
        ).all()
    found = [row.id for row in rows if _is(row, wanted, vault)]
    if not found:
        raise NotFoundError(_("Nobody of this name, number or INSS is restricted."))
    if len(found) > 1:
        raise ConflictError(_("Several people are called so; give the number or the INSS."))
    return int(found[0])


def package(
    conn: Connection,
    company: int,
    worker: int,
    vault: Vault | None,
    keys: Sequence[SealingKey],
    since_ms: int | None,
    until_ms: int | None,
) -> bytes:
    """A ZIP of what is kept of a period, each registration with its proof. Raises ConflictError."""
    held = holdings.holdings(
        conn, company, worker, vault, restricted=True, since_ms=since_ms, until_ms=until_ms
    )
    if len(held["registrations"]) > MOST:
        raise ConflictError(
            _("More than %(most)d registrations; ask for a shorter period.") % {"most": MOST}
        )
    proofs: dict[str, bytes] = {}
    with row_security.lifted(conn):
        for row in held["registrations"]:
            number = row["registration"]
            # What cannot be opened is in the list all the same.
            with suppress(ConflictError, NotFoundError):
                made = disclosure.disclose(conn, disclosure.place_of(conn, number), keys)
                proofs[f"proofs/registration-{number}.disclosure"] = made.disclosure.encode()
    return documents.archive(held, [], also=proofs)


def _is(row: Row[Any], wanted: str, vault: Vault | None) -> bool:
    names = (f"{row.given_name} {row.family_name}", f"{row.family_name} {row.given_name}")
    if wanted.lower() in (name.lower() for name in names) or wanted == row.numbered:
        return True
    if vault is None or row.inss_sealed is None:
        return False
    with suppress(InvalidError, VaultError):
        return inss.normalise(wanted) == vault.unseal(row.inss_sealed)
    return False
