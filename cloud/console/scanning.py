"""Pictures that a device scans."""

import segno

_SCALE = 5
"""Pixels of a module of the code."""


def picture(text: str) -> str:
    """A text as a QR code (ISO/IEC 18004), in SVG to be put into a page as it is."""
    return segno.make(text).svg_inline(scale=_SCALE, border=4, light="#fff")
