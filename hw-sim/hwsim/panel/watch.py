"""What the page shows: looked up again and again, at those who know, and never made up."""

import json
import threading
import time
from http.client import HTTPException
from typing import Any, Self

import segno

from hwsim.panel.asking import Asked
from hwsim.panel.controls import Controls
from hwsim.panel.story import Sequel, Story
from hwsim.panel.world import World
from hwsim.stack import OPERATOR

_LOOK_S = 0.1
_ASK_PLATFORM_S = 0.5
_PATIENCE_S = 1.0
"""How long an agent may be silent until it counts as one that does not answer."""
_REGISTRATIONS = "/v1/registrations?limit=6"
_SAID = ("queue", "acked", "head", "epoch", "clock", "uplink", "alarms", "configuration")
"""What of an agent's status is passed on."""
_COLUMNS = (
    "id", "badge", "worker", "employer", "private_company", "company", "site", "direction",
    "reader", "assurance", "remarks", "tapped_at", "corrected",
)  # fmt: skip


class Watch:
    """A thread that looks; use it in a `with` block. `state` is JSON, `version` counts changes."""

    def __init__(self, world: World, controls: Controls, story: Story) -> None:
        self._world, self._controls, self._story = world, controls, story
        self._sequel = Sequel(story)
        self._stop = threading.Event()
        self._began = time.time_ns()
        self._console = {
            "url": world.stack.url,
            "account": OPERATOR,
            "password": world.stack.operator_password(),
        }
        self._unread = ""
        """Why the platform's registrations could not be read; empty when they could."""
        self._registrations: list[dict[str, Any]] = []
        self._agent = Asked(world.terminal.status, _LOOK_S, "asks the agent")
        self._platform = Asked(self._read, _ASK_PLATFORM_S, "asks the platform")
        self.version, self.state = 1, json.dumps(self._look())
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._agent.__enter__()
        self._platform.__enter__()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._agent.__exit__()
        self._platform.__exit__()

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
        status = self._status()
        self._sequel.look(status)
        holding = controls.holding
        readers = []
        for reader in world.readers.values():
            reader.look()
            said = {} if status is None else status["readers"].get(reader.name, {})
            readers.append(
                reader.shown()
                | {"holding": holding.get(reader.name)}
                | {"state": said.get("state"), "detail": said.get("detail")}
            )
        return {
            "began": str(self._began),
            "device": world.terminal.device,
            "console": self._console,
            "faults": {
                "network": controls.network,
                "broker": controls.broker,
                "power": controls.power,
                "clock": controls.clock,
            },
            "agent": None if status is None else {name: status[name] for name in _SAID},
            "ended": self._ended(),
            "wall_s": world.clock.wall_ms // 60_000 * 60 if controls.power else None,
            "screen": world.screen.lines()[-6:],
            "readers": readers,
            "story": self._story.lines(),
            "registrations": self._platform.answer,
            "unread": self._unread,
        }

    def _status(self) -> dict[str, Any] | None:
        """What the agent says of itself, if it has power and answers."""
        there = self._controls.power and self._agent.waits_s < _PATIENCE_S
        return self._agent.answer if there else None

    def _ended(self) -> str | None:
        """What the agent said last, if it ended and nobody cut its power."""
        agent = self._world.terminal.agent
        return agent.last_words() if self._controls.power and not agent.running() else None

    def _read(self) -> list[dict[str, Any]]:
        """The newest registrations of the platform, or those before it could not be asked."""
        try:
            items = self._world.stack.get(_REGISTRATIONS)["items"]
        except (OSError, HTTPException, ValueError) as error:
            self._unread = str(error) or type(error).__name__
        else:
            self._unread = ""
            self._registrations = [{name: each[name] for name in _COLUMNS} for each in items]
        return self._registrations


def hand(world: World) -> list[dict[str, Any]]:
    """The badges, as the page draws them, and why which reader cannot notice which."""
    readers = world.readers.values()
    return [
        {
            "key": held.key,
            "title": held.title,
            "says": held.says,
            "detail": held.detail,
            "look": held.look,
            "chip": bool(held.card or held.tag),
            "code": None if held.printed is None else code(held.printed),
            "misses": {each.name: why for each in readers if (why := each.misses(held))},
        }
        for held in world.hand.held.values()
    ]


def code(number: str) -> dict[str, Any]:
    """A number as a QR code (ISO/IEC 18004): its modules along a side, and the dark ones' path."""
    rows = segno.make(number, micro=False).matrix
    dark = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, on in enumerate(row) if on)
    return {"modules": len(rows), "path": "".join(dark)}
