"""Workers as people change them one by one, several at once. The caller commits.

A form says what it showed when it was opened; what somebody else changed since is told, and nothing
of the form is entered.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from cloud import text
from cloud.companies.service import lock
from cloud.errors import ConflictError, NotFoundError
from cloud.languages.current import gettext as _
from cloud.stale import refuse_stale
from cloud.times import now_ms
from cloud.webhooks import outbox
from cloud.webhooks.events import Event
from cloud.workers import inss, service
from cloud.workers.tables import workers
from cloud.workers.vault import Vault

INSS = ("inss_sealed", "inss_mark")


def checked_number(number: str) -> str:
    """A worker's number, tidied. Raises InvalidError."""
    return text.name(number, _("the number"))


def checked_given_name(name: str) -> str:
    """A given name, tidied. Raises InvalidError."""
    return text.name(name, _("the given name"))


def checked_family_name(name: str) -> str:
    """A family name, tidied. Raises InvalidError."""
    return text.name(name, _("the family name"))


def sealed(vault: Vault, digits: str) -> dict[str, bytes]:
    """An INSS as columns of a worker: sealed, and what it is found by."""
    return {"inss_sealed": vault.seal(digits), "inss_mark": vault.mark(digits)}


def create(conn: Connection, company: int, values: Mapping[str, Any]) -> int:
    """A new worker; the id. `values` are columns, checked. Raises ConflictError."""
    lock(conn, company)
    _refuse_number(conn, company, values["number"])
    _refuse_inss(conn, company, values)
    ended_ms = None if values.get("active", True) else now_ms()
    made = insert(workers).values(company_id=company, ended_ms=ended_ms, **values)
    worker = int(conn.execute(made.returning(workers.c.id)).scalar_one())
    outbox.tell(conn, Event.WORKER_CREATED, company, [worker])
    return worker


def change(
    conn: Connection,
    company: int,
    worker: int,
    values: Mapping[str, Any],
    was: Mapping[str, str],
) -> list[str]:
    """Change a worker; the names of what changed. `values` are columns, checked.

    An INSS is changed when there is one among them. Raises NotFoundError, ConflictError,
    StaleError.
    """
    lock(conn, company)
    row = worker_of(conn, company, worker)
    changed = {
        column: value
        for column, value in values.items()
        if column not in INSS and getattr(row, column) != value
    }
    if values.get("inss_mark", row.inss_mark) != row.inss_mark:
        changed |= {column: values[column] for column in INSS}
    if not changed:
        return []
    refuse_stale(was, shown(row))
    if "number" in changed:
        _refuse_number(conn, company, changed["number"])
    _refuse_inss(conn, company, changed)
    conn.execute(update(workers).where(workers.c.id == worker).values(**changed))
    outbox.tell(conn, Event.WORKER_CHANGED, company, [worker])
    return sorted("inss" if name == "inss_mark" else name for name in changed if name != INSS[0])


def set_active(conn: Connection, company: int, worker: int, active: bool) -> bool:
    """Put a worker on the active or the inactive list; whether that changed anything.

    Raises NotFoundError.
    """
    lock(conn, company)
    worker_of(conn, company, worker)
    changed = service.set_active(conn, worker, active)
    if changed:
        outbox.tell(conn, Event.WORKER_CHANGED, company, [worker])
    return changed


def worker_of(conn: Connection, company: int, worker: int) -> Row[Any]:
    """A worker of a company. Raises NotFoundError."""
    row = conn.execute(
        select(workers).where(
            workers.c.id == worker,
            workers.c.company_id == company,
            workers.c.restricted_ms.is_(None),
        )
    ).one_or_none()
    if row is None:
        raise NotFoundError(_("There is no such worker."))
    return row


def shown(row: Row[Any]) -> dict[str, str]:
    """What a form shows of a worker; of the INSS only whether there is one."""
    return {
        "number": row.number,
        "given_name": row.given_name,
        "family_name": row.family_name,
        "inss": "no" if row.inss_mark is None else "yes",
    }


def masked_inss(row: Row[Any], vault: Vault) -> str | None:
    """A worker's INSS as screens show it. Raises VaultError."""
    return None if row.inss_sealed is None else inss.masked(vault.unseal(row.inss_sealed))


def _refuse_number(conn: Connection, company: int, number: str) -> None:
    taken = select(workers.c.id).where(workers.c.company_id == company, workers.c.number == number)
    if conn.execute(taken).first() is not None:
        raise ConflictError(
            _("Another worker of the company has the number %(number)s; choose another.")
            % {"number": number}
        )


def _refuse_inss(conn: Connection, company: int, values: Mapping[str, Any]) -> None:
    if "inss_mark" not in values:
        return
    holder = conn.execute(
        select(workers.c.number).where(
            workers.c.company_id == company, workers.c.inss_mark == values["inss_mark"]
        )
    ).scalar()
    if holder is not None:
        raise ConflictError(
            _("Worker %(number)s has this INSS already; one person is entered once.")
            % {"number": holder}
        )
