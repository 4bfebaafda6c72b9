"""Platform and terminal directories: whole, private, and kept when made again."""

import os
import stat
from pathlib import Path

import pytest

from protocol import trust
from protocol.keyfiles import load_sealing_key, load_signing_key
from provisioning import broker, certificates
from provisioning.errors import ProvisioningError
from provisioning.platform import Report, copy_broker, load_trust, make_platform
from provisioning.terminal import enrol, make_identity

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")


def contents(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def made(tmp_path: Path) -> Path:
    make_platform(tmp_path / "platform", ["gate.example"], 18883)
    return tmp_path / "platform"


def test_keys_are_private_and_certificates_are_not(made: Path, tmp_path: Path) -> None:
    enrol(tmp_path / "terminal", made, Report())
    for path in (*made.rglob("*"), *(tmp_path / "terminal").rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir():
            assert mode == 0o700, path
        else:
            assert mode == (0o600 if path.suffix == ".key" else 0o644), path
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_made_again_everything_is_kept(made: Path) -> None:
    before = contents(made)
    report = make_platform(made, ["gate.example"], 18883)
    assert contents(made) == before
    assert report.made == ["mosquitto.conf", "acl"]
    assert "keys/root.key" in report.kept


def test_another_host_gets_another_certificate_for_the_same_key(made: Path) -> None:
    before = contents(made)
    report = make_platform(made, ["other.example"], 18883)
    assert "broker.crt (anew: it does not name other.example)" in report.made
    changed = {name for name, content in contents(made).items() if before[name] != content}
    assert changed == {"broker.crt"}


def test_the_trust_document_names_the_platforms_keys(made: Path) -> None:
    (document,) = load_trust(made)
    pinned = trust.pin(document)
    keys = {name: load_signing_key(made / "keys" / f"{name}.key") for name in ("root", "receipt")}
    assert list(pinned.roots) == [keys["root"].public]
    assert list(pinned.receipt_keys) == [keys["receipt"].public]
    sealing = [load_sealing_key(made / "keys" / f"{n}.key") for n in ("sealing", "recovery")]
    assert [key.kid for key in pinned.seal_to] == [key.public.kid for key in sealing]
    authority = certificates.load_certificate(made / "ca.crt")
    assert list(pinned.authorities) == [certificates.der(authority)]


def test_an_authority_without_its_key_is_not_replaced(made: Path) -> None:
    (made / "ca.key").unlink()
    with pytest.raises(ProvisioningError, match=r"ca\.crt was there without its ca\.key"):
        make_platform(made, ["gate.example"], 18883)


def test_a_directory_others_can_read_is_refused_and_left_alone(tmp_path: Path) -> None:
    directory = tmp_path / "open"
    directory.mkdir(mode=0o755)
    directory.chmod(0o755)
    with pytest.raises(ProvisioningError, match="open to others"):
        make_platform(directory, ["localhost"], 18883)
    with pytest.raises(ProvisioningError, match="open to others"):
        make_identity(directory, Report())
    assert stat.S_IMODE(directory.stat().st_mode) == 0o755
    assert list(directory.iterdir()) == []


def test_a_terminal_enrolled_again_keeps_everything(made: Path, tmp_path: Path) -> None:
    first = enrol(tmp_path / "terminal", made, Report())
    before = contents(tmp_path / "terminal")
    report = Report()
    assert enrol(tmp_path / "terminal", made, report).device == first.device
    assert contents(tmp_path / "terminal") == before
    assert report.made == []


def test_the_device_file_holds_the_number_as_printed(tmp_path: Path) -> None:
    terminal = make_identity(tmp_path / "terminal", Report())
    assert (tmp_path / "terminal" / "device").read_text() == f"{terminal.number}\n"
    assert terminal.number.replace("-", "") == terminal.device


@needs_root
def test_files_belong_to_the_owner_of_the_state_directory(made: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 12345, 12346)
    enrol(state, made, Report())
    for path in state.rglob("*"):
        assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346), path


@needs_root
def test_a_broker_of_its_own_gets_no_key_but_its_own(made: Path, tmp_path: Path) -> None:
    copy_broker(made, tmp_path / "out", bind="127.0.0.1", port=8884, user="nobody")
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"ca.crt", "broker.crt", "broker.key", "mosquitto.conf", "acl"}
    settings = (tmp_path / "out" / "mosquitto.conf").read_text()
    assert "user nobody\n" in settings
    assert f"keyfile {tmp_path}/out/broker.key\n" in settings
    assert (tmp_path / "out" / "broker.key").stat().st_uid != os.geteuid()
    copy_broker(made, tmp_path / "out", bind="127.0.0.1", port=8884, user="nobody")


def test_an_unknown_user_for_the_broker_is_named(made: Path, tmp_path: Path) -> None:
    with pytest.raises(ProvisioningError, match="no user 'nobody-here'"):
        copy_broker(made, tmp_path / "out", bind="127.0.0.1", port=8884, user="nobody-here")


def test_the_settings_are_the_ones_that_make_the_certificate_the_name(tmp_path: Path) -> None:
    lines = broker.configuration(
        broker.Listener(tmp_path, "127.0.0.1", 18883, "mosquitto")
    ).splitlines()
    for line in (
        "per_listener_settings true",
        "listener 18883 127.0.0.1",
        "require_certificate true",
        "use_identity_as_username true",
        "use_username_as_clientid true",
        "allow_anonymous false",
        "persistence false",
    ):
        assert line in lines
    # Settings of a listener hold for the one above them.
    assert lines.index("listener 18883 127.0.0.1") < lines.index("require_certificate true")


@pytest.mark.parametrize("name", ["a\nlog_dest topic", "tab\there", " lead"])
def test_a_path_cannot_smuggle_settings_in(name: str) -> None:
    with pytest.raises(ProvisioningError, match=r"cannot stand in mosquitto\.conf"):
        broker.configuration(broker.Listener(Path(name), "127.0.0.1", 18883, "mosquitto"))
