"""The rows of the class list."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from PySide6.QtCore import (
    QAbstractTableModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    Qt,
    Signal,
)
from PySide6.QtGui import QColor, QFont, QIcon

from segstudio.core.formatting import DASH, ratio_text
from segstudio.core.schema import ClassSpec, class_keys
from segstudio.kit.icons import icon
from segstudio.kit.plain import plain
from segstudio.kit.swatch import swatch
from segstudio.runs.scoring import Scoring
from segstudio.session.session import Session

EYE, NAME, ID, KEY, IOU, DICE = range(6)
_TITLES = ("", "Class", "Id", "Key", "IoU", "Dice")
_Index = QModelIndex | QPersistentModelIndex


class ClassesModel(QAbstractTableModel):
    """One row a class: eye, colour and name, digit, IoU and Dice of the shown run.

    Signals:
        renamed: (class id, new name) typed by the user.
    """

    renamed = Signal(int, str)

    def __init__(self, session: Session, scoring: Scoring, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._scoring = session, scoring
        self._classes: tuple[ClassSpec, ...] = session.schema.classes
        self._scores: dict[int, tuple[float, float]] = {}

    def reload(self) -> None:
        """The classes are others."""
        self.beginResetModel()
        self._classes = self._session.schema.classes
        self.endResetModel()
        self.rescore()

    def rescore(self) -> None:
        """The scores, the eyes or the active class are others."""
        metrics = self._scoring.of_image()
        if metrics is None:
            self._scores = {}
        else:
            pairs = zip(metrics.iou.tolist(), metrics.dice.tolist(), strict=True)
            self._scores = dict(zip(metrics.class_ids, pairs, strict=True))
        if self._classes:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._classes) - 1, DICE))

    def class_at(self, row: int) -> ClassSpec | None:
        return self._classes[row] if 0 <= row < len(self._classes) else None

    def row_of(self, class_id: int) -> int:
        """The row of a class, -1 if it is not in the schema."""
        return next((r for r, spec in enumerate(self._classes) if spec.id == class_id), -1)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else len(self._classes)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        if role == Qt.ItemDataRole.TextAlignmentRole and section in (ID, KEY, IOU, DICE):
            return Qt.AlignmentFlag.AlignCenter
        return None

    def flags(self, index: _Index) -> Qt.ItemFlag:
        flags = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
        return flags | Qt.ItemFlag.ItemIsEditable if index.column() == NAME else flags

    def data(self, index: _Index, role: int = 0) -> Any:
        spec = self.class_at(index.row())
        answer = _ANSWERS.get(Qt.ItemDataRole(role)) if spec is not None else None
        return None if answer is None or spec is None else answer(self, spec, index.column())

    def setData(self, index: _Index, value: Any, role: int = 0) -> bool:
        spec, name = self.class_at(index.row()), str(value).strip()
        if role != Qt.ItemDataRole.EditRole or spec is None or not name or name == spec.name:
            return False
        self.renamed.emit(spec.id, name)
        return True

    def _text(self, spec: ClassSpec, column: int) -> str | None:
        if column == NAME:
            ignored = spec.id == self._session.schema.ignore_index
            return f"{spec.name} (ignored)" if ignored else spec.name
        if column == ID:
            return str(spec.id)
        if column == KEY:
            return self._key(spec)
        if column in (IOU, DICE):
            score = self._scores.get(spec.id, (math.nan, math.nan))[column - IOU]
            return ratio_text(score) if self._scores else ""
        return None

    def _edit(self, spec: ClassSpec, column: int) -> str | None:
        return spec.name if column == NAME else None

    def _key(self, spec: ClassSpec) -> str:
        """The digit that chooses the class: its id where that is one, else what is left."""
        number = class_keys(self._session.schema).get(spec.id)
        if number is None:
            return ""
        return str(number) if number <= 9 else f"Alt+{number - 9}"

    def _decoration(self, spec: ClassSpec, column: int) -> QIcon | None:
        if column == EYE:
            hidden = spec.id in self._session.view.hidden_classes
            return icon("eye-off" if hidden else "eye")
        return swatch(QColor(*spec.color)) if column == NAME else None

    def _alignment(self, spec: ClassSpec, column: int) -> Qt.AlignmentFlag | None:
        if column in (ID, KEY, IOU, DICE):
            return Qt.AlignmentFlag.AlignCenter
        return None

    def _font(self, spec: ClassSpec, column: int) -> QFont | None:
        if column != NAME or spec.id != self._session.view.active_class:
            return None
        font = QFont()
        font.setBold(True)
        return font

    def _tip(self, spec: ClassSpec, column: int) -> str:
        if column == EYE:
            return "Show or hide this class on the canvas"
        if column == NAME:
            return plain(f"{spec.name}\nDouble-click to rename; click the colour to change it")
        if column == ID:
            return "Value of the class in mask files; it never changes by itself"
        if column == KEY:
            return "Key that makes this class active"
        value = self._text(spec, column)
        return "In neither map, so it has no score" if value == DASH else ""

    def _accessible(self, spec: ClassSpec, column: int) -> str | None:
        if column == EYE:
            return "hidden" if spec.id in self._session.view.hidden_classes else "shown"
        return self._text(spec, column)


_ANSWERS: dict[Qt.ItemDataRole, Callable[[ClassesModel, ClassSpec, int], Any]] = {
    Qt.ItemDataRole.DisplayRole: ClassesModel._text,  # noqa: SLF001 - this module's own
    Qt.ItemDataRole.EditRole: ClassesModel._edit,  # noqa: SLF001
    Qt.ItemDataRole.DecorationRole: ClassesModel._decoration,  # noqa: SLF001
    Qt.ItemDataRole.TextAlignmentRole: ClassesModel._alignment,  # noqa: SLF001
    Qt.ItemDataRole.FontRole: ClassesModel._font,  # noqa: SLF001
    Qt.ItemDataRole.ToolTipRole: ClassesModel._tip,  # noqa: SLF001
    Qt.ItemDataRole.AccessibleTextRole: ClassesModel._accessible,  # noqa: SLF001
}
