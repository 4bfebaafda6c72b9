"""The panel's server: its page, what changes on it, and what is clicked."""

import asyncio
import contextlib
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from hwsim.errors import SimulatorError
from hwsim.panel.controls import Controls
from hwsim.panel.guard import Guard
from hwsim.panel.story import Story
from hwsim.panel.watch import Watch, hand
from hwsim.panel.world import World

_SCRIPTS = ("dom", "faults", "hand", "panel", "platform", "readers", "terminal")
_FILES = {
    "/": ("panel.html", "text/html; charset=utf-8"),
    "/panel.css": ("panel.css", "text/css; charset=utf-8"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
} | {f"/{name}.js": (f"{name}.js", "text/javascript; charset=utf-8") for name in _SCRIPTS}
_STATIC = Path(__file__).with_name("static")
_LOOK_S = 0.04
_BEAT = 250
"""Looks without a change after which a sign of life is sent: a page that left is noticed by it."""
_LONGEST = 1000


@contextlib.contextmanager
def serving(world: World, listener: socket.socket) -> Iterator[str]:
    """Serve the panel of `world` on a listening socket; where its page is."""
    story = Story()
    controls = Controls(world, story)
    port: int = listener.getsockname()[1]
    with Watch(world, controls, story) as watch:
        app = create_app(watch, controls, hand(world), port)
        server = uvicorn.Server(
            uvicorn.Config(
                app, access_log=False, log_level="warning", server_header=False,
                timeout_graceful_shutdown=3, ws="none", lifespan="off",
            )
        )  # fmt: skip
        thread = threading.Thread(target=server.run, args=([listener],), name="panel")
        thread.start()
        try:
            yield f"http://127.0.0.1:{port}/"
        finally:
            watch.stop()
            server.should_exit = True
            # What is being done just now ends before its world does.
            controls.close()
            thread.join()


def create_app(
    watch: Watch, controls: Controls, badges: list[dict[str, Any]], port: int
) -> ASGIApp:
    """The application for loopback port `port`."""

    async def events(_: Request) -> Response:
        return StreamingResponse(_changes(watch), media_type="text/event-stream")

    async def dealt(_: Request) -> Response:
        return JSONResponse(badges)

    def hold(asked: dict[str, Any]) -> str:
        return controls.hold(_text(asked, "reader"), _text(asked, "badge"))

    def plug(asked: dict[str, Any]) -> str:
        return controls.plug(_text(asked, "reader"), _truth(asked, "on"))

    def switch(asked: dict[str, Any]) -> str:
        return controls.switch(_text(asked, "name"), _truth(asked, "on"))

    def clock(asked: dict[str, Any]) -> str:
        return controls.set_clock(_text(asked, "how"))

    routes = [Route(path, _file(*file)) for path, file in _FILES.items()]
    routes += [Route("/events", events), Route("/hand", dealt)]
    for action in (hold, plug, switch, clock):
        routes.append(Route(f"/{action.__name__}", _action(action), methods=["POST"]))
    app = Starlette(routes=routes)
    return Guard(app, (f"127.0.0.1:{port}", f"localhost:{port}"))


def _file(name: str, media_type: str) -> Callable[[Request], Response]:
    def serve(_: Request) -> Response:
        return FileResponse(_STATIC / name, media_type=media_type)

    return serve


def _action(action: Callable[[dict[str, Any]], str]) -> Any:
    async def serve(request: Request) -> Response:
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > _LONGEST:
                return JSONResponse({"detail": "That is too much."}, 413)
        try:
            asked = json.loads(body)
            if not isinstance(asked, dict):
                return JSONResponse({"detail": "Send one JSON object."}, 400)
            said = await run_in_threadpool(action, asked)
        except (ValueError, RecursionError):
            return JSONResponse({"detail": "That is no JSON."}, 400)
        except SimulatorError as error:
            return JSONResponse({"detail": str(error)}, 409)
        return JSONResponse({"said": said})

    return serve


async def _changes(watch: Watch) -> AsyncIterator[str]:
    """The state at once, and again whenever it changed, as server-sent events."""
    seen, idle = 0, 0
    while not watch.stopped:
        if seen != watch.version:
            seen, idle = watch.version, 0
            yield f"data: {watch.state}\n\n"
        elif idle >= _BEAT:
            idle = 0
            yield ": still here\n\n"
        idle += 1
        await asyncio.sleep(_LOOK_S)


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name)
    if not isinstance(value, str):
        raise SimulatorError(f"{name} is missing, or no text")
    return value


def _truth(asked: dict[str, Any], name: str) -> bool:
    value = asked.get(name)
    if not isinstance(value, bool):
        raise SimulatorError(f"{name} is missing, or neither true nor false")
    return value
