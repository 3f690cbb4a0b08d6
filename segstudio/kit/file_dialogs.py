"""Asks which file to write or to read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from PySide6.QtWidgets import QFileDialog, QWidget

from segstudio.preferences import Preferences
from segstudio.session.session import Session

CSV: Final = {"CSV (*.csv)": ".csv"}
WEIGHTS_ENDINGS: Final = (
    ".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".ts", ".torchscript", ".onnx",
)  # fmt: skip
_WEIGHTS: Final = f"Weights ({' '.join(f'*{e}' for e in WEIGHTS_ENDINGS)});;All files (*)"


def ask_file_to_write(
    parent: QWidget, title: str, start: Path, kinds: Mapping[str, str]
) -> Path | None:
    """Ask for a file to write; None if the user cancels.

    A name with none of the endings gets that of the chosen kind. If that names a file which is
    there, the dialog opens once more with it: it has asked about another name.

    Args:
        parent: Of the dialog.
        title: Of the dialog.
        start: The file that is suggested.
        kinds: What the dialog calls such files, with their pattern, and their ending (".csv").
    """
    while True:
        text, kind = QFileDialog.getSaveFileName(parent, title, str(start), ";;".join(kinds))
        if not text:
            return None
        path = Path(text)
        if path.suffix.casefold() in kinds.values():
            return path
        path = path.with_name(path.name + kinds.get(kind, next(iter(kinds.values()))))
        if not path.exists():
            return path
        start = path


def ask_csv(parent: QWidget, title: str, session: Session, name: str) -> Path | None:
    """Ask where a table goes as CSV, beginning in the open folder; None if the user cancels."""
    return ask_file_to_write(parent, title, _folder_of(session) / name, CSV)


def ask_weights(parent: QWidget, title: str) -> Path | None:
    """Ask for a file of weights to read; None if the user cancels."""
    text, _ = QFileDialog.getOpenFileName(parent, title, "", _WEIGHTS)
    return Path(text) if text else None


def ask_weights_folder(parent: QWidget, title: str) -> Path | None:
    """Ask for a folder with a network; None if the user cancels."""
    text = QFileDialog.getExistingDirectory(parent, title)
    return Path(text) if text else None


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
        path = ask_file_to_write(self._parent, title, start, {files: f".{extension}"})
        if path is not None:
            self._folder = str(path.parent)
        return path

    def _usual_folder(self) -> str:
        root = str(_folder_of(self._session))
        return self._preferences.settings.export_folders.get(root) or root


def _folder_of(session: Session) -> Path:
    return Path.home() if session.project is None else session.project.root
