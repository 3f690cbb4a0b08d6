"""A studio with tiny networks to look into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fakes import make_folder, settle

from segstudio.clock import ManualClock
from segstudio.runs.engine import Engine
from segstudio.studio import Studio

_LONG_S = 60.0
"""The first trace loads torch."""


def rest(studio: Studio, clock: ManualClock) -> None:
    """Let all jobs end, and what is asked for when something was left alone for a moment."""
    for _ in range(3):
        settle(studio, clock, _LONG_S)
        clock.advance(0.3)
    settle(studio, clock, _LONG_S)


@contextmanager
def inspecting_desk(
    home: Path, engine: Engine, folder: Path | None = None, *, is_open: bool = True
) -> Iterator[tuple[Studio, ManualClock]]:
    """A studio and its clock; the first of the folder's images is open, and so is the inspector.

    Args:
        home: Where the user's folders go, and images if no folder of them is given.
        engine: Of the models.
        folder: Images; else three of 30 x 20 pixels.
        is_open: Whether the inspector is open.
    """
    clock = ManualClock()
    studio = Studio(clock, home / "home", engine)
    try:
        studio.browsing.open_path(folder or make_folder(home / "images"))
        rest(studio, clock)
        if is_open:
            studio.inspecting.open()
            rest(studio, clock)
        yield studio, clock
    finally:
        studio.close()
        clock.run_posted()
