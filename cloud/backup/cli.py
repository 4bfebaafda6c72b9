"""`pointeuse cloud backup` and `restore`."""

import json
from pathlib import Path

import click

from cloud.options import config_option, json_option, one_line_errors

_PLACE = click.Path(path_type=Path, file_okay=False)


@click.command()
@config_option
@click.option("--out", type=_PLACE, required=True, help="A new directory, for the database.")
@click.option("--keys", type=_PLACE, help="Another one, for the platform's keys: keep it apart.")
@json_option
def backup(config_path: Path, out: Path, keys: Path | None, as_json: bool) -> None:
    """Save the database while the platform works; its keys never stand in it."""
    from cloud import settings
    from cloud.backup import service

    with one_line_errors():
        config = settings.load(config_path)
        click.echo("saving the database ...", err=True)
        manifest = service.backup(config.database.url, config.directory, out, keys)
    if as_json:
        said = {"out": str(out), "keys": keys and str(keys), "generation": manifest.generation}
        click.echo(json.dumps(said))
        return
    click.echo(f"{out}: a backup of {manifest.kind} at generation {manifest.generation}")
    if keys is None:
        click.echo("its keys are not saved: without them nobody opens who tapped (--keys)")


@click.command()
@config_option
@click.argument("source", type=_PLACE)
@click.option("--keys", type=_PLACE, help="Restore the platform's keys from here too.")
@click.option("--force", is_flag=True, help="Replace a database that is there.")
@json_option
def restore(config_path: Path, source: Path, keys: Path | None, force: bool, as_json: bool) -> None:
    """Put a backup in the database's place. Terminals then send again what it lacks.

    Stop ingest and serve first; one that still runs is noticed, and nothing is done.
    Bring an older backup to the present schema with `pointeuse cloud migrate` afterwards.

    Safe to run again, also after it was cut short.
    """
    from cloud import settings
    from cloud.backup import service

    with one_line_errors():
        config = settings.load(config_path)
        click.echo("verifying the backup ...", err=True)
        done = service.restore(
            config.database.url,
            config.directory,
            source,
            keys,
            force=force,
            limits=config.retention,
        )
    if as_json:
        said = {"generation": done.generation, "erased_again": done.again}
        click.echo(json.dumps(said | {"erasures_waiting": done.waiting}))
        return
    click.echo(f"restored; the platform's generation is {done.generation}. Now")
    click.echo("`pointeuse cloud migrate`, and start ingest: terminals send again what is lacking")
    if done.again:
        click.echo(f"erased once more, as since the backup: {done.again} entries of the log")
    if done.waiting:
        click.echo(
            f"the log has {done.waiting} erasures: ingest and serve do again those that the backup"
            " lacks before they begin; `pointeuse cloud retention run` does so at once"
        )
