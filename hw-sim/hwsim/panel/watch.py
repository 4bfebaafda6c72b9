"""What the page shows: looked up again and again, at those who know, and never made up."""

import json
import threading
import time
from http.client import HTTPException
from typing import Any, Self

from hwsim.panel.controls import Controls
from hwsim.panel.readers import shown
from hwsim.panel.world import World
from hwsim.stack import OPERATOR

_LOOK_S = 0.1
_ASK_PLATFORM_S = 0.5
_REGISTRATIONS = "/v1/registrations?limit=8"
_SAID = ("queue", "acked", "head", "epoch", "clock", "uplink", "alarms", "configuration")
"""What of an agent's status is passed on."""
_COLUMNS = (
    "id", "badge", "worker", "employer", "private_company", "company", "site", "direction",
    "reader", "assurance", "remarks", "tapped_at", "corrected",
)  # fmt: skip


class Watch:
    """A thread that looks; use it in a `with` block. `state` is JSON, `version` counts changes."""

    def __init__(self, world: World, controls: Controls) -> None:
        self._world, self._controls = world, controls
        self._stop = threading.Event()
        self._registrations: list[dict[str, Any]] = []
        self._console = {
            "url": world.stack.url,
            "account": OPERATOR,
            "password": world.stack.operator_password(),
        }
        self._unread = ""
        """Why the platform's registrations could not be read; empty when they could."""
        self._ask_at = 0.0
        self.version, self.state = 1, json.dumps(self._look())
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def stopped(self) -> bool:
        """Whether nothing will be seen any more."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Look no more; who follows the state is to end."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(_LOOK_S):
            state = json.dumps(self._look())
            if state != self.state:
                self.state = state
                self.version += 1

    def _look(self) -> dict[str, Any]:
        world, controls = self._world, self._controls
        status = world.terminal.status() if controls.power else None
        holding = controls.holding
        readers = []
        for reader in world.readers.values():
            reader.look()
            said = {} if status is None else status["readers"].get(reader.name, {})
            readers.append(
                shown(reader)
                | {"holding": holding.get(reader.name)}
                | {"state": said.get("state"), "detail": said.get("detail")}
            )
        return {
            "device": world.terminal.device,
            "console": self._console,
            "faults": {
                "network": controls.network,
                "broker": controls.broker,
                "power": controls.power,
                "clock": controls.clock,
            },
            "agent": None if status is None else {name: status[name] for name in _SAID},
            "wall_s": world.clock.wall_ms // 60_000 * 60 if controls.power else None,
            "screen": world.screen.lines()[-6:],
            "readers": readers,
            "registrations": self._latest(),
            "unread": self._unread,
        }

    def _latest(self) -> list[dict[str, Any]]:
        if time.monotonic() >= self._ask_at:
            self._ask_at = time.monotonic() + _ASK_PLATFORM_S
            try:
                items = self._world.stack.get(_REGISTRATIONS)["items"]
            except (OSError, HTTPException, ValueError) as error:
                self._unread = str(error) or type(error).__name__
                return self._registrations
            self._unread = ""
            self._registrations = [{name: each[name] for name in _COLUMNS} for each in items]
        return self._registrations


def hand(world: World) -> list[dict[str, Any]]:
    """The badges, as the page draws them, with the readers that have a field for each."""
    return [
        {
            "key": held.key,
            "title": held.title,
            "says": held.says,
            "detail": held.detail,
            "look": held.look,
            "readers": [reader.name for reader in world.readers.values() if reader.sees(held)],
        }
        for held in world.hand.held.values()
    ]
