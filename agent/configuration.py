"""Configuration from the platform: received, believed, kept, in force, without a restart.

The document stays on the disk as it came, encrypted to this terminal, and is believed anew at each
start. Its number is kept in the journal besides, which outlives a journal that is begun anew:
whoever puts an older file back is not obeyed. A document that fails changes nothing, and `status`
says by what it failed.
"""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent import config
from agent.badges.conditions import Conditions
from agent.gate import Gate
from agent.queue.errors import CannotStoreError
from agent.telemetry import Telemetry
from agent.trust_store import TrustStore
from protocol import cose
from protocol.configuration import Configuration
from protocol.configured import Configured, assurance
from protocol.durable import write_durably
from protocol.errors import ProtocolError

_log = logging.getLogger("pointeuse.configuration")
FILE = "configuration.cose"
NUMBER = "config-number"
"""The journal's fact that holds the highest number ever in force."""
_ALARM = "configuration-refused"


class Configurations:
    """What the platform has set on this terminal. Used by one thread: at first that which starts
    the agent, then the uplink's.
    """

    def __init__(
        self,
        state: Path,
        trust: TrustStore,
        gate: Gate,
        defaults: config.Gate,
    ) -> None:
        """Nothing is in force before `start`; `defaults` are `agent.toml`'s."""
        self._path = state / FILE
        self._trust, self._gate, self._defaults = trust, gate, defaults
        self._telemetry: Telemetry = gate.telemetry
        self._terminal = gate.recorder.terminal
        self._held = b""
        self._floor = 0
        self._told: dict[str, Any] = {}
        self.number = 0
        """The one in force; 0 when none is."""

    def start(self) -> None:
        """Put in force what was kept. Called before the gate's thread runs."""
        self._apply(0, Configured())
        self._floor = self._gate.journal.number(NUMBER)
        try:
            message = self._path.read_bytes()
            kept = self._open(message, self._trust.config_lookup)
            self._apply(kept.number, Configured.decode(kept.body))
        except FileNotFoundError:
            if self._floor:
                self._refuse(f"configuration {self._floor} was in force, and {self._path} is gone")
        except (ProtocolError, OSError) as error:
            self._refuse(f"{self._path} cannot be believed: {error}")
        else:
            self._held, self.number = message, kept.number
            if kept.number > self._floor:  # the power went between the file and the journal
                with suppress(CannotStoreError):
                    self._note(kept.number)

    def receive(self, message: bytes) -> bool:
        """Adopt a document, durably, and apply it between two taps; whether it is a new one.

        Raises ProtocolError for one that is not to be believed: the one in force stays.
        """
        if message == self._held:
            return False
        try:
            adopted = self._adopt(message)
        except ProtocolError as error:
            self._refuse(str(error))
            raise
        except (OSError, CannotStoreError) as error:
            # A full disk must not end the session in which receipts would make room on it.
            self._refuse(f"it cannot be kept: {error}")
            return False
        self._telemetry.alarm(_ALARM, None)
        return adopted

    def told(self) -> dict[str, Any]:
        """What `status` says of it: which is in force, and what follows from it."""
        return self._told

    def _adopt(self, message: bytes) -> bool:
        found = self._open(message, self._trust.current.config_lookup)
        if found.number == self.number:  # sealed again by the platform, and nothing else
            return False
        configured = Configured.decode(found.body)
        write_durably(self._path, message)
        self._gate.ask(lambda: self._put_in_force(found.number, configured))
        self._held, self.number = message, found.number
        _log.info("configuration %d is in force", found.number)
        return True

    def _open(self, message: bytes, keys: cose.KeyLookup) -> Configuration:
        """That of the highest number so far is opened again: it may be lost, or sealed anew."""
        return Configuration.verify(
            message,
            keys,
            terminal=self._terminal,
            newer_than=max(self._floor - 1, 0),
            sealing_key=self._trust.sealing_key,
        )

    def _put_in_force(self, number: int, configured: Configured) -> None:
        """In the gate's thread, between two taps. Raises CannotStoreError."""
        self._note(number)
        self._apply(number, configured)

    def _note(self, number: int) -> None:
        self._gate.journal.set_fact(NUMBER, b"%d" % number)
        self._floor = number

    def _apply(self, number: int, configured: Configured) -> None:
        wanted, own = configured.settings().gate, self._defaults
        least = assurance(wanted.least_assurance or own.least_assurance)
        self._gate.conditions = Conditions(least, configured.blocked)
        debounce_s = own.debounce_s if wanted.debounce_s is None else wanted.debounce_s
        self._gate.debounce_s = debounce_s
        self._gate.recorder.config_version = number or None
        self._told = {
            "number": number,
            "least_assurance": None if least is None else least.label,
            "debounce_s": debounce_s,
            "blocked": 0 if configured.blocked is None else len(configured.blocked),
        }

    def _refuse(self, why: str) -> None:
        _log.warning("a configuration is refused: %s", why)
        self._telemetry.count("refused_configurations")
        self._telemetry.alarm(_ALARM, why)
