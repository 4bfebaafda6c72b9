"""What is shown on an OSDP peripheral: lamp, buzzer, and text where it has a display.

Times are in 100 ms, but for text, whose are in seconds (OSDP 2.2, LED, BUZ and TEXT commands).
"""

from typing import Any

from agent.readers.libosdp import osdp_sys
from agent.reads import Feedback

_SIGNALS: dict[Feedback, tuple[int, int, int, str]] = {
    Feedback.RECORDED: (osdp_sys.LED_COLOR_GREEN, 10, 1, "OK"),
    Feedback.RECORDED_OFFLINE: (osdp_sys.LED_COLOR_GREEN, 10, 2, "OK"),
    Feedback.RECORDED_BUT: (osdp_sys.LED_COLOR_AMBER, 20, 2, "OK !"),
    Feedback.DUPLICATE: (osdp_sys.LED_COLOR_GREEN, 5, 0, "OK ="),
    Feedback.TRY_AGAIN: (osdp_sys.LED_COLOR_RED, 10, 3, "?"),
    Feedback.OUT_OF_ORDER: (osdp_sys.LED_COLOR_RED, 50, 5, "X"),
}
"""Colour, how long it is lit, tones, and the sign that is shown when there is no text."""

_SET_AND_START = 2
_DEFAULT_TONE = 2
_TEMPORARY_TEXT = 3
_SIGN_S, _TEXT_S = 2, 4
"""How long a sign is shown, and words, which take longer to read."""


def commands(feedback: Feedback, text: str = "") -> list[tuple[int, dict[str, Any]]]:
    """The commands that show `feedback`, each with the capability it needs."""
    colour, lit, tones, sign = _SIGNALS[feedback]
    lamp = {
        "command": osdp_sys.CMD_LED,
        "reader": 0,
        "led_number": 0,
        "control_code": _SET_AND_START,
        "on_count": lit,
        "off_count": 0,
        "on_color": colour,
        "off_color": osdp_sys.LED_COLOR_NONE,
        "timer_count": lit,
        "temporary": True,
    }
    buzzer = {
        "command": osdp_sys.CMD_BUZZER,
        "reader": 0,
        "control_code": _DEFAULT_TONE,
        "on_count": 1,
        "off_count": 1,
        "rep_count": tones,
    }
    display = {
        "command": osdp_sys.CMD_TEXT,
        "reader": 0,
        "control_code": _TEMPORARY_TEXT,
        "temp_time": _TEXT_S if text else _SIGN_S,
        "offset_row": 1,
        "offset_col": 1,
        "data": text or sign,
    }
    shown = [(osdp_sys.CAP_READER_LED_CONTROL, lamp), (osdp_sys.CAP_READER_TEXT_OUTPUT, display)]
    if tones:
        shown.append((osdp_sys.CAP_READER_AUDIBLE_OUTPUT, buzzer))
    return shown
