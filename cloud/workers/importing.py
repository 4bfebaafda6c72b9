"""Entering many workers at once: first what would become of each row, then all of it or nothing."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from cloud.companies.tables import companies
from cloud.errors import ConflictError, InvalidError, RefusedError
from cloud.languages.current import gettext as _
from cloud.webhooks import outbox
from cloud.webhooks.events import Event
from cloud.workers import badging, editing, inss, service
from cloud.workers.sheets import TITLES, Row
from cloud.workers.tables import badges, workers
from cloud.workers.vault import Vault

_YES = frozenset(
    {"1", "oui", "ja", "yes", "true", "vrai", "waar", "x", "actif", "actief", "active"}
)
_NO = frozenset({"0", "non", "nee", "nein", "no", "false", "faux", "onwaar", "inactif", "inactief"})
PROFILE = "printed"
"""What a list calls a badge's number is the one printed on it."""
_CHECKS = {
    "number": editing.checked_number,
    "given_name": editing.checked_given_name,
    "family_name": editing.checked_family_name,
}
_UNIQUE = ("number", "inss_mark", "badge")


class Fate(StrEnum):
    """What becomes of a row."""

    CREATE = "create"
    CHANGE = "change"
    SAME = "same"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Planned:
    """One row: its line in the file, what becomes of it, and in words what changes or is wrong."""

    line: int
    fate: Fate
    detail: str
    values: dict[str, Any]


def plan(conn: Connection, company: int, rows: Iterable[Row], vault: Vault) -> list[Planned]:
    """What would become of each row. Nothing is changed."""
    known = {
        row.number: row
        for row in conn.execute(
            select(workers).where(
                workers.c.company_id == company, workers.c.restricted_ms.is_(None)
            )
        )
    }
    by_mark = {row.inss_mark: row.number for row in known.values() if row.inss_mark is not None}
    owners, employers = {}, {}
    for row in conn.execute(
        select(badges.c.number, badges.c.worker_id, badges.c.employer_vat).where(
            badges.c.profile == PROFILE
        )
    ):
        owners[row.number], employers[row.number] = row.worker_id, row.employer_vat
    ours = conn.execute(select(companies.c.vat).where(companies.c.id == company)).scalar_one()
    seen: dict[tuple[str, Any], int] = {}
    planned = []
    for each in rows:
        try:
            values = _values(each, vault)
            _refuse_twice(seen, each.line, values)
            _refuse_taken(values, known, by_mark, owners)
            if owners.get(values.get("badge")) is None:
                badging.refuse_employer(employers.get(values.get("badge")), ours)
            planned.append(_planned(each.line, values, known.get(values["number"]), owners))
        except RefusedError as error:
            planned.append(Planned(each.line, Fate.REFUSE, str(error), {}))
    return planned


def apply(conn: Connection, company: int, planned: Iterable[Planned]) -> dict[str, int]:
    """Do what was planned; how many rows met which fate. The caller commits.

    Raises ConflictError when a row was refused: then nothing of the file is to be entered.
    """
    counts = dict.fromkeys((fate.value for fate in Fate), 0)
    told: dict[Event, list[int]] = {}
    for row in planned:
        counts[row.fate] += 1
        if row.fate is Fate.REFUSE:
            raise ConflictError(
                _("line %(line)d: %(why)s; nothing was entered")
                % {"line": row.line, "why": row.detail}
            )
        if row.fate is Fate.SAME:
            continue
        values = dict(row.values)
        badge = values.pop("badge", None)
        worker, event = service.enter(conn, company, **values)
        if badge is not None:
            badging.take(conn, company, worker, (PROFILE, badge))
        told.setdefault(event or Event.WORKER_CHANGED, []).append(worker)
    for event, workers_ in told.items():
        outbox.tell(conn, event, company, workers_)
    return counts


def fingerprint(planned: Iterable[Planned]) -> str:
    """What was planned, in a word: the same for the same fates and values.

    Sealed numbers are left out, for they are other ones each time; what they are found by is not.
    """
    digest = hashlib.sha256()
    for row in planned:
        values = {name: value for name, value in row.values.items() if name != "inss_sealed"}
        digest.update(repr((row.line, row.fate.value, row.detail, sorted(values.items()))).encode())
    return digest.hexdigest()


def _values(row: Row, vault: Vault) -> dict[str, Any]:
    """The row as columns of a worker. Raises InvalidError."""
    fields = row.fields
    values: dict[str, Any] = {name: check(fields.get(name, "")) for name, check in _CHECKS.items()}
    if "active" in fields:
        values["active"] = _truth(fields["active"])
    if "inss" in fields:
        digits = inss.normalise(fields["inss"])
        values["inss_sealed"] = vault.seal(digits)
        values["inss_mark"] = vault.mark(digits)
    if "badge" in fields:
        _, values["badge"] = service.normalise(PROFILE, fields["badge"])
    return values


def _truth(word: str) -> bool:
    plain = word.strip().lower()
    if plain not in _YES | _NO:
        raise InvalidError(
            _("“%(word)s” does not say whether the worker is active: yes or no")
            % {"word": word[:20]}
        )
    return plain in _YES


def _refuse_twice(seen: dict[tuple[str, Any], int], line: int, values: dict[str, Any]) -> None:
    names = {column: TITLES[column.removesuffix("_mark")] for column in _UNIQUE}
    for column, name in names.items():
        if column not in values:
            continue
        earlier = seen.setdefault((column, values[column]), line)
        if earlier != line:
            raise ConflictError(
                _("the same %(what)s stands on line %(line)d; keep one of them")
                % {"what": _(name), "line": earlier}
            )


def _refuse_taken(
    values: dict[str, Any], known: dict[str, Any], by_mark: dict[bytes, str], owners: dict[str, Any]
) -> None:
    number = values["number"]
    holder = by_mark.get(values.get("inss_mark", b""))
    if holder is not None and holder != number:
        raise ConflictError(
            _("worker %(number)s has this INSS already; use that number") % {"number": holder}
        )
    owner = owners.get(values.get("badge", ""))
    mine = known[number].id if number in known else None
    if owner is not None and owner != mine:
        raise ConflictError(_("this badge is linked to somebody already; unlink it there first"))


def _planned(line: int, values: dict[str, Any], known: Any, owners: dict[str, Any]) -> Planned:
    if known is None:
        return Planned(
            line, Fate.CREATE, _("worker %(number)s is new") % {"number": values["number"]}, values
        )
    changed = [
        _(TITLES[column])
        for column in ("given_name", "family_name", "active")
        if column in values and values[column] != getattr(known, column)
    ]
    if "inss_mark" in values and values["inss_mark"] != known.inss_mark:
        changed.append(_(TITLES["inss"]))
    if "badge" in values and owners.get(values["badge"]) != known.id:
        changed.append(_(TITLES["badge"]))
    if not changed:
        return Planned(line, Fate.SAME, _("is as it stands"), values)
    return Planned(line, Fate.CHANGE, _("changes: %(what)s") % {"what": ", ".join(changed)}, values)
