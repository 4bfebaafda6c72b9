"""The pictures of the guide: where they are, and how large they are shown.

They are PNG files (ISO/IEC 15948). One that was taken finely, for a telephone, tells so in its pHYs
chunk: it is shown that much smaller.
"""

import re
import struct
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cloud.guide.errors import GuideError
from cloud.languages.current import LANGUAGES

PAGES = Path(__file__).parent / "pages"
"""A folder for each language, its pictures in `images` there."""
_NAME = re.compile(r"[a-z][a-z0-9-]{0,40}\.png")
_PNG = b"\x89PNG\r\n\x1a\n"
_METRES = 1
_INCHES = 39.3701
"""Of a metre."""
_PLAIN_DPI = 96
"""Pixels of an inch where a pixel is a CSS pixel."""


def picture(language: str, name: str) -> Path:
    """The file of a picture. Raises GuideError when there is none."""
    path = PAGES / language / "images" / name
    # What is asked for comes from anybody: no other file is ever looked for.
    if language not in LANGUAGES or not _NAME.fullmatch(name) or not path.is_file():
        raise GuideError(f"there is no picture {name} in {language}; run scripts/screenshots")
    return path


@cache
def size(path: Path) -> tuple[int, int]:
    """Width and height at which a picture is shown, in CSS pixels. Raises GuideError."""
    content = path.read_bytes()
    if not content.startswith(_PNG):
        raise GuideError(f"{path.name} is no PNG")
    try:
        chunks = dict(_chunks(content))
        width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
        across, _, unit = struct.unpack(">IIB", chunks.get(b"pHYs", bytes(9)))
    except (KeyError, struct.error):
        raise GuideError(f"{path.name} is a PNG that is not whole") from None
    # To the half: what was taken at twice the pixels is shown at half its width.
    fine = round(across / _INCHES / _PLAIN_DPI * 2) / 2 if unit == _METRES else 1.0
    return round(width / max(1.0, fine)), round(height / max(1.0, fine))


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The name and the data of each chunk, up to the picture's own."""
    at = len(_PNG)
    while content[at + 4 : at + 8] not in (b"", b"IDAT"):
        length, name = struct.unpack(">I4s", content[at : at + 8])
        yield name, content[at + 8 : at + 8 + length]
        at += length + 12
