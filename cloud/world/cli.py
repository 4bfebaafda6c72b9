"""`pointeuse cloud load`."""

import json
from pathlib import Path

import click

from cloud.options import database_options, json_option, one_line_errors, session


@click.command()
@click.argument("world", type=click.Path(path_type=Path, dir_okay=False))
@json_option
@database_options
def load(world: Path, as_json: bool, url: str) -> None:
    """Enter what the TOML file WORLD says: all of it, or nothing. Loading it again is harmless."""
    from cloud.world import loading

    with one_line_errors(), session(url) as conn:
        counts = loading.load(conn, world)
    if as_json:
        click.echo(json.dumps(counts))
        return
    click.echo(", ".join(f"{count} {kind}" for kind, count in counts.items() if count) or "nothing")
