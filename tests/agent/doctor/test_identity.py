import time
from pathlib import Path

import pytest

from agent.badges.credentials import Credentials, Secret
from agent.badges.setting import Badges
from agent.doctor import identity
from agent.doctor.findings import Finding, Verdict
from provisioning.platform import Report, make_platform
from provisioning.terminal import enrol

KEY = bytes(range(16))


@pytest.fixture(scope="module")
def enrolled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("doctor")
    make_platform(directory / "platform", ["localhost"], 8883)
    return enrol(directory / "state", directory / "platform", Report()).state


@pytest.fixture
def state(enrolled: Path, tmp_path: Path) -> Path:
    """A terminal's own directory, to be spoilt."""
    import shutil

    return Path(shutil.copytree(enrolled, tmp_path / "state"))


def faults(findings: object) -> list[Finding]:
    found = [each for each in findings if each.verdict is not Verdict.OK]  # type: ignore[attr-defined]
    assert all(each.fix or each.verdict is Verdict.SKIPPED for each in found)
    return found


def everything(state: Path) -> list[Finding]:
    return [*identity.identity(state), *identity.certificates(state)]


def test_an_enrolled_terminal_is_well(state: Path) -> None:
    assert faults(everything(state)) == []


@pytest.mark.parametrize("name", ["identity.key", "sealing.key", "tls.key"])
def test_a_key_that_is_open_to_others(state: Path, name: str) -> None:
    (state / name).chmod(0o640)
    assert any(
        f"chmod 600 {state / name}" in each.fix + each.found for each in faults(everything(state))
    )


@pytest.mark.parametrize(
    ("name", "about"),
    [
        ("identity.key", "identity key"),
        ("tls.crt", "client certificate"),
        ("tls.key", "client certificate"),
        ("ca.crt", "authority's certificate"),
        ("trust/1.cbor", "trust documents"),
    ],
)
@pytest.mark.parametrize("how", ["gone", "garbage"])
def test_a_file_that_is_gone_or_damaged(state: Path, name: str, about: str, how: str) -> None:
    path = state / name
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes(b"garbage")
    found = faults(everything(state))
    assert about in {each.about for each in found}
    assert {each.verdict for each in found} == {Verdict.FAULT}


def test_a_certificate_of_another_key(state: Path, tmp_path: Path, enrolled: Path) -> None:
    other = enrol(tmp_path / "other", enrolled.parent / "platform", Report()).state
    (state / "tls.crt").write_bytes((other / "tls.crt").read_bytes())
    assert "another key" in faults(identity.certificates(state))[0].found


def test_certificates_that_age(state: Path) -> None:
    from cryptography import x509

    ends = x509.load_pem_x509_certificate((state / "tls.crt").read_bytes()).not_valid_after_utc
    day = 86_400
    for before, verdict in ((40, Verdict.OK), (10, Verdict.WARNING), (-1, Verdict.FAULT)):
        found = list(identity.certificates(state, ends.timestamp() - before * day))
        assert found[0].verdict is verdict
    assert ends.timestamp() > time.time()


def test_a_clock_that_was_never_set_is_named_not_the_certificate(state: Path) -> None:
    found = faults(identity.certificates(state, 0.0))
    assert {each.about for each in found} == {"client certificate", "authority's certificate"}
    for each in found:
        assert each.verdict is Verdict.FAULT
        assert "the clock says 1970-01-01" in each.found
        assert "set the clock" in each.fix


class TestProfiles:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        from agent.badges.profiles import SHIPPED

        folder = tmp_path / "profiles.d"
        folder.mkdir()
        text = (SHIPPED / "construbadge-sim.toml").read_text()
        own = text.replace("construbadge-sim", "own").replace(
            "simulated = true", "simulated = false"
        )
        assert own != text
        (folder / "own.toml").write_text(own)
        return folder

    def test_a_missing_key_is_named_with_what_sets_it(self, state: Path, folder: Path) -> None:
        badges = Badges(profiles=str(folder))
        found = {each.about: each for each in identity.profiles(badges, state)}
        assert found["profile own"].verdict is Verdict.FAULT
        assert "pointeuse agent credentials set" in found["profile own"].fix
        assert found["profile metalbadge-sim"].verdict is Verdict.SKIPPED

    def test_a_key_that_is_there_shows_its_check_value_only(
        self, state: Path, folder: Path
    ) -> None:
        badges = Badges(profiles=str(folder))
        store = Credentials(state)
        while missing := [
            each for each in identity.profiles(badges, state) if each.verdict is Verdict.FAULT
        ]:
            store.set(missing[0].fix.split("`")[1].split()[-1], Secret(KEY))
        (own,) = [e for e in identity.profiles(badges, state) if e.about == "profile own"]
        assert own.verdict is Verdict.OK
        assert KEY.hex().upper() not in own.found.upper()
        path = next(p for p in store.directory.glob("*.key") if f"{p.stem} (" in own.found)
        path.chmod(0o644)
        (own,) = [e for e in identity.profiles(badges, state) if e.about == "profile own"]
        assert (own.verdict, "chmod 600" in own.found) == (Verdict.FAULT, True)

    def test_a_profile_that_is_wrong_is_named(self, state: Path, folder: Path) -> None:
        (folder / "bad.toml").write_text("name = 1")
        (finding,) = identity.profiles(Badges(profiles=str(folder)), state)
        assert finding.verdict is Verdict.FAULT
        assert "bad.toml" in finding.found


def test_a_state_directory_that_others_can_enter_is_a_fault(state: Path) -> None:
    state.chmod(0o755)
    assert any(f"chmod 700 {state}" in each.fix for each in faults(everything(state)))
    state.chmod(0o700)
    assert not any("chmod 700" in each.fix for each in everything(state))
