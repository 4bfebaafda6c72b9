"""What the platform's commands have in common: where the database is, and how errors look."""

import functools
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sqlalchemy import Connection

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_CONFIG = Path("/etc/pointeuse/cloud.toml")

config_option = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path, dir_okay=False),
    default=DEFAULT_CONFIG,
    show_default=True,
    help="The platform's configuration.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def database_options(function: F) -> F:
    """Add `--config` and `--db`; the command receives `url`, the database's URL."""

    @config_option
    @click.option("--db", "db_url", help="The database's URL, instead of the configuration's.")
    @functools.wraps(function)
    def command(config_path: Path, db_url: str | None, *args: Any, **kwargs: Any) -> Any:
        with one_line_errors():
            url = db_url or _configured(config_path)
        return function(*args, url=url, **kwargs)

    return command  # type: ignore[return-value]


@contextmanager
def one_line_errors() -> Iterator[None]:
    """Turn an error a person can mend into one line on stderr and exit code 2."""
    from sqlalchemy.exc import OperationalError, ProgrammingError

    from cloud.errors import CloudError
    from protocol.errors import ProtocolError
    from protocol.settings import SettingsError

    try:
        yield
    except (CloudError, ProtocolError, SettingsError) as error:
        _fail(str(error), error)
    except (OperationalError, ProgrammingError) as error:
        reason = str(error.orig).strip().splitlines()[0]
        fix = "start the database, or bring it up to date with `pointeuse cloud migrate`"
        _fail(f"the database refuses: {reason}; {fix}", error)


@contextmanager
def session(url: str, *, write: bool = True) -> Iterator["Connection"]:
    """A transaction on a database at the present schema, committed when the block ends well."""
    from cloud import db, migrations

    engine = db.writer_engine(url) if write else db.reader_engine(url)
    try:
        with engine.begin() as conn:
            migrations.require_current(conn)
            yield conn
    finally:
        engine.dispose()


def looked(url: str, subject: str, action: str, **about: Any) -> None:
    """Write to the trail that the operator looked: before anything of what was found is shown.

    In a transaction of its own, so that a long look keeps nobody from writing. `about` as
    `cloud.audit.service.note` takes it.
    """
    from cloud.audit.service import OPERATOR, note

    with session(url) as conn:
        note(conn, OPERATOR, subject, action, **about)


def show(rows: Sequence[dict[str, Any]], as_json: bool) -> None:
    """Print rows: as a JSON array, or as a table whose columns are the keys of the first row."""
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False))
        return
    if not rows:
        return
    cells = [["-" if v is None else str(v) for v in row.values()] for row in rows]
    table = [[key.replace("_", " ") for key in rows[0]], *cells]
    widths = [max(len(line[column]) for line in table) for column in range(len(table[0]))]
    for line in table:
        texts = (text.ljust(width) for text, width in zip(line, widths, strict=True))
        click.echo("  ".join(texts).rstrip())


def _configured(path: Path) -> str:
    from cloud import settings

    return settings.load(path).database.url


def _fail(message: str, error: Exception) -> None:
    click.echo(f"pointeuse: {message}", err=True)
    raise SystemExit(2) from error
