"""`pointeuse verify`: for anybody, with public keys alone."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import click

from agent.proof import disclosed, words
from agent.proof.items import kind_of, open_items
from agent.proof.progress import Progress
from agent.proof.words import DISCLOSURE, JOURNAL
from agent.queue.errors import JournalError
from protocol.archive import Item, Records
from protocol.cbor import MAX_MESSAGE
from protocol.errors import KeyFileError, MalformedError, ProtocolError
from protocol.findings import Report
from protocol.keyfiles import load_public_key, load_signing_key
from protocol.keys import VerifyKey
from protocol.verification import verify as verify_items

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("path", type=_FILE)
@click.option(
    "--key", "key_path", type=_FILE, help="The terminal's public key: PEM, or a COSE_Key."
)
@click.option(
    "--trust",
    "trust_path",
    type=_FILE,
    help="The trust document to believe; receipts are judged by it and those that follow it.",
)
@click.option(
    "--receipt",
    "receipts",
    type=_FILE,
    multiple=True,
    help="A receipt, or a head, that the file must agree with. May be repeated.",
)
@click.option(
    "--quick", is_flag=True, help="Of each epoch check only the newest head, which proves the rest."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def verify(
    path: Path,
    key_path: Path | None,
    trust_path: Path | None,
    receipts: tuple[Path, ...],
    quick: bool,
    as_json: bool,
) -> None:
    """Check a journal, an export or a disclosure.

    Finds every record that was edited, taken out, swapped or forked, and every end cut off, up to
    the newest receipt or head that is known, and says where that is. Needs no platform. Without
    --key an export is checked against the key it holds: compare the device number.

    Exits with 0 when all is proved, 1 when something is wrong, 2 when nothing could be checked.
    """
    try:
        key = None if key_path is None else load_public_key(key_path)
        trust = None if trust_path is None else _read(trust_path)
        known = [_binary(_read(receipt)) for receipt in receipts]
        kind = kind_of(path)
        if kind == DISCLOSURE:
            if trust is not None or known:
                _fail(f"{path} is no journal or export: --trust and --receipt are of no use for it")
            _disclosure(path, key, as_json=as_json)
            return
        basis = words.Basis(str(path), kind, key is not None, trust is not None, quick)
        if kind == JOURNAL:
            key = key or _key_beside(path)
        report = _verify(path, kind, key, trust, known, quick=quick)
        if quick and report.found:  # now look exactly
            basis = words.Basis(str(path), kind, basis.key_given, basis.trust_given)
            report = _verify(path, kind, key, trust, known, quick=False)
    except KeyboardInterrupt:
        _fail("interrupted: nothing was checked to its end")  # 1 would say that it is broken
    except OSError as error:
        _fail(f"cannot read {error.filename or path}: {error.strerror or error}")
    except (ProtocolError, JournalError) as error:
        _fail(f"{path}: {error}" if isinstance(error, MalformedError) else str(error))
    if as_json:
        click.echo(json.dumps(words.as_json(report, basis)))
    else:
        click.echo("\n".join(words.as_lines(report, basis)))
    raise SystemExit(1 if report.found else 0)


def _verify(
    path: Path,
    kind: str,
    key: VerifyKey | None,
    trust: bytes | None,
    known: list[bytes],
    *,
    quick: bool,
) -> Report:
    with open_items(path, kind) as items:
        counted = _counted(items)
        return verify_items(counted, key=key, trust=trust, known=known, every_head=not quick)


def _counted(items: Iterator[Item]) -> Iterator[Item]:
    progress = Progress("verified")
    done = 0
    for item in items:
        if isinstance(item, Records):
            done += len(item.rows)
            progress(done)
        yield item
    progress.end()


def _disclosure(path: Path, key: VerifyKey | None, *, as_json: bool) -> None:
    raw = _read(path)
    if key is None:
        _fail(f"{path} may be a disclosure, which holds no key: give the terminal's with --key")
    try:
        proved = disclosed.prove(str(path), raw, key)
    except MalformedError as error:
        _fail(f"{path} is no journal, no export and no disclosure that can be read: {error}")
    except ProtocolError as error:
        wrong = {"file": str(path), "kind": DISCLOSURE, "ok": False, "detail": str(error)}
        click.echo(json.dumps(wrong) if as_json else f"{'WRONG':11}{error}")
        raise SystemExit(1) from error
    if as_json:
        click.echo(json.dumps(disclosed.as_json(proved)))
    else:
        click.echo("\n".join(disclosed.as_lines(proved)))


def _key_beside(path: Path) -> VerifyKey:
    """A journal stands beside its terminal's key."""
    try:
        return load_signing_key(path.with_name("identity.key")).public
    except KeyFileError as error:
        raise KeyFileError(
            f"{path} is a journal, which holds no key: give the terminal's with --key ({error})"
        ) from error


def _read(path: Path) -> bytes:
    with path.open("rb") as file:
        raw = file.read(MAX_MESSAGE + 1)
    if len(raw) > MAX_MESSAGE:
        raise MalformedError(f"it is longer than {MAX_MESSAGE} bytes")
    return raw


def _binary(raw: bytes) -> bytes:
    """A message that may be written in hexadecimal."""
    try:
        return bytes.fromhex(raw.decode("ascii"))
    except ValueError:
        return raw


def _fail(message: str) -> NoReturn:
    click.echo(f"pointeuse: {message}", err=True)
    raise SystemExit(2)
