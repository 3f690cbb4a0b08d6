"""Numbers as readers want them: scores, changes, shares, large counts, bytes."""

from __future__ import annotations

import math
from typing import Final

_DASH: Final = "\u2013"
_MINUS: Final = "\u2212"
_STEPS: Final = ((1e12, " T"), (1e9, " G"), (1e6, " M"), (1e3, " k"))


def score(value: float, digits: int = 3) -> str:
    """A score 0..1; a dash where it is not defined."""
    return _DASH if math.isnan(value) else f"{value:.{digits}f}"


def change(value: float, digits: int = 3) -> str:
    """A change with its sign; a dash where it is not defined."""
    if math.isnan(value):
        return _DASH
    text = f"{value:+.{digits}f}"
    return text[1:] if float(text) == 0 else text.replace("-", _MINUS)


def percent(share: float, digits: int = 1) -> str:
    """A share 0..1 in per cent; a dash where it is not defined."""
    return _DASH if math.isnan(share) else f"{share * 100:.{digits}f} %"


def short(count: float) -> str:
    """A large count with three digits and a letter: 4.13 M; below a thousand as it is."""
    for size, letter in _STEPS:
        if abs(count) >= size * 0.9995:
            value = count / size
            digits = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
            return f"{value:.{digits}f}{letter}"
    return f"{count:g}"


def size(nbytes: float) -> str:
    """Bytes in units of 1024."""
    if nbytes < 1024:
        return f"{nbytes:g} B"
    for unit in ("KiB", "MiB", "GiB"):
        nbytes /= 1024
        if nbytes < 999.5 or unit == "GiB":
            return f"{nbytes:.{0 if nbytes >= 99.95 else 1}f} {unit}"
    raise AssertionError("unreachable")
