"""`scripts/fuzz`: every target, each in a process of its own, and a line or JSON of what came."""

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from tests.fuzz.targets import TARGETS

_DONE = re.compile(r"Done (\d+) (?:runs )?in")
_TAIL = 30


def fuzz(name: str, runs: int, seed: int) -> dict[str, object]:
    """Run one target: its inputs, seconds, and the end of its output if it failed."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        arguments = [f"-runs={runs}", f"-seed={seed}", "-max_len=512", "-print_final_stats=0"]
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "tests.fuzz.one",
                name,
                *arguments,
                f"-artifact_prefix={folder}/",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        kept = [path.read_bytes().hex() for path in Path(folder).iterdir()]
    output = done.stdout + done.stderr
    count = _DONE.search(output)
    found: dict[str, object] = {
        "inputs": int(count[1]) if count else 0,
        "seconds": round(time.monotonic() - begun, 1),
        "failed": done.returncode != 0 or count is None,
    }
    if found["failed"]:
        found |= {"input": kept, "output": output.splitlines()[-_TAIL:]}
    return found


@click.command()
@click.argument("names", nargs=-1, metavar="[TARGET]...")
@click.option("--runs", default=1_000_000, show_default=True, help="Inputs for each target.")
@click.option("--seed", default=1, show_default=True, help="Seed of the inputs.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(names: tuple[str, ...], runs: int, seed: int, as_json: bool) -> None:
    """Fuzz what reads bytes from outside, guided by coverage (atheris).

    Each TARGET, all without one, gets --runs inputs of up to 512 octets, grown by what they make
    the code do. Nothing but typed results and errors may come of any. Exit code 1 when something
    else did; the input is printed in hex.
    """
    if unknown := set(names) - set(TARGETS):
        raise click.UsageError(f"no target {min(unknown)}: {', '.join(TARGETS)} are")
    found: dict[str, dict[str, object]] = {}
    for name in names or TARGETS:
        click.echo(f"{name}: {runs} inputs, seed {seed}", err=True)
        found[name] = fuzz(name, runs, seed)
        if not as_json:
            word = "FAILED" if found[name]["failed"] else "ok"
            click.echo(
                f"{name:<16} {found[name]['inputs']:>9} {found[name]['seconds']:>7} s {word}"
            )
            for line in (*found[name].get("input", ()), *found[name].get("output", ())):  # type: ignore[misc]
                click.echo(f"    {line}")
    if as_json:
        click.echo(json.dumps({"fuzz": found}))
    if any(result["failed"] for result in found.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    main(prog_name="scripts/fuzz")
