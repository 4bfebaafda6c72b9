"""What an account may be in a company."""

from enum import StrEnum


class Role(StrEnum):
    """A part that an account has in a company. `cloud.visibility.rules` says what each sees."""

    ADMINISTRATOR = "administrator"
    """Sees and changes everything of the company; the only one to give access."""
    MANAGER = "manager"
    """Sees what was granted, and enters workers and corrections there."""
    VIEWER = "viewer"
    """Sees what was granted."""
    AUDITOR = "auditor"
    """Sees everything of the company, the trail included, and changes nothing."""

    @property
    def reaches_everything(self) -> bool:
        """Whether the role needs no grants."""
        return self in (Role.ADMINISTRATOR, Role.AUDITOR)
