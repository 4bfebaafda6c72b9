"""Telling terminals what is set on them: signed and encrypted when it is sent.

Nothing is retained at the broker: a terminal says in its hello which number it has in force, and
gets what is newer, under the keys of that moment. One that is online gets it at the next look.
"""

import logging
from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Engine, Select, func, select

from cloud.configurations.tables import configurations
from cloud.terminals.tables import terminals
from protocol.configuration import Configuration
from protocol.errors import MalformedError
from protocol.keys import SigningKey
from protocol.seals import X25519, SealingPublicKey

_log = logging.getLogger("pointeuse.ingest")
MOST = 64
"""Configurations made in one turn at most: a full one is 240 KB."""


class Publisher:
    """What is still to be told. Used by one thread, ingest's."""

    def __init__(self, engine: Engine, key: SigningKey) -> None:
        """`key` signs configuration."""
        self._engine, self._key = engine, key
        self._told: dict[int, int] = {}

    def forget(self) -> None:
        """What was told on an earlier connection may never have arrived."""
        self._told.clear()

    def due(self, greeting: Collection[str] | None = None) -> list[tuple[str, bytes]]:
        """Devices, and the configuration to send to each.

        `greeting`: only these, whose hello has just been taken, and they are told again; or else
        every terminal that was not told since its configuration was changed.
        """
        if greeting is not None and not greeting:
            return []
        with self._engine.connect() as conn:
            rows = [
                row
                for row in conn.execute(_newer(greeting))
                if greeting is not None or self._told.get(row.id, 0) < row.number
            ][:MOST]
            return [message for row in rows for message in self._message(conn, row)]

    def _message(self, conn: Connection, row: Any) -> list[tuple[str, bytes]]:
        self._told[row.id] = row.number
        try:
            recipient = SealingPublicKey(X25519, row.sealing_key)
        except MalformedError as error:
            _log.warning("device %s cannot be configured: its %s", row.device, error)
            return []
        body = conn.execute(
            select(configurations.c.body).where(
                configurations.c.terminal_id == row.id, configurations.c.number == row.number
            )
        ).scalar_one()
        message = Configuration(row.thumbprint, row.number, body).sign(self._key, recipient)
        return [(row.device, message)]


def _newer(devices: Collection[str] | None) -> Select[Any]:
    """Terminals for which there is a higher number than the one they have in force."""
    newest = (
        select(configurations.c.terminal_id, func.max(configurations.c.number).label("number"))
        .group_by(configurations.c.terminal_id)
        .subquery()
    )
    query = (
        select(
            terminals.c.id,
            terminals.c.device,
            terminals.c.thumbprint,
            terminals.c.sealing_key,
            newest.c.number,
        )
        .join(newest, newest.c.terminal_id == terminals.c.id)
        .where(
            newest.c.number > func.coalesce(terminals.c.config_number, 0),
            terminals.c.sealing_key.is_not(None),
            terminals.c.status != "banned",
        )
        .order_by(terminals.c.id)
    )
    return query if devices is None else query.where(terminals.c.device.in_(devices))
