"""`pointeuse cloud terminal`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cloud.configurations.cli import configure
from cloud.options import database_options, json_option, one_line_errors, session, show

if TYPE_CHECKING:
    from sqlalchemy import Connection

_DEVICE = click.argument("device")


@click.group()
def terminal() -> None:
    """Terminals, and where each stands."""


@terminal.command()
@click.option("--key", "key_hex", help="Public identity key, as `provision show --json` prints it.")
@click.option(
    "--key-file", type=click.Path(path_type=Path, dir_okay=False), help="The same, in a file."
)
@click.option("--name")
@json_option
@database_options
def add(
    key_hex: str | None, key_file: Path | None, name: str | None, as_json: bool, url: str
) -> None:
    """Register a terminal by its public identity key."""
    from cloud.terminals import keys, queries, service
    from cloud.times import now_ms
    from protocol.identity import device_number

    with one_line_errors():
        if key_hex is not None and key_file is None:
            key = keys.from_hex(key_hex)
        elif key_file is not None and key_hex is None:
            key = keys.from_file(key_file)
        else:
            raise click.UsageError("give either --key or --key-file")
        device = device_number(key.thumbprint)
        with session(url) as conn:
            known = queries.is_known(conn, device)
            number = service.register(conn, key, name)
            owner = queries.owner_at(conn, number, now_ms())
            told = {"device": device, "name": name}
            _note(conn, owner, number, "change" if known else "create", told)
    show([{"id": number, "device": device, "name": name}], as_json)


@terminal.command("list")
@json_option
@database_options
def listed(as_json: bool, url: str) -> None:
    """List terminals, and where each stands now."""
    from cloud.terminals import queries

    with one_line_errors(), session(url, write=False) as conn:
        rows = queries.listed(conn, limit=100_000)
    show([_line(row) for row in rows], as_json)


@terminal.command()
@_DEVICE
@click.option("--company", required=True, help="VAT number or name.")
@click.option("--division", required=True)
@click.option("--site", required=True)
@click.option("--from", "start", help="Since when; now if not given. Without offset: Brussels.")
@click.option("--to", "end", help="Until when; until the next assignment if not given.")
@json_option
@database_options
def assign(
    device: str,
    company: str,
    division: str,
    site: str,
    start: str | None,
    end: str | None,
    as_json: bool,
    url: str,
) -> None:
    """Assign a terminal to a site; the assignment it had then ends."""
    from cloud import times
    from cloud.companies.queries import company_id, site_id
    from cloud.terminals import queries, service

    with one_line_errors():
        from_ms = times.now_ms() if start is None else times.parse(start)
        to_ms = None if end is None else times.parse(end)
        with session(url) as conn:
            number = queries.terminal_id(conn, device)
            before = queries.owner_at(conn, number, from_ms)
            service.assign(conn, number, site_id(conn, company, division, site), from_ms, to_ms)
            after = company_id(conn, company)
            told = {"from": times.rfc3339(from_ms)}
            if before not in (None, after):
                _note(conn, before, number, "release", told)
            if to_ms is not None:
                told["until"] = times.rfc3339(to_ms)
            _note(conn, after, number, "assign", {"site": site, **told})
    since = times.rfc3339(from_ms)
    show([{"device": device, "site": site, "from": since}], as_json)


@terminal.command()
@_DEVICE
@click.option("--at", "moment", help="When; now if not given.")
@database_options
def release(device: str, moment: str | None, url: str) -> None:
    """End a terminal's assignment; it stands nowhere then."""
    from cloud import times
    from cloud.terminals import queries, service

    with one_line_errors():
        at_ms = times.now_ms() if moment is None else times.parse(moment)
        with session(url) as conn:
            number = queries.terminal_id(conn, device)
            owner = queries.owner_at(conn, number, at_ms)
            service.release(conn, number, at_ms)
            _note(conn, owner, number, "release", {"from": times.rfc3339(at_ms)})


@terminal.command()
@_DEVICE
@click.argument("word", metavar="STATUS")
@database_options
def status(device: str, word: str, url: str) -> None:
    """Make a terminal active, inactive, revoked or banned."""
    from cloud.terminals import queries, service
    from cloud.times import now_ms

    with one_line_errors(), session(url) as conn:
        number = queries.terminal_id(conn, device)
        service.set_status(conn, number, word)
        owner = queries.owner_at(conn, number, now_ms())
        _note(conn, owner, number, "set-status", {"status": word})


@terminal.command("request")
@_DEVICE
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@database_options
def write_request(device: str, file: Path, url: str) -> None:
    """Write the certificate request that a terminal was added with to FILE.

    `pointeuse provision sign` signs it; what it writes is installed on the terminal.
    """
    from cloud.errors import InvalidError
    from cloud.terminals import editing, queries

    with one_line_errors(), session(url, write=False) as conn:
        request = editing.request_of(conn, queries.terminal_id(conn, device))
        try:
            file.write_bytes(request)
        except OSError as error:
            raise InvalidError(f"cannot write {file}: {error.strerror}") from error


@terminal.command("prune")
@click.option(
    "--days",
    type=click.IntRange(1, 3650),
    default=100,
    show_default=True,
    help="How many days of what terminals told of themselves are kept.",
)
@json_option
@database_options
def prune_history(days: int, as_json: bool, url: str) -> None:
    """Take away what terminals told of themselves long ago; of those that still tell it goes by
    itself.
    """
    from cloud.audit.service import OPERATOR, note
    from cloud.terminals import telemetry
    from cloud.times import now_ms

    with one_line_errors(), session(url) as conn:
        gone = telemetry.prune(conn, now_ms() - days * 86_400_000)
        note(conn, OPERATOR, "terminal", "prune", detail={"days": days, "rows": gone})
    show([{"rows": gone}], as_json)


@terminal.command("branches")
@_DEVICE
@json_option
@database_options
def branches_of(device: str, as_json: bool, url: str) -> None:
    """List where a terminal's key signed two chains of one epoch."""
    from cloud.custody import branches
    from cloud.terminals import queries

    with one_line_errors(), session(url, write=False) as conn:
        rows = branches.listed(conn, queries.terminal_id(conn, device))
    words = {None: "open", True: "attributed", False: "dismissed"}
    lines = [
        {
            "epoch": row["ordinal"],
            "name": row["epoch"].hex(),
            "branch": row["branch"],
            "first": row["first_seq"],
            "last": row["head_seq"],
            "state": words[row["attributed"]],
        }
        for row in rows
    ]
    show(lines, as_json)


@terminal.command("resolve-branch")
@_DEVICE
@click.option("--epoch", required=True, help="Its number, or 8 or more digits of its name.")
@click.option("--branch", type=click.IntRange(1), required=True, help="Which, as listed.")
@click.option("--attribute", is_flag=True, help="Register its taps too,")
@click.option("--dismiss", is_flag=True, help="or leave them in custody alone.")
@database_options
def resolve_branch(
    device: str, epoch: str, branch: int, attribute: bool, dismiss: bool, url: str
) -> None:
    """Decide about a branch, and clear its alarm.

    A running ingest registers the taps of an attributed branch; without one, `pointeuse cloud
    reinterpret` does. A dismissed branch can be attributed later, not the other way round.
    """
    from cloud.custody import branches
    from cloud.terminals import queries
    from cloud.times import now_ms

    if attribute == dismiss:
        raise click.UsageError("give either --attribute or --dismiss")
    with one_line_errors(), session(url) as conn:
        number = queries.terminal_id(conn, device)
        changed = branches.resolve(conn, number, epoch, branch, attribute=attribute)
        if changed:
            owner = queries.owner_at(conn, number, now_ms())
            told = {"epoch": epoch, "branch": branch}
            action = "attribute-branch" if attribute else "dismiss-branch"
            _note(conn, owner, number, action, told)
    word = "attributed" if attribute else "dismissed"
    click.echo(f"branch {branch} of epoch {epoch} is {word}{'' if changed else ' already'}")


terminal.add_command(configure)


def _note(
    conn: "Connection", company: int | None, terminal: int, action: str, told: dict[str, Any]
) -> None:
    """Write to a company's trail what was done to a terminal."""
    from cloud.audit.service import OPERATOR, note

    note(conn, OPERATOR, "terminal", action, company_id=company, target_id=terminal, detail=told)


def _line(row: dict[str, Any]) -> dict[str, Any]:
    from cloud.times import rfc3339
    from protocol.identity import group

    seen = row["last_seen_ms"]
    return {
        "device": group(row["device"]),
        "name": row["name"],
        "status": row["status"],
        "last_seen": None if seen is None else rfc3339(seen),
        "company": row["company"],
        "division": row["division"],
        "site": row["site"],
    }
