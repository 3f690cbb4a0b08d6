"""Asks where files made from the traced network shall go, and has them written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QWidget

from segstudio.inspection.inspection_export import InspectionExport
from segstudio.kit.file_dialogs import SaveDialog
from segstudio.preferences import Preferences
from segstudio.session.session import Session


@dataclass(frozen=True)
class _Kind:
    """One kind of file.

    Attributes:
        title: Of the dialog.
        name: Part of the suggested file name.
        extension: Of the file.
        filter: What the dialog calls such files.
        save: Writes it in the background, given the exporter, the file and the opened stage.
    """

    title: str
    name: str
    extension: str
    filter: str
    save: Callable[[InspectionExport, Path, str], object]


_KINDS = {
    "report": _Kind(
        "Export report", "report", "html", "Web page (*.html)",
        lambda export, path, _stage: export.save_report(path),
    ),
    "svg": _Kind(
        "Export diagram", "diagram", "svg", "SVG (*.svg)",
        lambda export, path, _stage: export.save_diagram_svg(path),
    ),
    "png": _Kind(
        "Export diagram", "diagram", "png", "PNG (*.png)",
        lambda export, path, _stage: export.save_diagram_png(path),
    ),
    "grid": _Kind(
        "Export the stage's channels", "channels", "png", "PNG (*.png)",
        lambda export, path, stage: export.save_grid(path, stage),
    ),
    "arrays": _Kind(
        "Export activations", "activations", "npz", "numpy arrays (*.npz)",
        lambda export, path, _stage: export.save_arrays(path),
    ),
}  # fmt: skip


class NetworkExport:
    """One dialog for all kinds of files."""

    def __init__(
        self,
        parent: QWidget,
        session: Session,
        preferences: Preferences,
        export: InspectionExport,
    ) -> None:
        self._dialog = SaveDialog(parent, session, preferences)
        self._session, self._export = session, export

    def save_as(self, kind: str) -> None:
        """Ask for a file and write it: "report", "svg", "png", "grid" or "arrays"."""
        chosen, export = _KINDS[kind], self._export
        stage = self._session.inspection.stage
        part = f"{chosen.name}-{stage}" if kind == "grid" else chosen.name
        name = export.default_name(part, chosen.extension)
        path = self._dialog.choose(chosen.title, name, chosen.extension, chosen.filter)
        if path is not None:
            chosen.save(export, path, stage)
