"""Free ports on loopback, and who listens where."""

from pathlib import Path

from hwsim.processes import free_port, listens

__all__ = ["free_port", "listening", "listens"]


def listening(port: int) -> set[str]:
    """The addresses on which somebody listens on `port`, as /proc/net writes them, in hex."""
    found = set()
    for table in ("tcp", "tcp6"):
        for line in (Path("/proc/net") / table).read_text().splitlines()[1:]:
            local, state = line.split()[1], line.split()[3]
            address, _, number = local.partition(":")
            if state == "0A" and int(number, 16) == port:
                found.add(address)
    return found
