"""Telling systemd how a service is (sd_notify(3)); silent outside systemd."""

import contextlib
import os
import socket


def notify(state: str) -> None:
    """Send one state, such as `READY=1`."""
    address = os.environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
    if not address:
        return
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender,
        contextlib.suppress(OSError),
    ):
        sender.sendto(state.encode(), address)
