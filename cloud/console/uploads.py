"""Taking one file out of a form, however long it is: nothing beyond the limit is kept anywhere.

What is too long is read to its end and dropped. A server that answers before would cut the browser
off in the midst of sending, and its user would see a broken connection instead of the sentence.
"""

from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from cloud.api.security import PATIENCE

_FORM = 64 * 1024
"""What a form needs around its file."""


class _Counted:
    """A stream up to a limit, and whether there was more."""

    def __init__(self, stream: AsyncGenerator[bytes, None], limit: int) -> None:
        self._stream, self._limit = stream, limit
        self._read = 0

    @property
    def too_long(self) -> bool:
        return self._read > self._limit

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """What comes. Raises MultiPartException, all read, when that was too long."""
        async for chunk in self._stream:
            self._read += len(chunk)
            if not self.too_long:
                yield chunk
            elif self._read > PATIENCE:
                break
        if self.too_long:
            # Of this error the parser closes what it has opened.
            raise MultiPartException("too long")


@dataclass(frozen=True, slots=True)
class Sent:
    """What a form brought: its fields, and its file."""

    fields: dict[str, str]
    """Of a form that was too long, those before the file."""
    content: bytes
    """The file; empty when none was chosen, or when it was too long."""
    too_long: bool


async def form_in(request: Request, file: str, limit: int) -> Sent:
    """The form of a request, with the file that it sends as `file`, of so many bytes at most."""
    counted = _Counted(request.stream(), limit + _FORM)
    parser = MultiPartParser(request.headers, counted.chunks(), max_files=1, max_fields=10)
    # In memory up to the limit: what people upload is personal data, and no business of a disk.
    parser.spool_max_size = limit + _FORM
    content = b""
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError):
        with suppress(MultiPartException):
            async for _chunk in counted.chunks():
                pass
    else:
        found = form.get(file)
        if isinstance(found, UploadFile) and found.filename:
            content = await found.read(limit + 1)
        await form.close()
    fields = {name: value for name, value in parser.items if isinstance(value, str)}
    if counted.too_long or len(content) > limit:
        return Sent(fields, b"", too_long=True)
    return Sent(fields, content, too_long=False)
