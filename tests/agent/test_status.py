"""The status socket."""

import contextlib
import json
import socket
from pathlib import Path

import pytest

from agent import status
from agent.status import SOCKET, StatusServer, ask


def test_it_answers_each_asker_and_is_closed_to_others(tmp_path: Path) -> None:
    server = StatusServer(tmp_path, lambda: {"queue": 3})
    try:
        assert (tmp_path / SOCKET).stat().st_mode & 0o777 == 0o660
        assert ask(tmp_path) == {"queue": 3}
        # One who connects and leaves, and one who says things, disturb nobody.
        with socket.socket(socket.AF_UNIX) as rude:
            rude.connect(str(tmp_path / SOCKET))
        with socket.socket(socket.AF_UNIX) as chatty:
            chatty.connect(str(tmp_path / SOCKET))
            assert json.loads(chatty.recv(100)) == {"queue": 3}
            with contextlib.suppress(BrokenPipeError):  # it may be gone already
                chatty.sendall(b"thank you")
        assert ask(tmp_path) == {"queue": 3}
    finally:
        server.close()
    with pytest.raises(OSError, match="No such file"):
        ask(tmp_path)


def test_a_failure_leaves_the_next_asker_answered(tmp_path: Path) -> None:
    answers = iter([RuntimeError("the gate has stopped"), None])

    def snapshot() -> dict[str, int]:
        if (error := next(answers)) is not None:
            raise error
        return {"queue": 3}

    server = StatusServer(tmp_path, snapshot)
    try:
        with pytest.raises(ValueError, match="Expecting value"):
            ask(tmp_path)
        assert ask(tmp_path) == {"queue": 3}
    finally:
        server.close()


class Trickle:
    """One who sends an octet just before it would be taken for silent."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent = 0

    def monotonic(self) -> float:
        return self.now

    def settimeout(self, patience_s: float) -> None:
        self.patience_s = patience_s

    def recv(self, _length: int) -> bytes:
        self.now += self.patience_s * 0.9
        self.sent += 1
        return b" "


def test_who_sends_an_octet_now_and_then_does_not_keep_others_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    peer = Trickle()
    monkeypatch.setattr(status, "time", peer)
    assert status._question(peer) == b""  # type: ignore[arg-type]
    assert peer.now <= 2.0
    assert peer.sent < 100
