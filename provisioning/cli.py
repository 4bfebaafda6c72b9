"""`pointeuse provision`: keys, certificates and broker settings."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from provisioning.platform import Report
    from provisioning.terminal import Terminal

_DIRECTORY = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)
_EXISTING = click.Path(path_type=Path, dir_okay=False, exists=True)
_PORT = click.IntRange(1, 65_535)

_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_platform = click.option(
    "--platform", type=_DIRECTORY, required=True, help="The platform's directory."
)


@click.group()
def provision() -> None:
    """Make keys, certificates and broker settings."""


@provision.command("platform")
@click.argument("directory", type=_DIRECTORY)
@click.option("--broker-host", "hosts", multiple=True, default=["localhost"], show_default=True)
@click.option("--broker-port", "port", type=_PORT, default=8883, show_default=True)
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--ingests",
    "workers",
    type=click.IntRange(1, 8),
    default=1,
    show_default=True,
    help="Processes of `cloud ingest` that share the work.",
)
@_json
def make_platform(
    directory: Path, hosts: tuple[str, ...], port: int, bind: str, workers: int, as_json: bool
) -> None:
    """Make a platform's authority, keys, trust document and broker settings.

    Safe to run again: keys are kept, certificates about to end are issued anew.
    """
    from provisioning import platform
    from provisioning.certificates import load_certificate

    with _one_line_errors():
        report = platform.make_platform(directory, hosts, port, bind=bind, workers=workers)
        authority = load_certificate(directory / "ca.crt")
    ends = {"ca": authority.not_valid_after_utc.isoformat()}
    broker = {"hosts": list(hosts), "port": port, "bind": bind}
    _print(
        {"directory": str(directory), "broker": broker, "not_after": ends, **_became(report)},
        as_json,
        [f"platform   {directory}", f"broker     {', '.join(hosts)}, port {port}, on {bind}"],
    )


@provision.command()
@click.argument("directory", type=_DIRECTORY)
@click.option("--receipt", is_flag=True, help="Replace the key that signs receipts.")
@click.option("--config", is_flag=True, help="Replace the key that signs configuration.")
@click.option("--sealing", is_flag=True, help="Replace the key that opens who tapped.")
@click.option("--root", is_flag=True, help="Replace the key that signs trust documents.")
@click.option("--revoke-receipts", is_flag=True, help="Revoke every receipt key but the newest.")
@_json
def rotate(
    directory: Path,
    receipt: bool,
    config: bool,
    sealing: bool,
    root: bool,
    revoke_receipts: bool,
    as_json: bool,
) -> None:
    """Replace keys of a platform's DIRECTORY, and publish the next trust document.

    Retired keys stay, as keys/<name>-<document>.key: never remove a sealing key while a terminal
    may hold taps sealed to it. Without an option, a rotation that was cut short is finished.
    """
    from provisioning import rotation

    asked = {"receipt": receipt, "config": config, "sealing": sealing, "root": root}
    names = [name for name in rotation.ROTATING if asked[name]]
    with _one_line_errors():
        done = rotation.rotate(directory, names, revoke_receipts=revoke_receipts)
    changed = bool(done.retired or done.revoked or done.finished)
    restart = ["pointeuse cloud ingest"] if changed else []
    lines = [f"trust      document {done.number}"]
    if done.retired:
        lines.append(f"retired    {' '.join(done.retired)}")
    if done.revoked:
        lines.append(f"revoked    {' '.join(key.hex()[:16] for key in done.revoked)}")
    if restart:
        lines.append("restart    pointeuse cloud ingest, which holds the old keys in memory")
    _print(
        {
            "trust_version": done.number,
            "retired": list(done.retired),
            "finished": list(done.finished),
            "revoked": [key.hex() for key in done.revoked],
            "restart": restart,
        },
        as_json,
        lines,
    )


@provision.command()
@click.argument("state", type=_DIRECTORY)
@_json
def identity(state: Path, as_json: bool) -> None:
    """Make this terminal's keys; what makes the device number never leaves it."""
    from provisioning.platform import Report
    from provisioning.terminal import make_identity

    report = Report()
    with _one_line_errors():
        terminal = make_identity(state, report)
    _print({**_names(terminal), **_became(report)}, as_json, _label(terminal))


@provision.command()
@click.argument("state", type=_DIRECTORY)
@click.argument("request", type=_FILE)
@_json
def csr(state: Path, request: Path, as_json: bool) -> None:
    """Write this terminal's enrolment REQUEST, to be signed by a platform."""
    from provisioning import files
    from provisioning.terminal import load_terminal, make_request

    with _one_line_errors():
        terminal = load_terminal(state)
        files.write_public(request, make_request(terminal))
    _print(
        {**_names(terminal), "request": str(request)},
        as_json,
        [*_label(terminal), f"request    {request}: sign it at the platform"],
    )


@provision.command()
@click.argument("request", type=_EXISTING)
@click.argument("reply", type=_FILE)
@_platform
@_json
def sign(request: Path, reply: Path, platform: Path, as_json: bool) -> None:
    """Check a terminal's REQUEST and write the REPLY it installs."""
    from protocol.identity import group
    from provisioning import files, terminal

    with _one_line_errors():
        asked = files.read(request, "a request")
        checked, answer = terminal.sign(platform, asked)
        files.write_public(reply, answer.encode())
    number = group(checked.device)
    thumbprint = checked.identity.thumbprint.hex()
    _print(
        {
            "device": checked.device,
            "number": number,
            "thumbprint": thumbprint,
            "public_key": checked.identity.to_cose().hex(),
            "reply": str(reply),
        },
        as_json,
        [
            f"device     {number}",
            f"thumbprint {thumbprint}",
            "           compare both with what the terminal shows",
            f"reply      {reply}: install it on the terminal",
        ],
    )


@provision.command()
@click.argument("state", type=_DIRECTORY)
@click.argument("reply", type=_EXISTING)
@_json
def install(state: Path, reply: Path, as_json: bool) -> None:
    """Install the platform's REPLY on this terminal."""
    from provisioning import files
    from provisioning.terminal import install as install_reply
    from provisioning.terminal import load_terminal

    with _one_line_errors():
        terminal = load_terminal(state)
        written = install_reply(terminal, files.read(reply, "a reply"))
    _print({**_names(terminal), "made": written}, as_json, _label(terminal))


@provision.command("terminal")
@click.argument("state", type=_DIRECTORY)
@_platform
@_json
def make_terminal(state: Path, platform: Path, as_json: bool) -> None:
    """Do identity, csr, sign and install in one go, where both sides are on one machine."""
    from provisioning.platform import Report
    from provisioning.terminal import enrol

    report = Report()
    with _one_line_errors():
        terminal = enrol(state, platform, report)
    _print({**_names(terminal), **_became(report)}, as_json, _label(terminal))


@provision.command("broker-config")
@click.argument("platform", type=_DIRECTORY)
@click.option("--out", type=_DIRECTORY, required=True, help="Where the broker's files go.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=_PORT, default=8883, show_default=True)
@click.option("--user", default="mosquitto", show_default=True, help="Who runs the broker.")
@_json
def broker_config(
    platform: Path, out: Path, bind: str, port: int, user: str, as_json: bool
) -> None:
    """Write all that a broker needs, apart from the platform's keys, to a directory of its own."""
    from provisioning.platform import copy_broker

    with _one_line_errors():
        copy_broker(platform, out, bind=bind, port=port, user=user)
    _print(
        {"directory": str(out), "bind": bind, "port": port, "user": user},
        as_json,
        [f"broker     mosquitto -c {out.absolute()}/mosquitto.conf"],
    )


@provision.command()
@click.argument("state", type=_DIRECTORY)
@_json
def show(state: Path, as_json: bool) -> None:
    """Show this terminal's device number, thumbprint and certificate."""
    from provisioning.terminal import load_terminal

    with _one_line_errors():
        terminal = load_terminal(state)
        certificate = terminal.certificate
    found: dict[str, Any] = {**_names(terminal), "certificate": None}
    lines = _label(terminal)
    if certificate is None:
        lines.append("certificate none: not enrolled yet")
    else:
        first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        found["certificate"] = {
            "serial": f"{certificate.serial_number:x}",
            "issuer": certificate.issuer.rfc4514_string(),
            "not_before": first.isoformat(),
            "not_after": last.isoformat(),
        }
        lines.append(f"certificate from {first:%Y-%m-%d} to {last:%Y-%m-%d} (UTC)")
        lines.append(f"issuer     {certificate.issuer.rfc4514_string()}")
    _print(found, as_json, lines)


def _names(terminal: "Terminal") -> dict[str, Any]:
    public = terminal.identity.public
    return {
        "state": str(terminal.state),
        "device": terminal.device,
        "number": terminal.number,
        "thumbprint": public.thumbprint.hex(),
        "public_key": public.to_cose().hex(),
    }


def _label(terminal: "Terminal") -> list[str]:
    return [
        f"device     {terminal.number}",
        f"thumbprint {terminal.identity.public.thumbprint.hex()}",
    ]


def _became(report: "Report") -> dict[str, list[str]]:
    return {"made": report.made, "kept": report.kept}


def _print(result: dict[str, Any], as_json: bool, lines: list[str]) -> None:
    if as_json:
        click.echo(json.dumps(result))
        return
    for line in lines:
        click.echo(line)
    for word in ("made", "kept"):
        if result.get(word):
            click.echo(f"{word}       {' '.join(result[word])}")


@contextmanager
def _one_line_errors() -> Iterator[None]:
    from protocol.errors import ProtocolError
    from provisioning.errors import ProvisioningError

    try:
        yield
    except (ProvisioningError, ProtocolError, OSError) as error:
        click.echo(f"pointeuse: {error}", err=True)
        raise SystemExit(2) from error
