"""Work of the rooms as commands do it: where they call it, with a progress bar."""

from __future__ import annotations

from segstudio.cli.output import ShowProgress
from segstudio.jobs import Job


class ShownJob(Job):
    """A job whose progress goes to a progress bar."""

    def __init__(self, title: str, show: ShowProgress) -> None:
        super().__init__(title, "model")
        self._show = show

    def report(self, done: int, total: int = 0, text: str = "") -> None:
        """Say how far the work is."""
        super().report(done, total, text)
        self._show(done, total, text)
