"""Showing a finished file in the user's browser."""

from __future__ import annotations

import webbrowser
from pathlib import Path

from segstudio.jobs import JobRunner
from segstudio.notices import Notices


def open_in_browser(path: Path, jobs: JobRunner, notices: Notices) -> None:
    """Show a file in the user's browser, whose start may take a while."""
    uri = path.resolve().as_uri()

    def opened(found: bool) -> None:
        if not found:
            notices.warning(f"No browser opened {path}.", "Open the file by hand.", scope="program")

    jobs.submit(
        f"Opening {path.name}",
        "files",
        lambda _job: webbrowser.open(uri),
        opened,
        visible=False,
    )
