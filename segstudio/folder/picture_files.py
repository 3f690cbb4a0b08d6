"""Writing pictures that the window drew, and tables it shows, to files of the user's choice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from segstudio.jobs import Job, JobRunner
from segstudio.notices import Notices
from segstudio.storage.atomic import write_atomically


class PictureFiles:
    """Writes in the background; a notice says where the file is, or why there is none.

    Attributes:
        folder: Where the last file went, "" before there was one.
    """

    def __init__(self, jobs: JobRunner, notices: Notices) -> None:
        self._jobs, self._notices = jobs, notices
        self.folder = ""

    def save(self, path: Path, encode: Callable[[], bytes], said: str) -> Job:
        """Write a file; what was there before is only replaced by a complete one.

        Args:
            path: The file.
            encode: Gives its content; called on another thread.
            said: What is in it: "The chart".
        """
        self.folder = str(path.parent)
        return self._jobs.submit(
            f"Writing {path.name}",
            "transfer",
            lambda _job: write_atomically(path, encode(), durable=False),
            lambda _none: self._notices.info(f"{said} is in {path}."),
        )
