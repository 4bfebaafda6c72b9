"""What a chip answers beside data."""

OK = 0x00
NO_SUCH_COMMAND = 0x1C
INTEGRITY = 0x1E
NO_SUCH_KEY = 0x40
LENGTH = 0x7E
DENIED = 0x9D
PARAMETER = 0x9E
NO_SUCH_APPLICATION = 0xA0
NOT_AUTHENTICATED = 0xAE
MORE = 0xAF
BOUNDARY = 0xBE
ABORTED = 0xCA
NO_SUCH_FILE = 0xF0


class RefusalError(Exception):
    """A command the chip does not carry out; it forgets any authentication."""

    def __init__(self, status: int) -> None:
        """`status` is one of those above."""
        super().__init__(f"{status:02X}")
        self.status = status
