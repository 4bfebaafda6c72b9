"""What companies are shown no more: out of what webhooks were sent, and out of their snapshots.

The caller commits.
"""

from collections.abc import Iterable

from sqlalchemy import Connection

from cloud.exports import withdrawing as exports
from cloud.exports.withdrawing import SIGNED, Withdrawn
from cloud.webhooks import withdrawing as webhooks


def note(conn: Connection, found: Iterable[Withdrawn], at_ms: int) -> None:
    """Take it out of what webhooks were sent; remember it, of companies with snapshots."""
    rows = {(each.company_id, each.what, each.number): each for each in found}
    _from_webhooks(conn, rows)
    exports.remember(conn, rows.values(), at_ms)


def _from_webhooks(conn: Connection, keys: Iterable[tuple[int | None, str, int]]) -> None:
    """A webhook is told that something is gone; of whom it named before, it only forgets."""
    found: dict[str, set[tuple[int, int]]] = {}
    for company, what, number in keys:
        if company is not None:
            found.setdefault(what, set()).add((company, number))
    for what in ("registration", "correction"):
        webhooks.withdraw(conn, what, found.get(what, ()))
    webhooks.empty(conn, "registration", found.get("earlier", ()))
    for what in SIGNED:
        webhooks.empty(conn, "correction", found.get(what, ()))
