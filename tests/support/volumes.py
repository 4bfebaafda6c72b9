"""A small volume of a test's own, mounted and unmounted; only root can have one."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_volume(at: Path, octets: int) -> Iterator[Path]:
    """A tmpfs mounted at `at`, which is made if need be. Skips the test where none can be."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a volume")
    at.mkdir(parents=True, exist_ok=True)
    options = f"size={octets},mode=700"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", at], capture_output=True, text=True
    )
    if done.returncode:
        pytest.skip(f"no volume can be mounted here: {done.stderr.strip()}")
    try:
        yield at
    finally:
        # Lazily: should an agent still run there, what it holds open goes with it.
        subprocess.run(["umount", "--lazy", at], check=True)
