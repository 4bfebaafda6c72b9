"""Why something presented is nobody's badge."""


class NotAnIdentityError(Exception):
    """What was presented identifies nobody; `reason` is the word counted in telemetry."""

    def __init__(self, reason: str, detail: str) -> None:
        """`detail` never holds the number itself."""
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
