"""Real readers in place of simulated ones."""

import tomllib

import msgspec
import pytest

from agent.readers.config import ReaderConfig
from hwsim.demo.entrances import hardware_table
from hwsim.errors import SimulatorError


@pytest.mark.parametrize(
    "reader",
    [
        "serial:/dev/ttyUSB0", "line:/dev/ttyACM0", "twn4:/dev/ttyACM0", "pn532:/dev/ttyUSB0",
        "wedge:/dev/input/by-id/scanner", "pcsc:", "pcsc:ACR",
    ],
)  # fmt: skip
def test_the_agent_takes_the_table_of_a_real_reader(reader: str) -> None:
    (table,) = tomllib.loads(hardware_table(reader))["readers"]
    assert msgspec.convert(table, ReaderConfig).name == "hardware"


@pytest.mark.parametrize("reader", ["", "serial", "serial:", "usb:/dev/ttyUSB0", "/dev/ttyUSB0"])
def test_a_mistake_is_said_with_what_is_expected(reader: str) -> None:
    with pytest.raises(SimulatorError, match="give serial:/dev/ttyUSB0"):
        hardware_table(reader)
