"""Numbers as people read them, in the window, in reports and on the command line."""

from __future__ import annotations

import math
from typing import Final

DASH: Final = "\u2013"
"""Stands for what is not defined."""
_MINUS: Final = "\N{MINUS SIGN}"


def ratio_text(value: float, digits: int = 3) -> str:
    """A score 0..1; a dash where it is not defined."""
    return DASH if math.isnan(value) else f"{value:.{digits}f}"


def percent_text(share: float, digits: int = 1) -> str:
    """A share 0..1 in per cent; a dash where it is not defined."""
    return DASH if math.isnan(share) else f"{100 * share:.{digits}f} %"


def change_text(value: float, digits: int = 3) -> str:
    """A change with its sign, none where it rounds to zero; a dash where it is not defined."""
    if math.isnan(value):
        return DASH
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", _MINUS)


def cell_text(value: float, digits: int = 6) -> str:
    """A figure in a table that programs read; nothing where it is not defined."""
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def count_text(count: int) -> str:
    """A whole number, its thousands parted."""
    return f"{count:,}"


def counted(count: int, noun: str, plural: str = "") -> str:
    """A number with its noun: "1 image", "2,000 images"."""
    return f"{count_text(count)} {noun if count == 1 else plural or noun + 's'}"


def short_text(count: float) -> str:
    """A large number with three digits and a letter: 4.13 M; below a thousand as it is."""
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(count) >= size * 0.9995:
            value = count / size
            digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
            return f"{value:.{digits}f} {letter}"
    return f"{count:g}"


def bytes_text(size: float) -> str:
    """A size in steps of 1000, as disks and downloads are told: 512 B, 1.5 kB, 45 MB."""
    if size < 999.5:
        return f"{size:.0f} B"
    for unit in ("kB", "MB", "GB", "TB"):
        size /= 1000
        if size < 999.5 or unit == "TB":
            break
    return f"{size:.{1 if size < 9.95 else 0}f} {unit}"


def seconds_text(seconds: float) -> str:
    """How long something took, with the digits that matter; a dash where it is not known."""
    if math.isnan(seconds):
        return DASH
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f} ms"
    return f"{seconds:.2f} s" if seconds < 9.995 else f"{seconds:.0f} s"


def duration_text(seconds: float) -> str:
    """How long something will take, roughly: 40 s, 3 min, 2 h 10 min."""
    if seconds < 59.5:
        return f"{max(1, round(seconds))} s"
    hours, minutes = divmod(round(seconds / 60), 60)
    if not hours:
        return f"{minutes} min"
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def left_text(seconds: float) -> str:
    """How long something still takes, no more precisely than anyone knows: 25 s left."""
    if seconds < 10:
        return "a few s left"
    if seconds < 57.5:
        return f"{5 * round(seconds / 5)} s left"
    return f"{duration_text(max(60.0, seconds))} left"
