"""Whether something told this machine the time when it booted.

A battery-backed clock (RTC) from which the kernel set its own, or the host of a virtual machine.
All else that sets a clock at boot without asking anybody is a guess from the disk (`fake-hwclock`,
systemd-timesyncd's saved clock): behind by as long as the power was off.
"""

import time
from contextlib import suppress
from pathlib import Path

SYS = Path("/sys")
_RTC_NEAR_S = 60
"""How far an RTC that was believed at boot may stand from the wall clock.

One without a battery begins at 1970 or 2000, and a saved clock overrules it.
"""
_HOSTS = {
    "kvm-clock",
    "xen",
    "hyperv_clocksource_tsc_page",
    "hyperv_clocksource_msr",
}
"""Clock sources of guests: their kernels take the time of day from the host as they boot."""


def was_told_at_boot(sys: Path = SYS) -> bool:
    """Whether the wall clock of this boot began right; `sys` is where sysfs is mounted."""
    return _rtc_set_it(sys) or _host_told_it(sys)


def _rtc_set_it(sys: Path) -> bool:
    for rtc in sorted(sys.glob("class/rtc/rtc*")):
        # No such attribute, or an RTC whose battery is empty: reading its time then fails.
        with suppress(OSError, ValueError):
            if (rtc / "hctosys").read_text().strip() == "1":
                shown_s = int((rtc / "since_epoch").read_text())
                return abs(shown_s - time.time_ns() // 1_000_000_000) <= _RTC_NEAR_S
    return False


def _host_told_it(sys: Path) -> bool:
    """A guest may count by another clock source; that it is offered its host's is what tells."""
    for source in sys.glob("devices/system/clocksource/clocksource*/available_clocksource"):
        with suppress(OSError):
            if _HOSTS & set(source.read_text().split()):
                return True
    return False
