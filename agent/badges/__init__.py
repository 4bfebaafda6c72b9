"""From what a reader sensed to a badge: chip serial numbers, printed numbers.

Readers share this, so the same card gives the same badge number at every entrance.
"""
