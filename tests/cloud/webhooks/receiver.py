"""A real server on loopback that takes webhooks, in TLS by an authority of the test's own."""

import json
import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks.webhooks import Webhook

from protocol.keyfiles import save_secret
from provisioning import certificates

HOST = "hooks.example.test"
"""In the server's certificate, beside localhost; no name server knows it."""


class Authority:
    """Its certificate is `ca.pem`; that of a server for HOST and localhost is used by `context`."""

    def __init__(self, directory: Path) -> None:
        for name in ("ca.key", "server.key"):
            save_secret(directory / name, certificates.new_key_pem())
        key, ours = (certificates.load_key(directory / name) for name in ("ca.key", "server.key"))
        authority = certificates.Authority(key, certificates.make_authority(key))
        self.ca_file = directory / "ca.pem"
        self.ca_file.write_bytes(certificates.pem(authority.certificate))
        issued = authority.issue_server(ours.public_key(), "hooks", [HOST, "localhost"])
        (directory / "server.pem").write_bytes(certificates.pem(issued))
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(directory / "server.pem", directory / "server.key")


@dataclass(frozen=True)
class Got:
    """A message that came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verified(self, secret: str) -> dict[str, Any]:
        """What it says, once somebody else's library has found it signed."""
        found: dict[str, Any] = Webhook(secret).verify(self.body, self.headers)
        return found


Answer = Callable[[Got], tuple[int, dict[str, str], bytes]]


def takes(_got: Got) -> tuple[int, dict[str, str], bytes]:
    return 204, {}, b""


def says(status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
    """Always the same answer."""
    return lambda _got: (status, headers or {}, body)


class Receiver:
    """Answers as `answer` says, and keeps what came in `got`."""

    def __init__(self, authority: Authority | None) -> None:
        self.got: list[Got] = []
        self.answer: Answer = takes
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = 20

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                got = Got(self.path, headers, body)
                receiver.got.append(got)
                status, more, answer = receiver.answer(got)
                self.send_response(status)
                for name, value in {**more, "content-length": str(len(answer))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        if authority is not None:
            self._server.socket = authority.context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self.port: int = self._server.server_address[1]
        scheme = "http" if authority is None else "https"
        self.url = f"{scheme}://localhost:{self.port}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def stop(self) -> None:
        """Close the port."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, *_: Any) -> None:
        """Whoever sends to it may break off."""


class RawServer:
    """Takes connections, and has each served by a function of the test's, in a thread."""

    def __init__(self, authority: Authority, serve: Callable[[ssl.SSLSocket], None]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"https://localhost:{self.port}/hook"
        self.stopped = threading.Event()
        self._authority, self._serve = authority, serve
        self._thread = threading.Thread(target=self._accept)
        self._thread.start()

    def stop(self) -> None:
        """Close the port, and let those that still serve go."""
        if self.stopped.is_set():
            return
        self.stopped.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _accept(self) -> None:
        while not self.stopped.is_set():
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(plain,), daemon=True).start()

    def _one(self, plain: socket.socket) -> None:
        try:
            with self._authority.context.wrap_socket(plain, server_side=True) as tls:
                tls.settimeout(20)
                tls.recv(65_536)
                self._serve(tls)
                # Closed with something unread, the connection is reset, and what was sent is lost.
                while tls.recv(65_536):
                    continue
        except OSError:
            plain.close()
