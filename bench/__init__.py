"""Measured ratios: each against a named baseline in the same run. `python -m bench` prints them."""

Row = tuple[str, float, float, bool]
"""Name, value, target, whether it is met."""
