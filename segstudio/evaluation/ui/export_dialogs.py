"""Asks where the evaluation's figures shall go, and has them written."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from segstudio.evaluation.export import EvaluationExport
from segstudio.kit.file_dialogs import SaveDialog
from segstudio.preferences import Preferences
from segstudio.session.session import Session

_KINDS = {
    "report": ("Save report", "html", "Web page (*.html)"),
    "csv": ("Save figures", "csv", "CSV (*.csv)"),
    "json": ("Save figures", "json", "JSON (*.json)"),
}
"""Title of the dialog, extension and filter of each kind of file."""


class EvaluationExportDialogs:
    """One dialog for all kinds of files."""

    def __init__(
        self,
        parent: QWidget,
        session: Session,
        preferences: Preferences,
        export: EvaluationExport,
    ) -> None:
        self._dialog = SaveDialog(parent, session, preferences)
        self._export = export

    def save_as(self, kind: str) -> None:
        """Ask for a file and write it: "report", "csv" or "json"."""
        title, extension, files = _KINDS[kind]
        report = self._export
        path = self._dialog.choose(title, report.default_name(extension), extension, files)
        if path is not None:
            save = {"report": report.save_html, "csv": report.save_csv, "json": report.save_json}
            save[kind](path)
