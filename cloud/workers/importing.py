"""Entering many workers at once: first what would become of each row, then all of it or nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection, select

from cloud import text
from cloud.errors import ConflictError, InvalidError, RefusedError
from cloud.workers import inss, service
from cloud.workers.sheets import Row
from cloud.workers.tables import badges, workers
from cloud.workers.vault import Vault

_YES = frozenset(
    {"1", "oui", "ja", "yes", "true", "vrai", "waar", "x", "actif", "actief", "active"}
)
_NO = frozenset({"0", "non", "nee", "nein", "no", "false", "faux", "onwaar", "inactif", "inactief"})
PROFILE = "printed"
"""What a list calls a badge's number is the one printed on it."""


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
        for row in conn.execute(select(workers).where(workers.c.company_id == company))
    }
    by_mark = {row.inss_mark: row.number for row in known.values() if row.inss_mark is not None}
    owners = {
        row.number: row.worker_id
        for row in conn.execute(
            select(badges.c.number, badges.c.worker_id).where(badges.c.profile == PROFILE)
        )
    }
    seen: dict[tuple[str, Any], int] = {}
    planned = []
    for row in rows:
        try:
            values = _values(row, vault)
            _refuse_twice(seen, row.line, values)
            _refuse_taken(values, known, by_mark, owners)
            planned.append(_planned(row.line, values, known.get(values["number"]), owners))
        except RefusedError as error:
            planned.append(Planned(row.line, Fate.REFUSE, str(error), {}))
    return planned


def apply(conn: Connection, company: int, planned: Iterable[Planned]) -> dict[str, int]:
    """Do what was planned; how many rows met which fate. The caller commits.

    Raises ConflictError when a row was refused: then nothing of the file is to be entered.
    """
    counts = dict.fromkeys((fate.value for fate in Fate), 0)
    for row in planned:
        counts[row.fate] += 1
        if row.fate is Fate.REFUSE:
            raise ConflictError(f"line {row.line}: {row.detail}; nothing was entered")
        if row.fate is Fate.SAME:
            continue
        values = dict(row.values)
        badge = values.pop("badge", None)
        worker = service.put_worker(conn, company, **values)
        if badge is not None:
            service.link_badge(conn, service.put_badge(conn, PROFILE, badge), worker)
    return counts


def _values(row: Row, vault: Vault) -> dict[str, Any]:
    """The row as columns of a worker. Raises InvalidError."""
    fields = row.fields
    values: dict[str, Any] = {
        name: text.name(fields.get(name, ""), f"the {name.replace('_', ' ')}")
        for name in ("number", "given_name", "family_name")
    }
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
        raise InvalidError(f"{word[:20]!r} does not say whether the worker is active: yes or no")
    return plain in _YES


def _refuse_twice(seen: dict[tuple[str, Any], int], line: int, values: dict[str, Any]) -> None:
    names = {"number": "number", "inss_mark": "INSS", "badge": "badge"}
    for column, name in names.items():
        if column not in values:
            continue
        earlier = seen.setdefault((column, values[column]), line)
        if earlier != line:
            raise ConflictError(f"the same {name} stands on line {earlier}; keep one of them")


def _refuse_taken(
    values: dict[str, Any], known: dict[str, Any], by_mark: dict[bytes, str], owners: dict[str, Any]
) -> None:
    number = values["number"]
    holder = by_mark.get(values.get("inss_mark", b""))
    if holder is not None and holder != number:
        raise ConflictError(f"worker {holder} has this INSS already; use that number")
    owner = owners.get(values.get("badge", ""))
    mine = known[number].id if number in known else None
    if owner is not None and owner != mine:
        raise ConflictError("this badge is linked to somebody already; unlink it there first")


def _planned(line: int, values: dict[str, Any], known: Any, owners: dict[str, Any]) -> Planned:
    if known is None:
        return Planned(line, Fate.CREATE, f"worker {values['number']} is new", values)
    compared = {"given_name": "given name", "family_name": "family name", "active": "active"}
    changed = [
        name
        for column, name in compared.items()
        if column in values and values[column] != getattr(known, column)
    ]
    if "inss_mark" in values and values["inss_mark"] != known.inss_mark:
        changed.append("INSS")
    if "badge" in values and owners.get(values["badge"]) != known.id:
        changed.append("badge")
    if not changed:
        return Planned(line, Fate.SAME, "is as it stands", values)
    return Planned(line, Fate.CHANGE, f"changes: {', '.join(changed)}", values)
