"""Fuzz one target in this process, which libFuzzer ends: `python -m tests.fuzz.one NAME ...`."""

import sys

import atheris

with atheris.instrument_imports(include=["agent", "protocol"]):
    from tests.fuzz.targets import TARGETS


def main() -> None:
    """The first argument names the target; the others are libFuzzer's."""
    name, *arguments = sys.argv[1:]
    atheris.Setup([name, *arguments], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
