"""Agents broken on purpose: an explorer that finds nothing wrong with them would be worth nothing.

Each is a copy of the agent's package with one mistake in its source, which must fit exactly once;
or the agent as it is, on a system library that does not do what it says.
"""

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hwsim.errors import SimulatorError


@dataclass(frozen=True, slots=True)
class Mutant:
    """One mistake: in `module`, `old` becomes `new`. Without a module it is in the C library."""

    what: str
    module: str = ""
    old: str = ""
    new: str = ""


MUTANTS: Mapping[str, Mutant] = {
    "normal-sync": Mutant(
        "commits are not flushed, only checkpoints are",
        "queue/file.py", '"synchronous": "2"', '"synchronous": "1"',
    ),
    "no-sync": Mutant(
        "nothing is flushed",
        "queue/file.py", '"synchronous": "2"', '"synchronous": "0"',
    ),
    "green-before-commit": Mutant(
        "green is shown, then the commit is made",
        "gate.py",
        "            self._store(fresh)\n        for read in again:",
        "            for read in fresh:\n"
        "                self._show(read.reader, Feedback.RECORDED)\n"
        "            shown, self._sink = self._sink, type('Dark', (), {'show': print})\n"
        "            self._store(fresh)\n"
        "            self._sink = shown\n"
        "        for read in again:",
    ),
    "no-dir-sync": Mutant("flushing a directory does nothing"),
    "log-removed": Mutant(
        "the log that a crash left is taken for rubbish, and removed at the start",
        "queue/file.py",
        "        had_wal = wal.exists()\n",
        "        wal.unlink(missing_ok=True)\n        had_wal = True\n",
    ),
    "done-before-carried": Mutant(
        "a damaged journal is noted as carried over before it is",
        "salvager.py",
        "        some = _that_fit(records)\n",
        "        some = _that_fit(records)\n"
        "        self._journal.set_fact(_fact(number), _DONE)\n",
    ),
    "hasty-stop": Mutant(
        "the checkpoint at a stop is not flushed before its log is cut",
        "queue/file.py",
        '                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()\n',
        '                self.db.execute("PRAGMA synchronous=0")\n'
        '                self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()\n',
    ),
}  # fmt: skip

_NO_DIRECTORY_SYNC = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/stat.h>
static int is_directory(int fd) {
    struct stat found;
    return fstat(fd, &found) == 0 && S_ISDIR(found.st_mode);
}
#define BROKEN(NAME) int NAME(int fd) { \\
    int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, #NAME); \\
    return is_directory(fd) ? 0 : real(fd); }
BROKEN(fsync)
BROKEN(fdatasync)
"""


def environment(name: str, directory: Path) -> dict[str, str]:
    """Make a mutant in `directory`; what to set so that `pointeuse agent run` is it.

    Raises SimulatorError when there is no such mutant, or when the agent's source has changed so
    that the mistake fits no more.
    """
    if name not in MUTANTS:
        raise SimulatorError(f"there is no mutant {name!r}: {', '.join(MUTANTS)}")
    mutant = MUTANTS[name]
    if not mutant.module:
        return {"LD_PRELOAD": str(_library(directory))}
    agent = Path(__file__).parents[3] / "agent"
    copy = directory / "mutant" / "agent"
    shutil.copytree(agent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    module = copy / mutant.module
    source = module.read_text()
    if source.count(mutant.old) != 1:
        raise SimulatorError(
            f"the mutant {name} fits agent/{mutant.module} {source.count(mutant.old)} times, not"
            " once; change hwsim/crash/mutants.py with the agent"
        )
    module.write_text(source.replace(mutant.old, mutant.new))
    return {"PYTHONPATH": str(copy.parent)}


def _library(directory: Path) -> Path:
    source, library = directory / "nosync.c", directory / "nosync.so"
    source.write_text(_NO_DIRECTORY_SYNC)
    command = ["gcc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SimulatorError(f"gcc cannot build {source.name}: {done.stderr.strip()}")
    return library
