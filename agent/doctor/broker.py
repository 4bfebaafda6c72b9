"""The way to the broker, step by step: name, connection, TLS, and whether it lets us in."""

import errno
import socket
import ssl
import threading
from pathlib import Path

from agent.config import Uplink
from agent.doctor.findings import Check, Finding, Findings

TIMEOUT_S = 5.0


def broker(uplink: Uplink, state: Path, device: str | None) -> Findings:
    """Each step until one fails; `device` None: nothing to log in as.

    The last one connects as this terminal, so it is not for one whose agent runs.
    """
    host, port = uplink.host, uplink.port
    try:
        found = _resolved(host, port)
    except OSError as error:
        yield Check("broker", "name").fault(
            f"{host} is not found: {error.strerror or error}",
            "check `uplink.host`, and the network's DNS: `resolvectl query` or `getent hosts`",
        )
        return
    yield Check("broker", "name").ok(f"{host} is {found}")
    check = Check("broker", "connection")
    try:
        plain = socket.create_connection((host, port), TIMEOUT_S)
    except OSError as error:
        yield check.fault(
            f"{host}:{port} does not answer: {error.strerror or error}",
            f"check `uplink.port`, cable and firewall (outgoing TCP {port}), and the broker",
        )
        return
    with plain:
        yield check.ok(f"{host}:{port} answers")
        try:
            context = _context(state)
        except OSError as error:
            yield Check("broker", "TLS").skipped(f"the certificates cannot be used: {error}")
            return
        try:
            with context.wrap_socket(plain, server_hostname=host) as secure:
                yield Check("broker", "TLS").ok(f"{secure.version()}, and it is {host}")
        except ssl.SSLCertVerificationError as error:
            yield Check("broker", "TLS").fault(
                f"its certificate is not believed: {error.verify_message}",
                "check the clock first; then that `uplink.host` is the name in the certificate, and"
                " that this terminal was enrolled with that platform",
            )
            return
        except OSError as error:
            yield Check("broker", "TLS").fault(
                f"no TLS with {host}:{port}: {error.strerror or error}",
                "check that this port is the broker's, and nothing on the way opens TLS",
            )
            return
    if device is not None:
        yield _let_in(uplink, context, device)


def _resolved(host: str, port: int) -> str:
    """An address of a host. Raises OSError, TimeoutError too: the system's resolver has no limit.

    It is left behind then, in a thread that nobody waits for.
    """
    found: list[str | OSError] = []

    def resolve() -> None:
        try:
            first, *_ = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            found.append(str(first[4][0]))
        except OSError as error:
            found.append(error)

    thread = threading.Thread(target=resolve, name="resolver", daemon=True)
    thread.start()
    thread.join(TIMEOUT_S)
    if not found:
        raise TimeoutError(errno.ETIMEDOUT, f"no name server answers within {TIMEOUT_S:g} s")
    if isinstance(found[0], OSError):
        raise found[0]
    return found[0]


def _context(state: Path) -> ssl.SSLContext:
    from agent.uplink.connection import tls_context

    return tls_context(state, check_dates=True)


def _let_in(uplink: Uplink, context: ssl.SSLContext, device: str) -> Finding:
    from agent.uplink.connection import Connection, ConnectionLostError, Waker
    from protocol import topics

    check = Check("broker", "MQTT")
    try:
        connection = Connection(
            uplink.host,
            uplink.port,
            device,
            context,
            keepalive_s=uplink.keepalive_s,
            timeout_s=TIMEOUT_S,
            will=(topics.topic(device, "status"), b'{"state": "offline"}'),
            waker=Waker(),
        )
        with connection:
            connection.subscribe([topics.topic(device, "receipts")])
    except ConnectionLostError as error:
        return check.fault(
            str(error),
            "see that the platform knows this terminal and has not banned it, and the broker's log",
        )
    return check.ok("the broker lets this terminal in, and lets it hear its receipts")
