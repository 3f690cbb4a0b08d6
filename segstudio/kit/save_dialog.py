"""Asks where a file made from the open folder shall go."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from segstudio.preferences import Preferences
from segstudio.session.session import Session


class SaveDialog:
    """Begins in the folder that was chosen last, else where the data set was exported to."""

    def __init__(self, parent: QWidget, session: Session, preferences: Preferences) -> None:
        self._parent, self._session, self._preferences = parent, session, preferences
        self._folder = ""

    def choose(self, title: str, name: str, extension: str, files: str) -> Path | None:
        """Ask for a file; None if the user cancels.

        Args:
            title: Of the dialog.
            name: Of the file that is suggested.
            extension: Added where the user gives none.
            files: What the dialog calls such files, with their pattern.
        """
        start = Path(self._folder or self._usual_folder()) / name
        text, _ = QFileDialog.getSaveFileName(self._parent, title, str(start), files)
        if not text:
            return None
        path = Path(text)
        if not path.suffix:
            path = path.with_suffix(f".{extension}")
        self._folder = str(path.parent)
        return path

    def _usual_folder(self) -> str:
        project = self._session.project
        if project is None:
            return str(Path.home())
        return self._preferences.settings.export_folders.get(str(project.root)) or str(project.root)
