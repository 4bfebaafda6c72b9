"""The fault proxy, between real sockets."""

import itertools
import socket
from collections.abc import Iterator
from typing import Self

import pytest

from hwsim.chaos import proxy as proxies
from hwsim.chaos.faults import Fault, Kind, Weather, faults
from hwsim.chaos.proxy import Proxy

AT = 1000


class Pair:
    """A client and the server it reached through a proxy."""

    def __init__(self, kind: Kind | None, monkeypatch: pytest.MonkeyPatch, hold_s: float) -> None:
        def one(seed: str, _: Weather) -> Iterator[Fault]:
            struck = kind is not None and seed.endswith("up")
            return itertools.repeat(Fault(AT, kind, hold_s, 10) if struck and kind else _never())

        monkeypatch.setattr(proxies, "faults", one)
        self.proxy = Proxy(1)
        self.listener = socket.create_server(("127.0.0.1", 0))

    def __enter__(self) -> Self:
        self.proxy.__enter__()
        port = self.proxy.link("x", self.listener.getsockname()[1], Weather())
        self.proxy.storm()
        self.client = socket.create_connection(("127.0.0.1", port), 20)
        self.server, _ = self.listener.accept()
        self.server.settimeout(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.proxy.__exit__()
        for each in (self.client, self.server, self.listener):
            each.close()


def receive(end: socket.socket, most: int) -> bytes:
    """What comes, up to `most` octets or the end."""
    found = b""
    while len(found) < most and (data := end.recv(most - len(found))):
        found += data
    return found


def connect_and_read(port: int) -> None:
    """Where the line is severed, the reset may come before the connection is made, or after."""
    with socket.create_connection(("127.0.0.1", port), 20) as client:
        client.recv(1)


def _never() -> Fault:
    return Fault(1 << 60, Kind.RESET, 0, 0)


SENT = bytes(range(256)) * 8


def test_without_a_fault_every_octet_passes_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pair(None, monkeypatch, 0) as pair:
        pair.client.sendall(SENT * 100)
        assert receive(pair.server, len(SENT) * 100) == SENT * 100
        pair.client.shutdown(socket.SHUT_WR)
        assert pair.server.recv(1) == b""
        pair.server.sendall(SENT)
        pair.server.close()
        assert receive(pair.client, 1 << 20) == SENT
        assert not pair.proxy.struck


def test_a_reset_comes_after_exactly_so_many_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pair(Kind.RESET, monkeypatch, 0) as pair:
        pair.client.sendall(SENT[:AT])
        assert receive(pair.server, AT) == SENT[:AT]
        pair.client.sendall(b"!")
        for end in (pair.client, pair.server):
            with pytest.raises(ConnectionResetError):
                end.recv(1)
        assert pair.proxy.struck == {"reset": 1}
        assert pair.proxy.cuts == 1


def test_a_close_is_a_fin(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pair(Kind.CLOSE, monkeypatch, 0) as pair:
        pair.client.sendall(SENT[: AT + 1])
        assert receive(pair.server, 1 << 20) == SENT[:AT]
        assert pair.client.recv(1) == b""


def test_a_hole_leaves_octets_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pair(Kind.HOLE, monkeypatch, 0) as pair:
        pair.client.sendall(SENT[:1500])
        assert receive(pair.server, 1490) == SENT[:AT] + SENT[AT + 10 : 1500]


def test_a_delay_changes_nothing_but_time(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pair(Kind.DELAY, monkeypatch, 0.05) as pair:
        pair.client.sendall(SENT)
        assert receive(pair.server, len(SENT)) == SENT
        assert pair.proxy.struck["delay"] == 2


def test_a_half_closed_connection_still_carries_the_other_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Pair(Kind.HALF_CLOSE, monkeypatch, 30) as pair:
        pair.client.sendall(SENT)
        assert receive(pair.server, 1 << 20) == SENT[:AT]
        pair.server.sendall(b"answer")
        assert receive(pair.client, 6) == b"answer"
        pair.proxy.calm()
        with pytest.raises(ConnectionResetError):
            pair.client.recv(1)


@pytest.mark.parametrize("kind", [Kind.SWALLOW, Kind.STALL])
def test_what_vanishes_never_arrives_and_the_end_is_a_reset(
    kind: Kind, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Pair(kind, monkeypatch, 0.2) as pair:
        pair.client.sendall(SENT)
        assert receive(pair.server, AT) == SENT[:AT]
        with pytest.raises(ConnectionResetError):
            pair.server.recv(1)


def test_nobody_behind_the_proxy_is_a_reset_and_the_next_connection_may_pass() -> None:
    target = socket.create_server(("127.0.0.1", 0))
    port = target.getsockname()[1]
    target.close()
    with Proxy(1) as proxy:
        entrance = proxy.link("x", port, Weather())
        with (
            pytest.raises(ConnectionResetError),  # as it connects, or just after
            socket.create_connection(("127.0.0.1", entrance), 20) as client,
        ):
            client.recv(1)
        with (
            socket.create_server(("127.0.0.1", port)) as listener,
            socket.create_connection(("127.0.0.1", entrance), 20) as client,
        ):
            server, _ = listener.accept()
            with server:
                client.sendall(b"x")
                assert server.recv(1) == b"x"


def test_a_seed_gives_the_same_faults_and_another_seed_others() -> None:
    def first(seed: str, weather: Weather) -> list[Fault]:
        return list(itertools.islice(faults(seed, weather), 200))

    weather = Weather()
    assert first("a", weather) == first("a", weather)
    assert first("a", weather) != first("b", weather)
    assert {fault.kind for fault in first("a", weather)} == set(Kind)
    assert all(weather.soonest <= fault.after <= weather.latest for fault in first("a", weather))
    kinds = {fault.kind for fault in first("a", Weather(sealed=False))}
    assert kinds == set(Kind) - {Kind.HOLE}


def test_a_severed_line_resets_what_is_and_what_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    with Pair(None, monkeypatch, 0) as pair:
        port = pair.client.getpeername()[1]
        pair.proxy.sever()
        with pytest.raises(ConnectionResetError):
            pair.client.recv(1)
        pair.client.close()
        with pytest.raises(ConnectionResetError):
            connect_and_read(port)
        pair.proxy.mend()
        pair.client.close()
        pair.client = socket.create_connection(("127.0.0.1", port), 20)
        pair.server.close()
        pair.server, _ = pair.listener.accept()
        pair.client.sendall(b"again")
        assert receive(pair.server, 5) == b"again"
