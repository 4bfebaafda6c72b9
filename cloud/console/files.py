"""Files that a page gives to take away."""

from fastapi.responses import Response


def attached(content: bytes, name: str, media_type: str = "application/zip") -> Response:
    """A file, to be kept under a name (RFC 6266)."""
    disposition = f'attachment; filename="{name}"'
    return Response(content, media_type=media_type, headers={"content-disposition": disposition})
