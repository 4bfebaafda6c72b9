"""What every test gets: a printed seed, and no way out of this machine."""

import ipaddress
import random
import sys
from typing import Any

import pytest
from hypothesis import settings

pytest_plugins = ["tests.support.broker"]

# No deadline: a busy machine must not fail a test. The blob repeats a failing example exactly.
settings.register_profile("pointeuse", deadline=None, print_blob=True)
settings.load_profile("pointeuse")

_SEED = pytest.StashKey[str]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not config.option.hypothesis_seed:
        config.option.hypothesis_seed = str(random.SystemRandom().randrange(2**32))
    config.stash[_SEED] = str(config.option.hypothesis_seed)
    sys.addaudithook(_stay_on_this_machine)


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: --hypothesis-seed={config.stash[_SEED]}"


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """A number for `random.Random`, the same in a run repeated with the seed printed at its top."""
    return int(request.config.stash[_SEED])


def _stay_on_this_machine(event: str, arguments: tuple[Any, ...]) -> None:
    """Refuse to connect or listen beyond loopback, by accident or for convenience."""
    if event not in ("socket.connect", "socket.bind", "socket.sendto"):
        return
    address = arguments[1]
    if not isinstance(address, tuple) or not isinstance(address[0], str):
        return  # a unix socket, a netlink socket
    host = address[0]
    if host == "localhost" or (event, address[:2]) == ("socket.bind", ("", 0)):
        return  # paho binds so before it connects
    try:
        allowed = ipaddress.ip_address(host).is_loopback
    except ValueError:
        allowed = False
    if not allowed:
        raise PermissionError(f"a test must stay on loopback: {event} to {host!r}")
