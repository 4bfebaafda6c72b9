"""The terminal's own files: keys, certificates, what it trusts, and its badge profiles."""

import stat
import time
from datetime import UTC, datetime
from pathlib import Path

from agent.badges.credentials import Credentials
from agent.badges.profiles import load_profiles
from agent.badges.setting import Badges
from agent.doctor.findings import Check, Finding, Findings
from agent.trust_store import TrustStore
from protocol.errors import KeyFileError
from protocol.identity import device_number
from protocol.keyfiles import load_sealing_key, load_signing_key
from protocol.settings import SettingsError

_AGEING_DAYS = 30


def identity(state: Path) -> Findings:
    """Whether this terminal is somebody: its keys, and the platform it was enrolled with."""
    check = Check("identity", "identity key")
    enrol = f"enrol it with `pointeuse provision terminal {state} --platform ...`"
    try:
        key = load_signing_key(state / "identity.key")
    except KeyFileError as error:
        yield check.fault(str(error), enrol)
        return
    yield check.ok(f"device number {device_number(key.public.thumbprint)}")
    check = Check("identity", "trust documents")
    try:
        trust = TrustStore(state, load_sealing_key(state / "sealing.key"))
    except KeyFileError as error:
        yield check.fault(str(error), enrol)
    else:
        yield check.ok(f"number {trust.current.number} is the newest")
    yield from _closed(state)


def certificates(state: Path, now: float | None = None) -> Findings:
    """Whether the certificates are there, belong together, and last. `now`: seconds since 1970."""
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    enrol = f"enrol it anew: `pointeuse provision terminal {state} --platform ...`"
    moment = time.time() if now is None else now
    for name, about in (("tls.crt", "client certificate"), ("ca.crt", "authority's certificate")):
        check = Check("certificates", about)
        try:
            found = x509.load_pem_x509_certificate((state / name).read_bytes())
        except OSError as error:
            yield check.fault(f"cannot read {state / name}: {error.strerror}", enrol)
            continue
        except ValueError:
            yield check.fault(f"{state / name} is no certificate in PEM", enrol)
            continue
        if moment < found.not_valid_before_utc.timestamp():
            yield check.fault(
                f"not valid before {found.not_valid_before_utc:%Y-%m-%d}, and the clock says"
                f" {datetime.fromtimestamp(moment, UTC):%Y-%m-%d}",
                "set the clock: let NTP through (UDP port 123), or `timedatectl set-time`",
            )
        else:
            yield _dated(check, found.not_valid_after_utc, moment, enrol)
        if name == "tls.crt":
            try:
                key = load_pem_private_key((state / "tls.key").read_bytes(), None)
            except (OSError, ValueError, TypeError) as error:
                yield check.fault(f"cannot use {state / 'tls.key'}: {error}", enrol)
                continue
            if key.public_key() != found.public_key():
                yield check.fault("it belongs to another key than tls.key", enrol)


def profiles(badges: Badges, state: Path) -> Findings:
    """Whether every badge profile can be used: a site's own that is wrong stops the agent."""
    check = Check("badges", badges.profiles)
    try:
        found = load_profiles(Path(badges.profiles))
    except SettingsError as error:
        yield check.fault(str(error), "mend the profile, or take it out of the folder")
        return
    credentials = Credentials(state)
    for profile in found:
        check = Check("badges", f"profile {profile.name}")
        missing = [name for name in profile.keys if not credentials.has(name)]
        if missing and profile.simulated:
            yield check.skipped("simulated, and its keys are not here: nothing is amiss at a site")
        elif missing:
            yield check.fault(
                f"not in use, so its badges are recorded by UID: there is no key {missing[0]!r}",
                f"`pointeuse agent credentials set {missing[0]}`, then restart the agent",
            )
        else:
            yield from _keys(check, profile.keys, credentials)


def _keys(check: Check, names: "tuple[str, ...] | list[str]", credentials: Credentials) -> Findings:
    try:
        values = [f"{name} ({credentials.key(name).check_value})" for name in names]
    except KeyFileError as error:
        yield check.fault(str(error), "then restart the agent")
        return
    yield check.ok(f"keys {', '.join(values)}" if values else "needs no key")


def _closed(state: Path) -> Findings:
    """Whether others can read what is secret."""
    try:
        open_to = stat.S_IMODE(state.stat().st_mode) & 0o077
    except OSError:
        open_to = 0
    if open_to:
        yield Check("identity", "state").fault(
            f"{state} is open to others (mode {stat.S_IMODE(state.stat().st_mode):04o})",
            f"`chmod 700 {state}`",
        )
    for name in ("identity.key", "sealing.key", "tls.key"):
        path = state / name
        try:
            mode = stat.S_IMODE(path.stat().st_mode)
        except OSError:
            continue
        if mode & 0o077:
            yield Check("identity", name).fault(
                f"{path} is open to others (mode {mode:04o})", f"`chmod 600 {path}`"
            )


def _dated(check: Check, ends: datetime, now: float, enrol: str) -> Finding:
    days = int((ends.timestamp() - now) // 86_400)
    until = f"{ends:%Y-%m-%d}"
    if days < 0:
        return check.fault(f"expired on {until}", enrol)
    if days < _AGEING_DAYS:
        return check.warning(f"expires on {until}, in {days} days", enrol)
    return check.ok(f"good until {until}")
