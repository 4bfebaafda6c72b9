"""A pcscd of the tests' own, for programs of this process and for those it starts."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hwsim.pcscd import Pcscd

# libpcsclite asks the environment once in the life of a process: all of them have one address,
# and there is one at a time. Not tmp_path, since a socket's name has room for 107 characters.
_DIRECTORY = Path(tempfile.gettempdir()) / f"pointeuse-tests-pcscd-{os.getpid()}"


@contextmanager
def private_pcscd(slots: int = 2, name: str = "Virtual PCD") -> Iterator[Pcscd]:
    """pcscd, running, with its address in the environment."""
    pcscd = Pcscd(slots, name=name, directory=_DIRECTORY)
    os.environ.update(pcscd.environment)
    try:
        with pcscd:
            yield pcscd
    finally:
        shutil.rmtree(_DIRECTORY, ignore_errors=True)
