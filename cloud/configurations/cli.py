"""`pointeuse cloud terminal configure`."""

from pathlib import Path
from typing import Any

import click

from cloud.options import database_options, json_option, one_line_errors, session, show

_FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
_ASSURANCES = ["printed", "uid", "read", "authenticated"]


@click.command()
@click.argument("device")
@click.option("--file", "settings_file", type=_FILE, help="Settings in TOML, in place of all set.")
@click.option("--least-assurance", type=click.Choice([*_ASSURANCES, "none"]))
@click.option("--block", multiple=True, metavar="PROFILE:NUMBER", help="Put a badge on the roster.")
@click.option("--unblock", multiple=True, metavar="PROFILE:NUMBER", help="Take it off again.")
@click.option("--block-file", type=_FILE, help="Badges to block, PROFILE:NUMBER, one a line.")
@json_option
@database_options
def configure(
    device: str,
    settings_file: Path | None,
    least_assurance: str | None,
    block: tuple[str, ...],
    unblock: tuple[str, ...],
    block_file: Path | None,
    as_json: bool,
    url: str,
) -> None:
    """Set how a terminal judges badges, and which are blocked; without options, say what is set.

    A running ingest tells the terminal within seconds, or when it is online again. A badge that is
    blocked, or identified less surely than asked for, is registered all the same: flagged, and the
    worker is told.
    """
    from cloud.audit.service import OPERATOR, note
    from cloud.configurations import service, toml
    from cloud.terminals import queries
    from cloud.times import now_ms

    with one_line_errors():
        lines = [] if block_file is None else block_file.read_text("utf-8", "replace").split("\n")
        blocked = [toml.badge(word) for word in [*block, *filter(None, map(str.strip, lines))]]
        freed = [toml.badge(word) for word in unblock]
        settings = None if settings_file is None else settings_file.read_text("utf-8", "replace")
        asked = bool(blocked or freed or settings is not None or least_assurance)
        with session(url, write=asked) as conn:
            number = queries.terminal_id(conn, device)
            before = found = service.state(conn, number)
            if asked:
                found = service.change(
                    conn,
                    number,
                    lambda before: service.with_badges(
                        toml.changed(before, settings, least_assurance), blocked, freed
                    ),
                )
            if found.number != before.number:
                note(
                    conn, OPERATOR, "terminal", "configure",
                    company_id=queries.owner_at(conn, number, now_ms()), target_id=number,
                    detail={"number": found.number, "blocked": len(found.configured.blocked or ())},
                )  # fmt: skip
    show([_line(device, found)], as_json)


def _line(device: str, found: Any) -> dict[str, Any]:
    gate = found.configured.settings().gate
    blocked = found.configured.blocked
    return {
        "device": device,
        "number": found.number,
        "in_force": found.in_force,
        "least_assurance": gate.least_assurance,
        "debounce_s": gate.debounce_s,
        "blocked": 0 if blocked is None else len(blocked),
    }
