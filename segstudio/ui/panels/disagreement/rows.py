"""The rows of the list of regions on which the models differ."""

from __future__ import annotations

from functools import cache
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QFont

from segstudio.core.formatting import count_text
from segstudio.core.schema import Color, LabelSchema
from segstudio.session.disagreement import DisagreementState, DisputedRegion, Disputes
from segstudio.ui.model_titles import short_titles
from segstudio.ui.plain import plain

PIXELS, VOTES, ANNOTATION = range(3)
_TITLES = ("Pixels", "Votes", "Annotation")
_TIPS = (
    "Size of the region",
    "One square a model, in their order below: the class that it gives most of the region",
    "The model with which the annotation agrees best on the region",
)
VOTES_ROLE = Qt.ItemDataRole.UserRole + 1
"""The colours of the models' votes, in the order of the runs."""
UNKNOWN: Color = (128, 128, 128)
_SAME_SHARE = 0.995
_Index = QModelIndex | QPersistentModelIndex


class RegionsModel(QAbstractTableModel):
    """One row a region, the largest first until another column is asked for."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._disputes: Disputes | None = None
        self._state = DisagreementState()
        self._schema = LabelSchema(())
        self._regions: list[DisputedRegion] = []
        self._sorted_by = (PIXELS, Qt.SortOrder.DescendingOrder)

    def show(
        self, disputes: Disputes | None, state: DisagreementState, schema: LabelSchema
    ) -> None:
        """Show another comparison, or the same one beside another annotation."""
        other = disputes is not self._disputes or schema is not self._schema
        if other:
            self.beginResetModel()
        self._disputes, self._state, self._schema = disputes, state, schema
        if other:
            self._regions = [] if disputes is None else list(disputes.regions)
            self._order()
            self.endResetModel()
        elif self._regions:
            last = self.index(len(self._regions) - 1, ANNOTATION)
            self.dataChanged.emit(self.index(0, ANNOTATION), last)

    def region(self, row: int) -> DisputedRegion | None:
        return self._regions[row] if 0 <= row < len(self._regions) else None

    def row_of(self, number: int) -> int:
        """The row of a region, -1 if it is not listed."""
        return next((row for row, r in enumerate(self._regions) if r.number == number), -1)

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Put the rows in another order; regions stay selected."""
        self.layoutAboutToBeChanged.emit()
        kept = [(index, self.region(index.row())) for index in self.persistentIndexList()]
        self._sorted_by = (column, order)
        self._order()
        for index, region in kept:
            row = -1 if region is None else self.row_of(region.number)
            self.changePersistentIndex(index, self.index(row, index.column()))
        self.layoutChanged.emit()

    def _order(self) -> None:
        column, order = self._sorted_by
        keys = {
            PIXELS: lambda r: r.pixels,
            VOTES: lambda r: (r.entropy, r.pixels),
            ANNOTATION: lambda r: (max(self._state.agreement.get(r.number, (0.0,))), r.pixels),
        }
        self._regions.sort(key=keys[column], reverse=order == Qt.SortOrder.DescendingOrder)

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else len(self._regions)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's default
        return 0 if parent.isValid() else len(_TITLES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return _TITLES[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return _TIPS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if section else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: _Index, role: int = 0) -> Any:
        region = self.region(index.row())
        if region is None:
            return None
        if role == VOTES_ROLE and index.column() == VOTES:
            return self._votes(region)
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole):
            return self._text(region, index.column(), role)
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(self._tip(region))
        if role == Qt.ItemDataRole.FontRole and index.column() == ANNOTATION:
            return _bold() if self._best(region)[1] >= _SAME_SHARE else None
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() == PIXELS:
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        return None

    def _votes(self, region: DisputedRegion) -> tuple[Color, ...]:
        """The colour of what each run says, in the order of the runs."""
        colors = {}
        for answer in region.answers:
            spec = self._schema.get(answer.classes[0][0])
            colors.update(dict.fromkeys(answer.runs, UNKNOWN if spec is None else spec.color))
        return tuple(colors[run] for run in (self._disputes.runs if self._disputes else ()))

    def _text(self, region: DisputedRegion, column: int, role: int) -> str:
        if column == PIXELS:
            return count_text(region.pixels)
        if column == ANNOTATION:
            best, share = self._best(region)
            return f"{100 * share:.0f} % {best}" if share else best
        # the votes are painted; as text they are for screen readers
        return "" if role == Qt.ItemDataRole.DisplayRole else self._said(region)

    def _best(self, region: DisputedRegion) -> tuple[str, float]:
        """The run with which the annotation agrees best, and on which share of the region."""
        shares = self._state.agreement.get(region.number)
        if shares is None or self._disputes is None:
            return "", 0.0
        best = max(shares)
        if not best:
            return "none", 0.0
        return short_titles(self._disputes.titles)[shares.index(best)], best

    def _tip(self, region: DisputedRegion) -> str:
        size = f"{count_text(region.pixels)} pixels, vote entropy {region.entropy:.2f}"
        return f"{size}\n{self._said(region)}"

    def _said(self, region: DisputedRegion) -> str:
        """Who says what, a line for each answer."""
        if self._disputes is None:
            return ""
        title = dict(zip(self._disputes.runs, self._disputes.titles, strict=True))
        return "\n".join(
            f"{classes_text(answer.classes, self._schema)}: "
            f"{', '.join(title[run] for run in answer.runs)}"
            for answer in region.answers
        )


@cache
def _bold() -> QFont:
    """For what needs no more work."""
    font = QFont()
    font.setBold(True)
    return font


def classes_text(classes: tuple[tuple[int, float], ...], schema: LabelSchema) -> str:
    """The classes of a region in words; shares where there are several."""
    if len(classes) == 1:
        return schema.name_of(classes[0][0])
    shown = [f"{schema.name_of(i)} {100 * share:.0f} %" for i, share in classes[:3]]
    return ", ".join(shown) + (", …" if len(classes) > 3 else "")
