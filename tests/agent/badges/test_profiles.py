"""Profiles: what is shipped, what a site adds, and what is said of a mistake."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.badges.profiles import SHIPPED, Profile, load_profile, load_profiles
from protocol import settings

CONSTRU = (SHIPPED / "construbadge-sim.toml").read_text()
OPEN = """
name = "site"
[application]
aid = "F51234"
[file]
number = 0
mode = "plain"
length = 16
[fields]
number = { offset = 0, length = 8, encoding = "ascii" }
"""


def test_what_is_shipped_is_simulated_and_says_so() -> None:
    profiles = load_profiles(Path("/nonexistent"))
    assert [profile.name for profile in profiles] == ["construbadge-sim", "metalbadge-sim"]
    assert all(profile.simulated for profile in profiles)
    for path in SHIPPED.glob("*.toml"):
        assert "SIMULATED" in path.read_text().splitlines()[0]


def test_the_layout_of_the_simulated_badges() -> None:
    profile = load_profile(SHIPPED / "construbadge-sim.toml")
    assert profile.application.sent == bytes.fromhex("01C5F5")
    authentication = profile.authentication
    assert authentication is not None
    assert authentication.diversification is not None
    assert (
        authentication.diversification.input(b"\x04" * 7, profile.application.sent)
        == b"\x04" * 7 + bytes.fromhex("01C5F5") + b"construbadge-sim"
    )
    # The worker's name, from octet 27 on, is not asked for.
    assert profile.fields.span == (0, 27)


def test_a_site_s_profile_is_a_file_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "site.toml").write_text(OPEN)
    names = [profile.name for profile in load_profiles(tmp_path)]
    assert names == ["site", "construbadge-sim", "metalbadge-sim"]


def test_a_site_s_profile_replaces_the_shipped_one_of_its_name(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(CONSTRU.replace("F5C501", "F5C502"))
    first, *others = load_profiles(tmp_path)
    assert first.application.aid == "F5C502"
    assert [profile.name for profile in others] == ["metalbadge-sim"]


def test_two_files_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text(OPEN)
    (tmp_path / "b.toml").write_text(OPEN)
    with pytest.raises(settings.SettingsError, match=r"b\.toml.*\"site\".*a\.toml"):
        load_profiles(tmp_path)


@pytest.mark.parametrize(
    ("text", "wrong", "right"),
    [
        (CONSTRU, 'aid = "F5C5"', 'aid = "F5C501"'),
        (CONSTRU, 'kind = "des"', 'kind = "ev2"'),
        (CONSTRU, "key_number = 14", "key_number = 1"),
        (CONSTRU, "length = 26", "length = 64"),
        (CONSTRU, 'encoding = "utf-8"', 'encoding = "bcd"'),
        (CONSTRU, "offset = 8, length = 9", "offset = 8, length = 5"),
        (CONSTRU, 'system_identifier = "a-longer-name-than-fits"', 'system_identifier = "c"'),
        (CONSTRU, 'name = "uid"', 'name = "construbadge-sim"'),
        (CONSTRU, 'length = 3, encoding = "date"', 'length = 4, encoding = "date"'),
        (CONSTRU, 'valid_to = { offset = 23, length = 4, encoding = "bcd" }', ""),
        (OPEN, 'mode = "full"', 'mode = "plain"'),
        (OPEN, 'length = 30, encoding = "ascii"', 'length = 8, encoding = "ascii"'),
        (OPEN, 'encoding = "date"', 'encoding = "ascii"'),
        (OPEN, 'nmae = "site"', 'name = "site"'),
    ],
)
def test_a_mistake_names_file_field_and_what_was_expected(
    tmp_path: Path, text: str, wrong: str, right: str
) -> None:
    path = tmp_path / "wrong.toml"
    if wrong.startswith("valid_to"):
        right = 'valid_to = { offset = 23, length = 4, encoding = "date" }'
    if wrong.startswith("system"):
        right = 'system_identifier = "construbadge-sim"'
    assert right in text
    path.write_text(text.replace(right, wrong))
    with pytest.raises(settings.SettingsError) as refused:
        load_profile(path)
    said = str(refused.value)
    assert str(path) in said
    assert "expected" in said.lower() or "unknown field" in said or "missing" in said
    assert "\n" not in said


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["name", "application", "aid", "file", "number", "mode", "length", "fields"]
            ),
            inner,
        ),
    ),
)


@given(JSON)
def test_any_document_is_a_profile_or_one_plain_line(document: object) -> None:
    # No document of these words is whole, whatever their values.
    with pytest.raises(settings.SettingsError, match=r"^p\.toml: .+"):
        settings.convert(document, Profile, "p.toml")
