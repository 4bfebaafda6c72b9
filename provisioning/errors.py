"""What can go wrong while provisioning."""


class ProvisioningError(Exception):
    """Something cannot be provisioned; the message names it, the reason and the fix."""


class RequestError(ProvisioningError):
    """An enrolment request does not prove what it asks for, so nothing is issued for it."""


class ReplyError(ProvisioningError):
    """A reply to an enrolment request is not for this terminal, or is not whole."""
