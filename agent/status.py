"""The status socket: one JSON object to whoever connects, so that nobody opens a live journal."""

import json
import logging
import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

_log = logging.getLogger("pointeuse.status")
SOCKET = "status.sock"
_PATIENCE_S = 2.0


class StatusServer:
    """Answers on `status.sock` in the state directory, in a thread of its own."""

    def __init__(self, state: Path, snapshot: Callable[[], dict[str, Any]]) -> None:
        self._path = state / SOCKET
        self._snapshot = snapshot
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._path.unlink(missing_ok=True)
        previous = os.umask(0o117)
        try:
            self._socket.bind(str(self._path))
        finally:
            os.umask(previous)
        self._socket.listen(4)
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering, and remove the socket."""
        self._path.unlink(missing_ok=True)
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:  # closed
                return
            with peer:
                peer.settimeout(_PATIENCE_S)
                try:
                    peer.sendall(json.dumps(self._snapshot()).encode())
                except OSError:  # the asker left
                    continue
                except Exception as error:  # noqa: BLE001 - the next one may be answered
                    _log.warning("no status: %r", error)


def ask(state: Path) -> dict[str, Any]:
    """The status of the agent that runs on `state`. Raises OSError when none answers."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(10)
        peer.connect(str(state / SOCKET))
        with peer.makefile("rb") as file:
            answer: dict[str, Any] = json.load(file)
            return answer
