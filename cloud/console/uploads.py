"""Taking one file out of a form, however long it is: nothing beyond the limit is kept anywhere.

What is too long is read to its end and dropped. A server that answers before would cut the browser
off in the midst of sending, and its user would see a broken connection instead of the sentence.
"""

from collections.abc import AsyncGenerator
from contextlib import suppress

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from cloud.errors import InvalidError
from cloud.languages.current import gettext as _

_FORM = 64 * 1024
"""What a form needs around its file."""
_PATIENCE = 4 * 1024**3
"""Nobody is read to the end of more than this."""


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
            elif self._read > _PATIENCE:
                break
        if self.too_long:
            # Of this error the parser closes what it has opened.
            raise MultiPartException("too long")


async def file_in(request: Request, field: str, limit: int) -> bytes:
    """The file that a form sends as `field`. Raises InvalidError: none, or longer than `limit`."""
    counted = _Counted(request.stream(), limit + _FORM)
    parser = MultiPartParser(request.headers, counted.chunks(), max_files=1, max_fields=10)
    # In memory up to the limit: what people upload is personal data, and no business of a disk.
    parser.spool_max_size = limit + _FORM
    content: bytes | None = None
    try:
        form = await parser.parse()
    except (MultiPartException, KeyError):
        with suppress(MultiPartException):
            async for _chunk in counted.chunks():
                pass
    else:
        found = form.get(field)
        if isinstance(found, UploadFile) and found.filename:
            content = await found.read(limit + 1)
        await form.close()
    if counted.too_long or (content is not None and len(content) > limit):
        raise InvalidError(
            _("The file is longer than %(size)d MiB, which no list of workers is; send the list"
              " alone, as CSV.")
            % {"size": limit // 1024 // 1024}
        )  # fmt: skip
    if content is None:
        raise InvalidError(_("No file was sent; choose one."))
    return content
