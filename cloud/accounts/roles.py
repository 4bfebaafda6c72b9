"""What an account may be in a company."""

from enum import StrEnum

from cloud.languages.current import gettext as _
from cloud.languages.current import mark


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
    def called(self) -> str:
        """What the current language calls it, in the midst of a sentence."""
        return _(_NAMES[self])

    @property
    def reaches_everything(self) -> bool:
        """Whether the role needs no grants."""
        return self in (Role.ADMINISTRATOR, Role.AUDITOR)


_NAMES = {
    Role.ADMINISTRATOR: mark("administrator"),
    Role.MANAGER: mark("manager"),
    Role.VIEWER: mark("viewer"),
    Role.AUDITOR: mark("auditor"),
}
