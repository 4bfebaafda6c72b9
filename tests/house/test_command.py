"""The `pointeuse` command itself: lazy, and clear about what is missing."""

import subprocess
import sys
from pathlib import Path

import pytest

from protocol import VERSION

ROOT = Path(__file__).parents[2]


def run(*arguments: str, before: str = "") -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, `before` being Python to run first."""
    code = f"import sys; {before}\nimport pointeuse; pointeuse.main(*sys.argv[1:])"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=ROOT
    )


def test_help_names_every_group_and_imports_none() -> None:
    done = run(
        "--help",
        before="import atexit; atexit.register(lambda: print(sorted(set(sys.modules) & "
        "{'agent', 'cloud', 'provisioning', 'hwsim', 'cryptography', 'sqlalchemy'})))",
    )
    assert done.returncode == 0
    for group in ("agent", "verify", "provision", "cloud", "sim", "completion"):
        assert f"\n  {group} " in done.stdout
    assert done.stdout.endswith("[]\n")


def test_version() -> None:
    assert run("--version").stdout == f"pointeuse, version {VERSION}\n"
    assert f'version = "{VERSION}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("group", ["agent", "provision", "cloud", "sim"])
def test_every_group_has_help(group: str) -> None:
    done = run(group, "--help")
    assert done.returncode == 0, done.stderr
    assert "Commands:" in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_printed_without_that_shell(shell: str) -> None:
    done = run("completion", shell)
    assert done.returncode == 0
    assert "_POINTEUSE_COMPLETE" in done.stdout


def test_bash_completes_a_command() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import pointeuse; pointeuse.main()"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            "_POINTEUSE_COMPLETE": "bash_complete",
            "COMP_WORDS": "pointeuse provision sh",
            "COMP_CWORD": "2",
        },
    )
    assert "show" in done.stdout


def test_a_missing_extra_is_named_in_one_line() -> None:
    gone = "sys.modules['sqlalchemy'] = None"
    done = run("cloud", "migrate", "--config", "nowhere.toml", before=gone)
    assert done.returncode == 2
    assert done.stderr == (
        "pointeuse: sqlalchemy is not installed; it comes with the extra [cloud]:"
        " pip install 'pointeuse[cloud]'\n"
    )


def test_what_is_missing_of_ours_is_no_missing_extra() -> None:
    done = run("agent", "run", before="sys.modules['protocol'] = None")
    assert done.returncode == 1
    assert "protocol" in done.stderr


def test_an_unknown_command_is_a_usage_error() -> None:
    done = run("nope")
    assert done.returncode == 2
    assert "No such command 'nope'" in done.stderr
