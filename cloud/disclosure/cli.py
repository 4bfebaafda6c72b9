"""`pointeuse cloud disclose`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloud.options import config_option, json_option, looked, one_line_errors, session

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from cloud.disclosure.service import Place


@click.command()
@config_option
@click.option("--registration", type=click.IntRange(1), help="Which one, by its number.")
@click.option("--terminal", "device", help="Or which record: its terminal's device number,")
@click.option("--epoch", help="its epoch, 32 hexadecimal digits,")
@click.option("--seq", type=click.IntRange(1, 2**62), help="and its number in the epoch.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="The file to write, mode 0600.",
)
@json_option
def disclose(
    config_path: Path,
    registration: int | None,
    device: str | None,
    epoch: str | None,
    seq: int | None,
    out: Path,
    as_json: bool,
) -> None:
    """Write one registration, opened, and the proof that its terminal signed it.

    The file says who tapped, where and when, and shows no other record. Whoever has the terminal's
    public key checks it with `pointeuse verify --key`.
    """
    from cloud import settings
    from cloud.disclosure import service
    from cloud.files import replace
    from cloud.sealing import sealing_keys
    from protocol.identity import device_number

    by_place = [device, epoch, seq]
    if (registration is None) == (None in by_place) or (
        registration is not None and by_place != [None] * 3
    ):
        raise click.UsageError("give --registration, or all of --terminal, --epoch and --seq")
    with one_line_errors():
        config = settings.load(config_path)
        opening = sealing_keys(config.directory)
        with session(config.database.url, write=False) as conn:
            if registration is not None:
                place = service.place_of(conn, registration)
            else:
                place = _place(conn, str(device), str(epoch), int(seq or 0))
            found = service.disclose(conn, place, opening)
            of, owner = service.registered_at(conn, place)
        told = {"device": device_number(found.body.terminal), "seq": place.seq}
        told["epoch"] = place.epoch.hex()
        url = config.database.url
        looked(url, "registration", "disclose", company_id=owner, target_id=of, detail=told)
        replace(out, found.disclosure.encode())
    body = found.body
    said = {
        "file": str(out),
        "device": device_number(body.terminal),
        "epoch": body.epoch.hex(),
        "seq": body.seq,
        "carried_by": None
        if found.stands == body
        else {"epoch": found.stands.epoch.hex(), "seq": found.stands.seq},
        "opened": found.badge is not None,
    }
    if as_json:
        click.echo(json.dumps(said))
        return
    what = "opened" if found.badge is not None else "which names nobody"
    click.echo(
        f"{out}: record {body.seq} of epoch {body.epoch.hex()} of terminal {said['device']}, {what}"
    )
    click.echo("check it with `pointeuse verify --key`, and the public key of that terminal")


def _place(conn: "Connection", device: str, epoch: str, seq: int) -> "Place":
    from cloud.disclosure.service import Place
    from cloud.errors import InvalidError
    from cloud.terminals.queries import terminal_id

    try:
        raw = bytes.fromhex(epoch)
    except ValueError:
        raw = b""
    if len(raw) != 16:
        raise InvalidError(f"{epoch!r} is no epoch: it has 32 hexadecimal digits")
    return Place(terminal_id(conn, device), raw, seq)
