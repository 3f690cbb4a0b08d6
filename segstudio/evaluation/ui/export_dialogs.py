"""Asks where the evaluation's figures shall go, and has them written."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QWidget

from segstudio.evaluation.export import EvaluationExport
from segstudio.preferences import Preferences
from segstudio.session.session import Session

_KINDS = {
    "report": ("Save report", "html", "Web page (*.html)"),
    "csv": ("Save figures", "csv", "CSV (*.csv)"),
    "json": ("Save figures", "json", "JSON (*.json)"),
}
"""Title of the dialog, extension and filter of each kind of file."""


class EvaluationExportDialogs:
    """Remembers the folder that was chosen last."""

    def __init__(
        self,
        parent: QWidget,
        session: Session,
        preferences: Preferences,
        export: EvaluationExport,
    ) -> None:
        self._parent, self._session = parent, session
        self._preferences, self._export = preferences, export
        self._folder = ""

    def _usual_folder(self) -> str:
        project = self._session.project
        if project is None:
            return str(Path.home())
        return self._preferences.settings.export_folders.get(str(project.root)) or str(project.root)

    def save_as(self, kind: str) -> None:
        """Ask for a file and write it: "report", "csv" or "json"."""
        title, extension, files = _KINDS[kind]
        name = self._export.default_name(extension)
        folder = self._folder or self._usual_folder()
        start = Path(folder) / name
        text, _ = QFileDialog.getSaveFileName(self._parent, title, str(start), files)
        if not text:
            return
        path = Path(text)
        if not path.suffix:
            path = path.with_suffix(f".{extension}")
        self._folder = str(path.parent)
        report = self._export
        save = {"report": report.save_html, "csv": report.save_csv, "json": report.save_json}
        save[kind](path)
