"""What is written durably is flushed before it gets its name, and its name after."""

import os
from pathlib import Path

import pytest

from protocol.durable import write_durably


def test_content_is_flushed_then_named_then_the_name_is_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "number"
    path.write_bytes(b"old")
    flushed: list[tuple[str, bytes]] = []
    fsync = os.fsync

    def note(descriptor: int) -> None:
        what = Path(f"/proc/self/fd/{descriptor}").readlink()
        flushed.append((what.name, path.read_bytes()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", note)
    write_durably(path, b"new")
    assert flushed == [("number.new", b"old"), (tmp_path.name, b"new")]
    assert list(tmp_path.iterdir()) == [path]


def test_what_cannot_be_flushed_changes_nothing_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "number"
    path.write_bytes(b"old")

    def refuse(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        write_durably(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
