"""What sysfs says of who told a machine the time as it booted."""

import time
from pathlib import Path

import pytest

from agent.boot_clock import was_told_at_boot


def rtc(sys: Path, name: str, *, hctosys: str, behind_s: float | None) -> None:
    found = sys / "class/rtc" / name
    found.mkdir(parents=True)
    (found / "hctosys").write_text(f"{hctosys}\n")
    if behind_s is not None:
        (found / "since_epoch").write_text(f"{time.time() - behind_s:.0f}\n")


def source(sys: Path, available: str) -> None:
    found = sys / "devices/system/clocksource/clocksource0"
    found.mkdir(parents=True)
    (found / "available_clocksource").write_text(f"{available} \n")


def test_a_machine_with_neither_rtc_nor_host_was_told_nothing(tmp_path: Path) -> None:
    assert not was_told_at_boot(tmp_path)
    source(tmp_path, "arch_sys_counter")  # a Raspberry Pi
    assert not was_told_at_boot(tmp_path)


@pytest.mark.parametrize(
    ("hctosys", "behind_s", "told"),
    [
        ("1", 0, True),
        ("0", 0, False),  # not the one the kernel read
        ("1", 400 * 86_400, False),  # begun anew without a battery: a saved clock overruled it
        ("1", None, False),  # it cannot be read
        ("", 0, False),
    ],
)
def test_an_rtc_counts_that_set_the_clock_and_agrees_with_it(
    tmp_path: Path, hctosys: str, behind_s: float | None, told: bool
) -> None:
    rtc(tmp_path, "rtc0", hctosys="0", behind_s=0)
    rtc(tmp_path, "rtc1", hctosys=hctosys, behind_s=behind_s)
    assert was_told_at_boot(tmp_path) == told


@pytest.mark.parametrize("available", ["tsc kvm-clock", "xen tsc", "hyperv_clocksource_tsc_page"])
def test_the_host_of_a_virtual_machine_tells_it_the_time(tmp_path: Path, available: str) -> None:
    source(tmp_path, available)
    assert was_told_at_boot(tmp_path)
