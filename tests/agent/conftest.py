from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.agent.terminal import Terminal


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal without readers and without a network."""
    terminal = Terminal(tmp_path)
    yield terminal
    terminal.journal.close()
