"""`scripts/bench NAME... [--json]`: run benchmarks, and print a table or one object."""

import argparse
import importlib
import json
import sys
from typing import Any

NAMES = ("tap", "queue", "drain", "memory", "readers", "platform", "ingest")
SCALED = frozenset({"queue", "readers", "platform", "ingest"})
"""Those that know --scale."""


def main() -> None:
    """Run those named; all when none is."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--scale",
        type=float,
        default=1.0,
        help=f"of sizes and times in {', '.join(sorted(SCALED))}: 0.01 shows that it runs, and"
        " measures nothing",
    )
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(NAMES)}")
    if not 0.0 < options.scale <= 1.0:
        parser.error(f"--scale {options.scale:g} is not above 0 and at most 1")
    found: dict[str, Any] = {}
    for name in options.names or NAMES:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        run = importlib.import_module(f"bench.{name}").run
        figures = run(options.scale) if name in SCALED else run()
        # One that has figures beside those of its name names them all.
        found |= figures if name in figures else {name: figures}
    if options.json:
        print(json.dumps(found))
        return
    for name, figures in found.items():
        if isinstance(figures, dict):
            print(f"\n{name}")
            _table(figures, 1)
        else:
            print(f"\n{name:<24}{figures:>12,}")


def _table(figures: dict[str, Any], depth: int) -> None:
    for key, value in figures.items():
        indent = "  " * depth
        if isinstance(value, dict):
            print(f"{indent}{key}")
            _table(value, depth + 1)
        else:
            print(f"{indent}{key:<{24 - len(indent)}}{value:>12,}")


if __name__ == "__main__":
    main()
