"""One disk on which something was wrong, kept to be looked at and reopened.

A recording is never the same twice: other keys, other moments. So what is kept is the disk itself,
with the keys that were made up for it, and the taps that were green.
"""

import json
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

from hwsim.crash.disk import Files
from hwsim.crash.recording import JOURNAL, Recording
from hwsim.errors import SimulatorError

_GREEN = "green.json"


def keep(recording: Recording, files: Files, green: set[str], directory: Path) -> None:
    """Write a disk into `directory`: `state/`, `platform/keys/`, `green.json`."""
    state, keys = directory / "state", directory / "platform" / "keys"
    shutil.rmtree(state, ignore_errors=True)
    for each in (state, keys):
        each.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (state / name).write_bytes(content)
    shutil.copy(recording.state / "identity.key", state)
    shutil.copy(recording.platform / "keys" / "sealing.key", keys)
    (directory / _GREEN).write_text(json.dumps(sorted(green)) + "\n")


def again(directory: Path) -> str:
    """Reopen what `keep` wrote; what is wrong with it, or nothing. It stays as it is.

    Raises SimulatorError.
    """
    state = directory / "state"
    try:
        green = set(json.loads((directory / _GREEN).read_text()))
        found = [path for path in state.iterdir() if JOURNAL.fullmatch(path.name)]
        files = {path.name: path.read_bytes() for path in found}
    except (OSError, ValueError) as error:
        raise SimulatorError(
            f"{directory} holds no kept disk ({error}); name a folder that --keep wrote"
        ) from error
    done = subprocess.run(
        [sys.executable, "-m", "hwsim.crash.recovery", str(state), str(directory / "platform")],
        input=pickle.dumps((files, green), protocol=5),
        stdout=subprocess.PIPE,
        check=False,
    )
    if done.returncode:
        raise SimulatorError("the recovery ended; see its words above")
    return done.stdout.decode().strip()
