"""What can be wrong with the guide itself; a test reads all of it, so nobody else meets these."""

from cloud.errors import CloudError


class GuideError(CloudError):
    """A chapter says what cannot be shown. The message names the chapter and what it says."""
