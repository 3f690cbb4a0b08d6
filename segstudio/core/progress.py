"""How work asks whether to go on, and says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Check = Callable[[], None]
"""Raises `CancelledError` if the work shall stop."""
Report = Callable[[int, int, str], None]
"""Told (steps done, steps in all, what happens now); may raise to stop."""


def no_check() -> None:
    """A `Check` for work that nobody can cancel."""


def no_report(done: int, total: int = 0, text: str = "") -> None:
    """A `Report` that nobody reads."""
