"""Mosquitto's configuration and access list.

A client is who its certificate says: the CN becomes user name and client id, whatever the client
claims, and the access list is written in terms of that name. The broker need keep nothing: a
terminal keeps a record until the platform's signed receipt.
"""

from dataclasses import dataclass
from pathlib import Path

from protocol import topics
from provisioning.errors import ProvisioningError

INGEST = "pointeuse-ingest"
"""CN of the platform's own client; no device number looks like it."""
MAX_WORKERS = 8
"""Processes of ingest that may share the work."""

_MAX_PACKET = 256 * 1024
_QUEUE_BYTES = 64 * 1024 * 1024
_MEMORY_BYTES = 1024 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the broker listens, as which user it runs, and where its files are."""

    directory: Path
    bind: str
    port: int
    user: str


def ingest_name(worker: int) -> str:
    """CN of an ingest process, the first being 1: each is a client of its own."""
    return INGEST if worker == 1 else f"{INGEST}-{worker}"


def access_list() -> str:
    """The ACL file: a terminal's own eight topics, and the platform's view of all of them."""
    lines = ["# Written by `pointeuse provision`. %u is the CN of the client's certificate."]
    lines += [f"pattern write {topics.topic('%u', name)}" for name in topics.FROM_TERMINAL]
    lines += [f"pattern read {topics.topic('%u', name)}" for name in topics.TO_TERMINAL]
    for worker in range(1, MAX_WORKERS + 1):
        lines += ["", f"user {ingest_name(worker)}"]
        lines += [f"topic read {topics.every(name)}" for name in topics.FROM_TERMINAL]
        lines += [f"topic write {topics.every(name)}" for name in topics.TO_TERMINAL]
    return "\n".join(lines) + "\n"


def configuration(listener: Listener) -> str:
    """mosquitto.conf for Mosquitto 2.0. Raises ProvisioningError for a path it cannot hold."""
    directory = str(listener.directory)
    if (
        any(not character.isprintable() for character in directory)
        or directory != directory.strip()
    ):
        raise ProvisioningError(
            f"{directory!r} cannot stand in mosquitto.conf; use a directory without control"
            " characters and without spaces at its ends"
        )
    return f"""\
# Written by `pointeuse provision`; changes are overwritten when it runs again.
per_listener_settings true
user {listener.user}

# Nothing is kept over a restart: terminals keep their records until the signed receipt.
persistence false
persistent_client_expiration 1d
max_queued_messages 0
max_queued_bytes {_QUEUE_BYTES}
max_inflight_messages 1000
memory_limit {_MEMORY_BYTES}
max_packet_size {_MAX_PACKET}
set_tcp_nodelay true
sys_interval 0

# Who connects and who is refused; nothing about single messages.
log_dest stderr
log_type error
log_type warning
log_type notice
connection_messages true

listener {listener.port} {listener.bind}
cafile {directory}/ca.crt
certfile {directory}/broker.crt
keyfile {directory}/broker.key
tls_version tlsv1.2
ciphers ECDHE+AESGCM:ECDHE+CHACHA20
require_certificate true
use_identity_as_username true
use_username_as_clientid true
allow_anonymous false
max_qos 1
acl_file {directory}/acl
"""
