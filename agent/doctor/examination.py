"""The whole examination, in the order in which one thing needs another."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from agent.badges.credentials import Credentials
from agent.badges.identify import Identifier
from agent.badges.setting import identifier, known
from agent.clock import Clock
from agent.config import Config, load
from agent.doctor import broker, identity, machine, readers
from agent.doctor.findings import Check, Finding, Findings, Verdict
from agent.status import SOCKET, ask
from protocol.errors import KeyFileError
from protocol.identity import compact, device_number
from protocol.keyfiles import load_signing_key
from protocol.settings import SettingsError

CHECKS = (
    "configuration", "agent", "identity", "certificates", "badges", "clock", "disk", "ports",
    "readers", "broker",
)  # fmt: skip
"""Every check there is; the page for installers has each."""


def examine(path: Path, say: Callable[[str], None]) -> Findings:
    """Look at everything; `say` is told what is being waited for."""
    check = Check("configuration", str(path))
    try:
        config = load(path)
    except SettingsError as error:
        yield check.fault(str(error), f"mend {path}; every key is in the README")
        return
    yield check.ok(f"{len(config.readers)} readers, broker {config.uplink.host}")
    say("asking the agent")
    silent: Finding | None = None
    status: dict[str, Any] | None = None
    try:
        status = running(config.state)
    except UnansweredError as error:
        silent = Check("agent", str(config.state)).fault(
            str(error),
            "run the doctor as the agent's user or root; if that is so,"
            " `systemctl restart pointeuse-agent`, and see its log",
        )
    yield silent or _agent(status, config.state)
    yield from identity.identity(config.state)
    yield from identity.certificates(config.state)
    yield from identity.profiles(config.badges, config.state)
    yield from machine.clock(config.terminal.keeps_time)
    yield from machine.disk(config.state)
    if status is not None:
        yield from readers.running(status["readers"], config.readers)
        yield _uplink(status)
        return
    if silent is not None:
        for name in ("ports", "readers", "broker"):
            yield Check(name, "all").skipped(
                "an agent may run, and has them: trying them would cut it off"
            )
        return
    obstacles = list(readers.hindrances(config.readers))
    yield from obstacles
    say("looking for the readers")
    yield from readers.standing(config.readers, cards(config), config.state)
    say("trying the broker")
    yield from broker.broker(config.uplink, config.state, _device(config.state))


class UnansweredError(Exception):
    """Something is there that may be an agent, and it does not say how it is."""


def running(state: Path) -> dict[str, Any] | None:
    """What the agent on `state` says; None when none runs.

    Only a socket that is not there, or at which nobody listens, says that none does. Raises
    UnansweredError for all else: the broker would end an agent's session for the doctor's.
    """
    try:
        return ask(state)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
        return None
    except (OSError, ValueError) as error:
        raise UnansweredError(
            f"whoever listens on {state / SOCKET} does not say how it is: {error}"
        ) from error


def cards(config: Config) -> Identifier:
    """What knows badges as the agent would; of a terminal whose profiles cannot be used, by UID."""
    try:
        found = known(config.badges, Credentials(config.state))
    except (SettingsError, KeyFileError):
        return Identifier()
    return identifier(config.badges, found, Clock(told=True).now, lambda _: None)


def worst(findings: Iterator[Finding] | list[Finding]) -> Verdict:
    """FAULT if there is one, else WARNING if there is one, else OK."""
    found = {finding.verdict for finding in findings}
    return next((each for each in (Verdict.FAULT, Verdict.WARNING) if each in found), Verdict.OK)


def _agent(status: dict[str, Any] | None, state: Path) -> Finding:
    check = Check("agent", str(state))
    if status is None:
        return check.skipped(
            "no agent answers, so readers and broker are tried here;"
            " `systemctl status pointeuse-agent` says whether one should run"
        )
    alarms = status["alarms"]
    if alarms:
        name, detail = next(iter(alarms.items()))
        return check.fault(f"it raises an alarm: {name}: {detail}", "mend what the alarm names")
    return check.ok(f"version {status['version']} runs, {status['queue']} records wait")


def _uplink(status: dict[str, Any]) -> Finding:
    check = Check("broker", "uplink")
    uplink = status["uplink"]
    if uplink["state"] == "online":
        return check.ok("the agent is connected")
    return check.fault(
        f"the agent is {uplink['state']}: {uplink['detail']}",
        "stop the agent and run the doctor again: it then tries each step on the way",
    )


def _device(state: Path) -> str | None:
    try:
        return compact(device_number(load_signing_key(state / "identity.key").public.thumbprint))
    except KeyFileError:
        return None
