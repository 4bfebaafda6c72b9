"""`pointeuse cloud serve`."""

import ipaddress
import signal
import socket
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cloud.options import config_option, one_line_errors

if TYPE_CHECKING:
    from sqlalchemy import Engine
    from starlette.types import ASGIApp

    from cloud.settings import Config
    from cloud.webhooks.courier import Courier

_OPEN = (
    "pointeuse: this address is reached without TLS: put a proxy with a certificate before it;"
    " browsers keep the cookie of a login from it otherwise"
)


@click.command()
@config_option
def serve(config_path: Path) -> None:
    """Serve the API and the console until stopped."""
    from cloud import db, migrations, settings
    from cloud.api.app import LOOPBACK, create_app
    from cloud.api.rates import Buckets
    from cloud.notifications.watch import Watch
    from cloud.retention.redo import catch_up
    from cloud.retention.watch import Keeper

    with one_line_errors():
        config = settings.load(config_path)
        engine = db.reader_engine(config.database.url)
        writer = db.writer_engine(config.database.url)
        watch = Watch(writer, mail=config.mail)
        keeper = Keeper(writer, config.directory, config.retention)
        courier = None
        try:
            with engine.connect() as conn:
                migrations.require_current(conn)
            # Before anything is shown: a database from an older backup has who was erased since.
            catch_up(writer, config.directory, config.retention)
            listener = _listen(config.api.host, config.api.port)
            address = ipaddress.ip_address(listener.getsockname()[0])
            if not address.is_loopback:
                click.echo(_OPEN, err=True)
            hosts = {*LOOPBACK, config.api.host, config.api.public_host, config.api.api_host} - {""}
            # Listening everywhere it has names that nobody told; one that was told is enough.
            anywhere = address.is_unspecified and not config.api.public_host
            buckets = Buckets(config.api.requests_per_s, config.api.burst)
            app = create_app(
                engine,
                writer,
                hosts=None if anywhere else hosts,
                directory=config.directory,
                buckets=buckets,
                public_url=config.api.public_url,
                api_url=config.api.api_url,
                retention=config.retention,
                webhook_settings=config.webhooks,
            )
            watch.start()
            keeper.start()
            courier = _courier(config, engine, writer)
            _run(app, listener, config.api.host)
        finally:
            keeper.stop()
            watch.stop()
            if courier is not None:
                courier.stop()
            engine.dispose()
            writer.dispose()


def _courier(config: "Config", engine: "Engine", writer: "Engine") -> "Courier | None":
    """The courier of webhooks, begun; None where there is no key for their secrets."""
    from cloud.webhooks.courier import Courier
    from cloud.workers.vault import VaultError

    try:
        courier = Courier.of(config, engine, writer)
    except VaultError as error:
        click.echo(f"pointeuse: webhooks are not served: {error}", err=True)
        return None
    courier.start()
    return courier


def _run(app: "ASGIApp", listener: socket.socket, host: str) -> None:
    import uvicorn

    server = uvicorn.Server(
        uvicorn.Config(
            app,
            access_log=False,
            log_level="warning",
            server_header=False,
            timeout_graceful_shutdown=3,
            ws="none",
        )
    )
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"serving http://{shown}:{listener.getsockname()[1]}/")
    for number in (signal.SIGINT, signal.SIGTERM):
        # uvicorn stops in good order, and then raises the signal again for whoever was here before.
        signal.signal(number, lambda *_: None)
    server.run(sockets=[listener])


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
