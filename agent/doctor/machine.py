"""The machine: its clock, and the disk under the journal."""

import os
import sqlite3
from pathlib import Path

from agent.boot_clock import SYS, was_told_at_boot
from agent.clock import kernel_sync
from agent.disk import LEVELS, usage
from agent.doctor.findings import Check, Findings

_VOLATILE = {"tmpfs", "ramfs", "overlay"}
_FOREIGN = {"nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "vfat", "exfat"}
_MOUNTS = Path("/proc/self/mounts")
_NO_ERROR_MS = 16_000
"""A kernel that was never told its error says that it is as much as it can say: 16 s."""


def clock(keeps_time: bool | None, sys: Path = SYS) -> Findings:
    """Whether taps will be dated right, at once and after a power cut."""
    check = Check("clock", "system clock")
    synchronised, bound_ms = kernel_sync()
    if synchronised and bound_ms < _NO_ERROR_MS:
        yield check.ok(f"synchronised, at most {bound_ms} ms off")
    else:
        yield check.warning(
            "not synchronised: taps are marked until a time server is heard",
            "let NTP through (UDP port 123), and see `timedatectl timesync-status`",
        )
    rtc = Check("clock", "clock at boot")
    if keeps_time is not None:
        told = "right" if keeps_time else "not believed"
        yield rtc.ok(f"{told} by `keeps_time = {str(keeps_time).lower()}` in the configuration")
    elif was_told_at_boot(sys):
        yield rtc.ok("set from a battery-backed clock or by the host")
    else:
        yield rtc.warning(
            "nothing sets it at boot: taps before a time server is heard are corrected only later",
            "fit a battery-backed clock (RTC) if this terminal boots without a network",
        )


def disk(state: Path, mounts: Path = _MOUNTS) -> Findings:
    """Whether the volume of the state directory can keep a journal."""
    check = Check("disk", str(state))
    try:
        full = usage(state)
    except OSError as error:
        yield check.fault(
            f"cannot be looked at: {error.strerror}",
            f"make it with `pointeuse provision terminal {state} ...`",
        )
        return
    free = f"{full.free // 1_000_000:,} MB free, {full.percent} % used"
    if full.percent >= LEVELS[0]:
        yield check.warning(free, "free some room: at 95 % taps are close to being refused")
    else:
        yield check.ok(free)
    yield from _file_system(Check("disk", "file system"), state, mounts)
    yield Check("disk", "SQLite").ok(f"version {sqlite3.sqlite_version}")


def _file_system(check: Check, state: Path, mounts: Path) -> Findings:
    kind, options = _mounted(state, mounts)
    if not os.access(state, os.W_OK) or "ro" in options:
        yield check.fault(
            f"{kind}, and nothing can be written there by this user",
            f"run the doctor as the agent's user; or `mount -o remount,rw` what holds {state}",
        )
    elif kind in _VOLATILE:
        yield check.fault(
            f"{kind}: gone with the power, and every tap with it",
            "put `terminal.state` on a disk or card (ext4)",
        )
    elif kind in _FOREIGN:
        yield check.fault(
            f"{kind}: it does not keep what SQLite needs of a disk",
            "put `terminal.state` on a local disk or card (ext4)",
        )
    else:
        yield check.ok(f"{kind}; `pointeuse agent bench-storage` says whether it is fast enough")


def _mounted(path: Path, mounts: Path) -> tuple[str, set[str]]:
    """Kind and options of the file system that holds `path`; the longest mount point wins."""
    resolved = path.resolve()
    best, found = -1, ("unknown", set[str]())
    for line in mounts.read_text().splitlines():
        _, point, kind, options, *_ = line.split()
        at = Path(point.replace("\\040", " "))
        if resolved.is_relative_to(at) and len(at.parts) >= best:
            best, found = len(at.parts), (kind, set(options.split(",")))
    return found
