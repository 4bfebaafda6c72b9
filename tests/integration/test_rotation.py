"""A terminal that was away while every key of the platform was replaced, more than once."""

from pathlib import Path

import pytest

from hwsim.processes import run, wait_for
from hwsim.serial_reader import SerialReader
from hwsim.stack import Stack

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

_TAPS = 20


def test_a_terminal_follows_all_documents_and_delivers_under_the_new_keys(tmp_path: Path) -> None:
    with Stack(tmp_path) as stack, SerialReader(tmp_path / "reader", "rdm6300") as reader:
        stack.prepare()
        terminal = stack.add_terminal("gate")
        stack.register(terminal)
        terminal.configure(
            '[[readers]]\nkind = "serial"\nname = "in"\nprotocol = "rdm6300"\n'
            f'device = "{reader.device}"\n',
            uplink="backoff_s = 0.1\nbackoff_limit_s = 0.5",
        )
        terminal.start()
        assert reader.opened()
        for number in range(_TAPS):
            reader.present(f"{number + 1:010X}")
        wait_for(
            lambda: (terminal.status() or {"queue": 0})["queue"] >= _TAPS, "taps are not recorded"
        )
        for _ in range(3):
            run("provision", "rotate", stack.platform, "--receipt", "--config", "--root")
        run("provision", "rotate", stack.platform, "--receipt", "--sealing", "--revoke-receipts")

        stack.start_broker()
        stack.start_ingest()
        terminal.wait_delivered()

        held = sorted(path.name for path in (terminal.state / "trust").iterdir())
        assert held == [f"{number}.cbor" for number in range(1, 6)]
        log = terminal.agent.log.read_text()
        assert "is refused" not in log
        terminal.agent.stop()
        terminal.start()
        terminal.wait_delivered()
