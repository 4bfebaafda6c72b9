"""`pointeuse cloud serve`."""

import ipaddress
import signal
import socket
from pathlib import Path

import click

from cloud.options import config_option, one_line_errors


@click.command()
@config_option
def serve(config_path: Path) -> None:
    """Serve the API and the console until stopped."""
    import uvicorn

    from cloud import db, migrations, settings
    from cloud.api.app import LOOPBACK, create_app

    with one_line_errors():
        config = settings.load(config_path)
        engine = db.reader_engine(config.database.url)
        with engine.connect() as conn:
            migrations.require_current(conn)
        listener = _listen(config.api.host, config.api.port)
    address = ipaddress.ip_address(listener.getsockname()[0])
    hosts = None if address.is_unspecified else {*LOOPBACK, config.api.host}
    if not address.is_loopback:
        click.echo(
            "pointeuse: nobody logs in yet: whoever reaches this address sees names and presences",
            err=True,
        )
    server = uvicorn.Server(
        uvicorn.Config(
            create_app(engine, hosts=hosts),
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=3,
            ws="none",
        )
    )
    shown = f"[{config.api.host}]" if ":" in config.api.host else config.api.host
    click.echo(f"serving http://{shown}:{listener.getsockname()[1]}/")
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn stops in good order, and then raises the signal again for whoever was here before.
        signal.signal(signal_number, lambda *_: None)
    server.run(sockets=[listener])
    engine.dispose()


def _listen(host: str, port: int) -> socket.socket:
    from protocol.settings import SettingsError

    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family, backlog=256)
    except OSError as error:
        raise SettingsError(
            f"api.host, api.port: cannot listen on {host}:{port}: {error.strerror};"
            " stop what listens there, or choose another port"
        ) from error
