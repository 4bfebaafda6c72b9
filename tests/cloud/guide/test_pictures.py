"""How large pictures are shown, as their files say."""

import io
from pathlib import Path

import pytest
from PIL import Image

from cloud.guide import pictures
from cloud.guide.errors import GuideError


def written(path: Path, dpi: float | None, mode: str = "P") -> Path:
    out = io.BytesIO()
    given = {} if dpi is None else {"dpi": (dpi, dpi)}
    Image.new(mode, (600, 300)).save(out, "png", **given)
    path.write_bytes(out.getvalue())
    return path


@pytest.mark.parametrize(
    ("dpi", "shown"),
    [(None, (600, 300)), (96, (600, 300)), (144, (400, 200)), (192, (300, 150)), (72, (600, 300))],
)
def test_what_was_taken_finely_is_shown_smaller(
    tmp_path: Path, dpi: float | None, shown: tuple[int, int]
) -> None:
    for mode in ("P", "RGB"):
        pictures.size.cache_clear()
        assert pictures.size(written(tmp_path / "a.png", dpi, mode)) == shown


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\x89PNG\r\n\x1a\n", None])
def test_what_is_no_picture(tmp_path: Path, content: bytes | None) -> None:
    path = written(tmp_path / "b.png", 96)
    path.write_bytes(path.read_bytes()[:20] if content is None else content)
    with pytest.raises(GuideError, match="PNG"):
        pictures.size(path)
