"""The table of scores with cuts, and how they changed."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QHeaderView, QTreeWidget, QTreeWidgetItem

from segstudio.core.ablation import MaskScores
from segstudio.core.formatting import change_text, ratio_text
from segstudio.ui.plain import plain
from segstudio.ui.row_height import RowHeight
from segstudio.ui.swatch import swatch

_ROW_HEIGHT = 24
_SAME = 0.0005
_PADDING = 10
_VALUES_FROM = 360
"""Narrower than this, the changes are shown alone."""
WORSE, BETTER = QColor("#d55e00"), QColor("#009e73")


@dataclass(frozen=True)
class ScoreLine:
    """One class, or the mean: scores before and after in the order of `COLUMNS`."""

    name: str
    color: QColor | None
    before: tuple[float, ...]
    after: tuple[float, ...]


COLUMNS = ("IoU", "Dice", "Boundary")
_TIPS = (
    "Intersection over union with the cuts, and its change",
    "Dice with the cuts, and its change",
    "IoU within 2 % of the image's diagonal from each region's edge: how well outlines agree",
)


def score_lines(
    before: MaskScores,
    after: MaskScores,
    name_of: Callable[[int], str],
    color_of: Callable[[int], QColor],
) -> list[ScoreLine]:
    """One line for each class that is in any of the maps, and one for the means."""
    lines = []
    for i, class_id in enumerate(before.metrics.class_ids):
        values = [
            (float(s.metrics.iou[i]), float(s.metrics.dice[i]), float(s.boundary_iou[i]))
            for s in (before, after)
        ]
        if not all(math.isnan(value) for pair in values for value in pair):
            lines.append(ScoreLine(name_of(class_id), color_of(class_id), values[0], values[1]))
    means = [
        (s.metrics.mean_iou, s.metrics.mean_dice, s.mean_boundary_iou) for s in (before, after)
    ]
    lines.append(ScoreLine("Mean", None, means[0], means[1]))
    return lines


def change_brush(change: float, palette: QPalette) -> QBrush:
    """The colour of a change: better, worse, or next to none."""
    if math.isnan(change) or abs(change) < _SAME:
        return QBrush(palette.color(QPalette.ColorRole.PlaceholderText))
    return QBrush(BETTER if change > 0 else WORSE)


class CutScores(QTreeWidget):
    """IoU, Dice and boundary IoU by class with the cuts, each with its change."""

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Scores with cuts")
        self.setColumnCount(1 + 2 * len(COLUMNS))
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setItemDelegate(RowHeight(_ROW_HEIGHT, self))
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        titles = ["Class"]
        for name in COLUMNS:
            titles += [name, f"Δ {name}"]
        self.setHeaderLabels(titles)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setMinimumSectionSize(24)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for number, tip in enumerate(_TIPS):
            for column in (1 + 2 * number, 2 + 2 * number):
                self.headerItem().setToolTip(column, plain(tip))
                self.headerItem().setTextAlignment(column, _RIGHT)

    def sizeHint(self) -> QSize:
        """Room for the header and four rows."""
        return QSize(300, 5 * _ROW_HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """Room for the header and a row."""
        return QSize(120, 2 * _ROW_HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the scores themselves where there is room for them."""
        super().resizeEvent(event)
        wide = self.width() >= _VALUES_FROM
        number_px = self.fontMetrics().horizontalAdvance("\N{MINUS SIGN}0.000") + _PADDING
        for number, name in enumerate(COLUMNS):
            self.setColumnHidden(1 + 2 * number, not wide)
            title_px = self.fontMetrics().horizontalAdvance(f"Δ {name}") + _PADDING
            for column in (1 + 2 * number, 2 + 2 * number):
                self.setColumnWidth(column, max(number_px, title_px))

    def show_lines(self, lines: list[ScoreLine]) -> None:
        self.clear()
        for line in lines:
            item = QTreeWidgetItem([line.name])
            if line.color is not None:
                item.setIcon(0, swatch(line.color))
            item.setToolTip(0, plain(line.name))
            for number, (before, after) in enumerate(zip(line.before, line.after, strict=True)):
                self._put(item, 1 + 2 * number, before, after)
            self.addTopLevelItem(item)

    def _put(self, item: QTreeWidgetItem, column: int, before: float, after: float) -> None:
        change = after - before
        item.setText(column, ratio_text(after))
        item.setText(column + 1, change_text(change))
        item.setForeground(column + 1, change_brush(change, self.palette()))
        for place in (column, column + 1):
            item.setTextAlignment(place, _RIGHT)
            item.setToolTip(
                place, f"{ratio_text(before)} without cuts, {ratio_text(after)} with them"
            )


_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
