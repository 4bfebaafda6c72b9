"""Writing what goes out: what a delivery says, at its first try and ever after, and its secrets.

What leaves of people is noted in the trail as it is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, update

from cloud.accounts import scopes
from cloud.audit.service import Actor, note
from cloud.rows import among
from cloud.webhooks import bodies, signing
from cloud.webhooks.places import Whose
from cloud.webhooks.tables import webhook_deliveries
from cloud.workers.vault import Vault


@dataclass(frozen=True, slots=True)
class Letter:
    """A message ready to go."""

    id: int
    company_id: int
    webhook_id: int
    message: str
    url: str
    secrets: tuple[str, ...]
    body: bytes

    @property
    def whose(self) -> Whose:
        """Of whose places it takes one."""
        return self.company_id, self.webhook_id

    def signed(self, at_s: int) -> dict[str, str]:
        """Its headers, when it is sent `at_s` seconds after 1970."""
        return signing.headers(self.secrets, self.message, at_s, self.body)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes letters. `base` is where the API is, without `/v1`."""

    reading: Engine
    writing: Engine
    vault: Vault
    base: str

    def letters(self, webhook: Row[Any], rows: Sequence[Row[Any]], at_ms: int) -> list[Letter]:
        """The messages of some deliveries in hand; what goes out first is written and kept now.

        Raises VaultError.
        """
        secrets = self._secrets(webhook, at_ms)
        texts = {row.id: row.body for row in rows if row.body is not None}
        texts |= self._written(webhook, [row for row in rows if row.body is None])
        return [
            Letter(
                row.id,
                webhook.company_id,
                webhook.id,
                row.message,
                webhook.url,
                secrets,
                texts[row.id].encode(),
            )
            for row in rows
        ]

    def _written(self, webhook: Row[Any], rows: Sequence[Row[Any]]) -> dict[int, str]:
        if not rows:
            return {}
        may = scopes.read(webhook.scopes)
        with self.writing.begin() as conn:
            # Whoever erases somebody waits for us, or we for them: no name is kept behind them.
            these = among(conn, webhook_deliveries.c.id, [row.id for row in rows])
            ours = select(webhook_deliveries.c.id).where(these).order_by(webhook_deliveries.c.id)
            conn.execute(ours.with_for_update()).all()
            with self.reading.connect() as looking:
                found = bodies.written(looking, webhook.company_id, may, rows, base=self.base)
            texts = {number: bodies.encoded(body) for number, body in found.items()}
            for row in rows:
                this = webhook_deliveries.c.id == row.id
                conn.execute(update(webhook_deliveries).where(this).values(body=texts[row.id]))
                if found[row.id]["data"] is not None:
                    _note(conn, webhook, row)
        return texts

    def _secrets(self, webhook: Row[Any], at_ms: int) -> tuple[str, ...]:
        """Those that sign: the present one, and for a day the one before. Raises VaultError."""
        kept = [webhook.sealed]
        if webhook.before_until_ms is not None and at_ms < webhook.before_until_ms:
            kept.append(webhook.sealed_before)
        return tuple(signing.unsealed(self.vault, webhook.id, bytes(each)) for each in kept)


def _note(conn: Connection, webhook: Row[Any], delivery: Row[Any]) -> None:
    """Write into the trail that fields of a worker, or of a correction, leave."""
    thing, _, what = delivery.event.partition(".")
    if thing in ("worker", "correction"):
        note(
            conn,
            Actor("webhook"),
            thing,
            "send",
            company_id=webhook.company_id,
            target_id=delivery.subject_id,
            detail={"webhook": webhook.id, "event": what},
        )
