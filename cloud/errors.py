"""What can be wrong when running the platform. Each message is one line that names the fix.

    CloudError
    ├── DatabaseError         the database cannot be used as it is
    └── RefusedError          a change was asked that the platform must not make
        ├── NotFoundError     it speaks of something the platform does not know
        ├── InvalidError      a value cannot be meant
        └── ConflictError     it contradicts what the platform knows

Commands print the message of any of them, and exit with 2.
"""


class CloudError(Exception):
    """Something is wrong that a person can mend."""


class DatabaseError(CloudError):
    """The database cannot be used as it is."""


class RefusedError(CloudError):
    """A change was asked that the platform must not make."""


class NotFoundError(RefusedError):
    """A change speaks of something the platform does not know."""


class InvalidError(RefusedError):
    """A value cannot be meant."""


class ConflictError(RefusedError):
    """A change contradicts what the platform knows."""
