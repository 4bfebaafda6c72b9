"""The navigation lists to each what each may open, and nothing else."""

import re

import pytest
from sqlalchemy import Engine

from cloud.console.navigation import NAVIGATION
from tests.cloud.console.company import Company
from tests.cloud.console.matrix import MEMBERS


@pytest.mark.parametrize("role", [*MEMBERS, "operator", "none"])
def test_each_may_open_what_is_listed_and_nothing_else(
    engine: Engine, reader: Engine, role: str
) -> None:
    browser = Company(engine).browser(reader, role)
    listed = re.search(r'<nav class="pages".*?</nav>', browser.get("/").text, re.DOTALL)
    assert listed
    paths = re.findall(r'href="([^"]*)"', listed[0])
    for path, _name, _who in NAVIGATION:
        if role == "none":
            assert paths == []
        else:
            assert (browser.get(path).status_code == 200) == (path in paths), path


def test_there_is_none_before_the_login(engine: Engine, reader: Engine) -> None:
    page = Company(engine).browser(reader, None).get("/login").text
    assert "<nav" not in page
