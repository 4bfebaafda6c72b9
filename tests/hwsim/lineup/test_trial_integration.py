"""Every reader by every badge: as it must be, and as docs/readers.md says it is."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from hwsim.cli import sim
from hwsim.lineup.table import BEGIN, END, markdown
from hwsim.lineup.trial import Trial, trials

pytestmark = pytest.mark.integration

PAGE = Path(__file__).parents[3] / "docs" / "readers.md"


@pytest.fixture(scope="module")
def found() -> list[Trial]:
    said: list[str] = []
    every = trials(said.append)
    assert len(said) == 1 + len({trial.family for trial in every})
    return every


def test_every_badge_is_what_it_must_be_at_every_reader(found: list[Trial]) -> None:
    assert [trial for trial in found if not trial.good] == []
    families = {trial.family for trial in found}
    assert families == {
        "pcsc", "pn532", "twn4", "sscp", "deister", "rdm6300", "id12", "wiegand", "scanner",
        "scanner-code", "osdp", "wedge",
    }  # fmt: skip
    assert {trial.found.assurance for trial in found} == {
        "authenticated", "read", "uid", "printed", None,
    }  # fmt: skip
    assert len(found) == len({(trial.family, trial.badge) for trial in found})


def test_the_page_says_what_was_found(found: list[Trial]) -> None:
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    table, end, _ = rest.partition(END)
    assert end, f"{PAGE} holds no table between {BEGIN!r} and {END!r}"
    assert table.strip() == markdown(found).strip(), (
        "docs/readers.md is not what was found: put what `pointeuse sim readers --markdown` prints"
        " between its marks"
    )


def test_the_command_tells_it_and_ends_with_1_if_something_is_wrong(
    found: list[Trial], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hwsim.lineup.trial.trials", lambda _: found)
    printed = CliRunner().invoke(sim, ["readers", "--json"])
    assert printed.exit_code == 0, printed.stderr
    told = json.loads(printed.stdout)
    assert (told["count"], told["wrong"]) == (len(found), 0)
    assert {"family", "badge", "profile", "assurance", "flags", "refused", "ms"} <= told["trials"][
        0
    ].keys()
    first, other = found[0], found[-1]
    mixed = Trial(first.family, first.badge, first.expected, other.found, first.ms)
    monkeypatch.setattr("hwsim.lineup.trial.trials", lambda _: [mixed])
    printed = CliRunner().invoke(sim, ["readers"])
    assert printed.exit_code == 1
    assert "in place of" in printed.stderr
    both = CliRunner().invoke(sim, ["readers", "--json", "--markdown"])
    assert both.exit_code == 2
