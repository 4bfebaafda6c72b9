"""Telling systemd that the agent is ready, alive or stopping (sd_notify(3))."""

import os
import socket


class Notifier:
    """Sends states to `NOTIFY_SOCKET`; does nothing outside systemd."""

    def __init__(self) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)

    def send(self, state: str) -> None:
        """Send one state, such as `READY=1` or `WATCHDOG=1`. A deaf systemd is not our fault."""
        if not self._address:
            return
        try:
            sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        except OSError:  # too many open files: the next one may get through
            return
        with sender:
            try:
                sender.sendto(state.encode(), self._address)
            except OSError:
                self._address = ""
