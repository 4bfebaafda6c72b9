"""An OSDP peripheral in a process of its own: libosdp's, on a pty behind a symbolic link.

Run as `python -m hwsim.readers.peripheral DEVICE ADDRESS [KEY]`; without KEY it speaks in plain.
It takes one JSON object a line: {"bits": "0101..."}, {"tamper": 1, "power": 0}.
It writes one for each command it is given, and {"secure": true} when the secure channel is up.
"""

import json
import os
import select
import sys
import tty
from pathlib import Path
from typing import Any

import osdp_sys

_TICK_S = 0.01
_CAPABILITIES = (
    osdp_sys.CAP_READER_LED_CONTROL,
    osdp_sys.CAP_READER_AUDIBLE_OUTPUT,
    osdp_sys.CAP_READER_TEXT_OUTPUT,
    osdp_sys.CAP_CARD_DATA_FORMAT,
    osdp_sys.CAP_COMMUNICATION_SECURITY,
    osdp_sys.CAP_CONTACT_STATUS_MONITORING,
)


class Wire:
    """The master side of a pty, as libosdp reads and writes it."""

    def __init__(self, descriptor: int) -> None:
        self.id = descriptor

    def read(self, most: int) -> bytes:
        """What has arrived, at once."""
        try:
            return os.read(self.id, most)
        except OSError:
            return b""

    def write(self, data: bytes) -> int:
        """Send `data`; how much of it was."""
        try:
            return os.write(self.id, data)
        except OSError:
            return 0

    def flush(self) -> None:
        """Nothing to throw away."""


def event(asked: dict[str, Any]) -> dict[str, Any]:
    """The libosdp event of one line of input."""
    if "tamper" in asked:
        report = bytes([asked["tamper"], asked["power"]])
        return {
            "event": osdp_sys.EVENT_STATUS,
            "type": osdp_sys.STATUS_REPORT_LOCAL,
            "report": report,
        }
    bits = asked["bits"]
    return {
        "event": osdp_sys.EVENT_CARDREAD,
        "reader_no": 0,
        "direction": 0,
        "format": osdp_sys.CARD_FMT_RAW_WIEGAND,
        "length": len(bits),
        "data": int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big"),
    }


def tell(said: dict[str, Any]) -> None:
    """Write one line."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main(device: str, address: int, key: bytes | None) -> None:
    """Be a peripheral until the input ends."""
    master, slave = os.openpty()
    tty.setraw(master)
    os.set_blocking(master, False)
    link = Path(device)
    new = link.with_name(f".{link.name}.new")
    new.symlink_to(os.ttyname(slave))
    new.replace(link)
    osdp_sys.set_loglevel(osdp_sys.LOG_EMERG)
    peripheral = osdp_sys.PeripheralDevice(
        {
            "name": "peripheral",
            "address": address,
            "flags": 0 if key is None else osdp_sys.FLAG_ENFORCE_SECURE,
            "scbk": key,
            "channel": Wire(master),
            "version": 1,
            "model": 2,
            "vendor_code": 0xC0FFEE,
            "serial_number": 1,
            "firmware_version": 0x010203,
        },
        capabilities=[
            {"function_code": code, "compliance_level": 1, "num_items": 1} for code in _CAPABILITIES
        ],
    )

    def command(said: dict[str, Any]) -> tuple[int, None]:
        tell({"command": said})
        return 0, None

    peripheral.set_command_callback(command)
    tell({"open": True})
    os.close(slave)
    serve(peripheral)


def serve(peripheral: Any) -> None:
    """Let libosdp work, and take lines of input, until the input ends."""
    was = False
    buffer = b""
    while True:
        peripheral.refresh()
        secure = bool(peripheral.is_sc_active())
        if secure != was:
            was = secure
            tell({"secure": secure})
        if not select.select([0], [], [], _TICK_S)[0]:
            continue
        data = os.read(0, 4096)
        if not data:
            return
        *lines, buffer = (buffer + data).split(b"\n")
        for line in lines:
            peripheral.submit_event(event(json.loads(line)))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), bytes.fromhex(sys.argv[3]) if len(sys.argv) > 3 else None)
