"""Serial and input devices: whether one is there, may be opened, and is nobody else's."""

import grp
import os
import stat
from pathlib import Path

from agent.doctor.findings import Check, Findings

_PROC = Path("/proc")


def of_port(reader: str, device: Path, proc: Path = _PROC) -> Findings:
    """What keeps the device of a reader from being opened; nothing when nothing does."""
    check = Check("ports", reader)
    try:
        found = device.stat()
    except OSError as error:
        near = _alike(device)
        others = f"; there are {', '.join(near)}" if near else ""
        yield check.fault(
            f"{device}: {error.strerror}{others}",
            "plug it in, and name it by its place in /dev/serial/by-id, which never changes",
        )
        return
    if not stat.S_ISCHR(found.st_mode):
        yield check.fault(f"{device} is no device", "correct `device` in the configuration")
        return
    if not os.access(device, os.R_OK | os.W_OK):
        group = _group(found.st_gid)
        yield check.fault(
            f"{device} is closed to this user (group {group}, mode {found.st_mode & 0o777:04o})",
            f"`usermod -aG {group} USER`, USER being whom the agent runs as; then log in again",
        )
        return
    holders, hidden = _holders(device, proc)
    if holders:
        yield check.fault(
            f"{device} is open in {', '.join(holders)}",
            "stop it; ModemManager tries every port: `systemctl mask --now ModemManager`",
        )
        return
    if hidden:
        yield check.ok(
            f"{device} is there and open to this user; whether another user's program has it,"
            " only root sees: `sudo pointeuse agent doctor`"
        )
        return
    yield check.ok(f"{device} is there, open to this user, and nobody else's")


def _alike(device: Path) -> list[str]:
    """Devices that may be meant."""
    by_id = sorted(str(path) for path in Path("/dev/serial/by-id").glob("*"))
    kinds = ("ttyUSB*", "ttyACM*", "ttyAMA*", "ttyS0")
    return by_id or sorted(
        str(path) for kind in kinds for path in Path("/dev").glob(kind) if path != device
    )


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def _holders(device: Path, proc: Path) -> tuple[list[str], bool]:
    """The programs that have a device open, and whether any are hidden from this user."""
    wanted = device.resolve()
    found = set()
    hidden = False
    for process in proc.glob("[0-9]*"):
        if process.name == str(os.getpid()):
            continue
        try:
            for descriptor in (process / "fd").iterdir():
                if descriptor.readlink() == wanted:
                    name = (process / "comm").read_text().strip()
                    found.add(f"{name} (process {process.name})")
        except PermissionError:
            hidden = True
        except OSError:  # it ended
            continue
    return sorted(found), hidden
