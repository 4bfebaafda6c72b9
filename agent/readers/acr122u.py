"""The lamp and buzzer of an ACR122U, through its pseudo-APDU (ACR122U API, 6.2).

    FF 00 40 P2 04 T1 T2 repetitions buzzer

T1 and T2, the lit and dark times, are in 100 ms; the reader answers when the blinking is over.
"""

from agent.reads import Feedback

_RED_BLINKS = 0x10 | 0x40
_GREEN_BLINKS = 0x20 | 0x80
_BOTH_BLINK = _RED_BLINKS | _GREEN_BLINKS
"""Amber: green is lit, as for all that is recorded, and red with it."""
_SILENT = 0x00
_SOUNDS_WHILE_LIT = 0x01

_SIGNALS: dict[Feedback, tuple[int, int, int, int, int]] = {
    Feedback.RECORDED: (_GREEN_BLINKS, 2, 1, 1, _SOUNDS_WHILE_LIT),
    Feedback.RECORDED_OFFLINE: (_GREEN_BLINKS, 1, 1, 2, _SOUNDS_WHILE_LIT),
    Feedback.RECORDED_BUT: (_BOTH_BLINK, 4, 2, 2, _SOUNDS_WHILE_LIT),
    Feedback.DUPLICATE: (_GREEN_BLINKS, 1, 1, 1, _SILENT),
    Feedback.TRY_AGAIN: (_RED_BLINKS, 1, 1, 3, _SOUNDS_WHILE_LIT),
    Feedback.OUT_OF_ORDER: (_RED_BLINKS, 5, 1, 2, _SOUNDS_WHILE_LIT),
}


def is_one(reader: str) -> bool:
    """Whether a PC/SC reader of this name takes the pseudo-APDU."""
    return "ACR122U" in reader


def signal(feedback: Feedback) -> bytes:
    """The pseudo-APDU that shows `feedback`."""
    leds, lit, dark, times, buzzer = _SIGNALS[feedback]
    return bytes([0xFF, 0x00, 0x40, leds, 0x04, lit, dark, times, buzzer])
