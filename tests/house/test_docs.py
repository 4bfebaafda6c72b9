"""What the documents lead to is there."""

import re
from pathlib import Path

import pytest

DOCUMENTS = [
    Path("README.md"),
    Path("CONTRIBUTING.md"),
    Path("CHANGELOG.md"),
    *Path("docs").rglob("*.md"),
]


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_links_lead_somewhere(document: Path) -> None:
    said = document.read_text("utf-8")
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", said)
    assert [link for link in links if not (document.parent / link).exists()] == []


def test_the_files_to_open_are_where_they_are_said_to_be() -> None:
    """A bare name is in the folder of the file before it, or in one further up."""
    said = Path("docs/architecture.md").read_text("utf-8")
    table = said[said.index("## Where to open what") : said.index("## Imports point one way")]
    missing = []
    for line in table.splitlines():
        folder = Path()
        for name in re.findall(r"`([\w/.-]+(?:\.py|/))`", line):
            places = [Path(), folder, *folder.parents]
            found = [place / name for place in places if (place / name).exists()]
            if not found:
                missing.append(name)
                continue
            folder = found[0].parent
    assert missing == []
