"""What the simulator says when it cannot."""


class SimulatorError(Exception):
    """The simulated hardware cannot do what was asked; the message says why, and the fix."""
