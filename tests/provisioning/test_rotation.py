"""Keys replaced: terminals can follow, old keys stay, and a run cut short is finished."""

import json
import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from protocol import keyfiles
from protocol.errors import SignatureError
from protocol.keyfiles import load_sealing_key, load_signing_key
from protocol.trust import Trust
from provisioning import files
from provisioning.cli import provision
from provisioning.errors import ProvisioningError
from provisioning.platform import load_trust, make_platform
from provisioning.rotation import ROTATING, newest, rotate


@pytest.fixture
def platform(tmp_path: Path) -> Path:
    make_platform(tmp_path / "platform", ["localhost"], 18883)
    return tmp_path / "platform"


def key_ids(platform: Path) -> dict[str, bytes]:
    keys = platform / "keys"
    found = {
        name: load_signing_key(keys / f"{name}.key").public.thumbprint
        for name in ROTATING
        if name != "sealing"
    }
    return found | {"sealing": load_sealing_key(keys / "sealing.key").public.kid}


def agrees(platform: Path, current: Trust) -> bool:
    """Whether the keys in use are the ones the newest document names first."""
    return key_ids(platform) == {
        "root": current.roots[0].thumbprint,
        "receipt": current.receipt_keys[0].thumbprint,
        "config": current.config_keys[0].thumbprint,
        "sealing": current.seal_to[0].kid,
    }


@pytest.mark.parametrize("name", ROTATING)
def test_one_key_is_replaced_and_the_old_one_kept(platform: Path, name: str) -> None:
    before = key_ids(platform)
    old = (platform / "keys" / f"{name}.key").read_bytes()
    done = rotate(platform, [name])
    after = key_ids(platform)
    assert [each for each in ROTATING if after[each] != before[each]] == [name]
    retired = platform / "keys" / f"{name}-2.key"
    assert retired.read_bytes() == old
    assert done.retired == [retired.name]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (platform / "keys").iterdir()} == {0o600}
    assert agrees(platform, newest(load_trust(platform)))


def test_a_terminal_walks_from_the_first_document_to_the_last(platform: Path) -> None:
    for names in (["root", "receipt"], ["sealing"], list(ROTATING), ["root"]):
        rotate(platform, names)
    documents = load_trust(platform)
    assert newest(documents).number == 5
    assert agrees(platform, newest(documents))
    with pytest.raises(SignatureError):
        newest([*documents[:2], documents[2][:-1] + bytes([documents[2][-1] ^ 1])])


def test_the_recovery_key_stays_and_the_replaced_receipt_key_is_good_until_revoked(
    platform: Path,
) -> None:
    recovery = load_sealing_key(platform / "keys" / "recovery.key").public.kid
    first = load_signing_key(platform / "keys" / "receipt.key").public.thumbprint
    rotate(platform, ["receipt", "sealing"])
    current = newest(load_trust(platform))
    assert [key.kid for key in current.seal_to][1:] == [recovery]
    assert current.receipt_lookup(first) is not None
    second = load_signing_key(platform / "keys" / "receipt.key").public.thumbprint
    done = rotate(platform, ["receipt"], revoke_receipts=True)
    current = newest(load_trust(platform))
    assert sorted(done.revoked) == sorted([first, second])
    assert current.receipt_lookup(first) is None
    assert current.receipt_lookup(second) is None
    assert current.receipt_lookup(key_ids(platform)["receipt"]) is not None


class CutError(Exception):
    """The power went."""


@pytest.mark.parametrize("at", range(14))
def test_cut_short_anywhere_the_next_run_finishes_it(
    platform: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    count = 0

    def cut_at(original: object) -> object:
        def step(*arguments: object, **named: object) -> object:
            nonlocal count
            count += 1
            if count == at + 1:
                raise CutError
            return original(*arguments, **named)  # type: ignore[operator]

        return step

    with monkeypatch.context() as patch:
        patch.setattr(keyfiles, "save_private_key", cut_at(keyfiles.save_private_key))
        patch.setattr(files, "write_public", cut_at(files.write_public))
        patch.setattr(os, "link", cut_at(os.link))
        patch.setattr(Path, "replace", cut_at(Path.replace))
        try:
            rotate(platform, ["receipt", "sealing", "root"])
        except CutError:
            assert count == at + 1
    rotate(platform, [])
    current = newest(load_trust(platform))
    assert agrees(platform, current)
    assert rotate(platform, []).finished == []
    rotate(platform, ["root", "receipt"])
    assert newest(load_trust(platform)).number == current.number + 1


def test_without_anything_to_do_nothing_is_published(platform: Path) -> None:
    assert rotate(platform, []).number == 1
    assert len(load_trust(platform)) == 1


def test_a_directory_that_is_no_platform_is_named(tmp_path: Path) -> None:
    with pytest.raises(ProvisioningError, match="has no trust document"):
        rotate(tmp_path, ["root"])


def test_the_command_says_what_to_restart(platform: Path) -> None:
    done = CliRunner().invoke(provision, ["rotate", str(platform), "--receipt", "--json"])
    assert done.exit_code == 0
    found = json.loads(done.stdout)
    assert found["trust_version"] == 2
    assert found["retired"] == ["receipt-2.key"]
    assert found["restart"] == ["pointeuse cloud ingest"]
    nothing = CliRunner().invoke(provision, ["rotate", str(platform)])
    assert nothing.exit_code == 0
    assert "restart" not in nothing.stdout
