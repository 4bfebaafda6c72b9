"""What is built for terminals is whole, and the locks are what they claim to be."""

import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-dev.lock")
PACKAGES = ("agent", "cloud", "hw-sim/hwsim", "protocol", "provisioning")
NEEDED = ("pointeuse.py", "pyproject.toml", "README.md", "LICENSE")
PIN = r"([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+) \\"
HASH = r"    --hash=sha256:[0-9a-f]{64}( \\)?"


def pins(lock: str) -> dict[str, str]:
    found = re.findall(
        r"^([a-z0-9._-]+)(?:\[[a-z,]+\])?==(\S+) \\$", (ROOT / lock).read_text(), re.MULTILINE
    )
    return dict(found)


@pytest.mark.parametrize("lock", LOCKS)
def test_every_requirement_is_pinned_with_hashes_and_nothing_else_is_said(lock: str) -> None:
    lines = (ROOT / lock).read_text().splitlines()
    for line in lines:
        assert re.fullmatch(
            r"[a-z0-9._-]+(\[[a-z,]+\])?==\S+ \\|    --hash=sha256:[0-9a-f]{64}( \\)?", line
        )
    assert pins(lock)


def test_developers_run_what_terminals_run() -> None:
    developers = pins("requirements-dev.lock")
    for lock in ("requirements-build.lock", "requirements.lock"):
        assert pins(lock).items() <= developers.items()


def test_every_declared_dependency_is_locked() -> None:
    import tomllib

    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]

    def names(*groups: list[str]) -> set[str]:
        every = {re.split(r"[\[>=<]", line)[0] for group in groups for line in group}
        return every - {"pointeuse"}

    running = [extras[name] for name in ("pcsc", "pn532", "cloud", "sim")]
    assert names(project["dependencies"], *running) <= pins("requirements.lock").keys()
    assert names(*extras.values()) <= pins("requirements-dev.lock").keys()


@pytest.mark.integration
def test_the_wheel_holds_every_file_the_packages_need(tmp_path: Path) -> None:
    tracked = subprocess.run(
        ["git", "ls-files", *PACKAGES, *NEEDED],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    # A copy: building in place would leave, and find again, what earlier builds left.
    listed = [name for name in tracked if (ROOT / name).exists()]
    for name in listed:
        (tmp_path / "source" / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / "source" / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    subprocess.run(
        [*pip, "--no-build-isolation", "--wheel-dir", tmp_path, tmp_path / "source"],
        check=True,
        capture_output=True,
        stdin=subprocess.DEVNULL,
    )
    (wheel,) = tmp_path.glob("*.whl")
    held = set(zipfile.ZipFile(wheel).namelist())
    wanted = {name.removeprefix("hw-sim/") for name in listed if name not in NEEDED[1:]}
    assert wanted - held == set()
    for language in ("en", "fr", "nl", "de"):
        guide = f"cloud/guide/pages/{language}"
        assert {f"{guide}/why.md", f"{guide}/images/why.png"} <= held
    assert not {name for name in held if name.startswith(("tests/", "bench/"))}
    entry_points = zipfile.ZipFile(wheel).read("pointeuse-0.1.0.dist-info/entry_points.txt")
    assert b"pointeuse = pointeuse:main" in entry_points
