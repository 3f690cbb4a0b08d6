"""Numbers as people read them."""

from __future__ import annotations

import math

DASH = "\u2013"


def ratio_text(value: float) -> str:
    """A score 0..1 with three decimals; a dash where it is not defined."""
    return DASH if math.isnan(value) else f"{value:.3f}"


def percent_text(value: float) -> str:
    """A share 0..1 in percent with one decimal; a dash where it is not defined."""
    return DASH if math.isnan(value) else f"{100 * value:.1f} %"


def count_text(value: int) -> str:
    """A whole number with thin gaps between thousands."""
    return f"{value:,}".replace(",", "\u202f")


def bytes_text(value: int) -> str:
    """A size in MB (10^6 bytes)."""
    return f"{value / 1e6:.0f} MB" if value >= 1e7 else f"{value / 1e6:.1f} MB"
