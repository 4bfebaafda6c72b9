"""The status socket: whoever connects is told of the agent, so that nobody opens a live journal.

Who says nothing, or asks for the status, gets one JSON object. Whoever asks another question, in
one line of JSON, gets what `agent.proof.questions` answers.
"""

import json
import logging
import os
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

_log = logging.getLogger("pointeuse.status")
SOCKET = "status.sock"
_PATIENCE_S = 2.0
_SILENCE_S = 0.1
"""After this, one who has said nothing is taken to ask for the status."""
_LONGEST_QUESTION = 4096
_TRIES = 3
_STATUS = b'{"want": "status"}\n'


class StatusServer:
    """Answers on `status.sock` in the state directory, in a thread of its own."""

    def __init__(
        self,
        state: Path,
        snapshot: Callable[[], dict[str, Any]],
        answer: Callable[[bytes], bytes | None] = lambda _: None,
    ) -> None:
        """`answer` is given a line that was sent; None from it means that the status was asked."""
        self._path = state / SOCKET
        self._snapshot = snapshot
        self._answer = answer
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self._path.unlink(missing_ok=True)
        previous = os.umask(0o117)
        try:
            self._socket.bind(str(self._path))
        finally:
            os.umask(previous)
        self._socket.listen(16)
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
                try:
                    answer = self._answer(_question(peer))
                    peer.settimeout(_PATIENCE_S)
                    peer.sendall(
                        json.dumps(self._snapshot()).encode() if answer is None else answer
                    )
                except OSError:  # the asker left
                    continue
                except Exception as error:  # noqa: BLE001 - the next one may be answered
                    _log.warning("no answer: %r", error)


def _question(peer: socket.socket) -> bytes:
    """The line that was sent; nothing when none comes soon.

    Who sends an octet now and then must not keep everybody else waiting.
    """
    until = time.monotonic() + _PATIENCE_S
    line = b""
    try:
        while not line.endswith(b"\n") and len(line) < _LONGEST_QUESTION:
            left_s = until - time.monotonic()
            if left_s <= 0:
                return b""
            peer.settimeout(min(_SILENCE_S, left_s))
            received = peer.recv(_LONGEST_QUESTION)
            if not received:
                break
            line += received
    except TimeoutError:
        return b""
    return line


def ask(state: Path) -> dict[str, Any]:
    """The status of the agent that runs on `state`. Raises OSError when none answers."""
    answer: dict[str, Any] = json.loads(question(state, _STATUS))
    return answer


def question(state: Path, line: bytes) -> bytes:
    """All that the agent on `state` answers to one line. Raises OSError when none answers."""
    for _ in range(_TRIES):
        with suppress(ConnectionResetError, BrokenPipeError):  # it was taken for one who is silent
            return _ask_once(state, line)
    return _ask_once(state, line)


def _ask_once(state: Path, line: bytes) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as peer:
        peer.settimeout(10)
        peer.connect(str(state / SOCKET))
        peer.sendall(line)
        with peer.makefile("rb") as file:
            return file.read()
