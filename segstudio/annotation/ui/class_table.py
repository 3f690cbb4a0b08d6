"""The table of classes: eye, lock, colour, id, name, a bar and two figures of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPoint, QRect, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
)
from PySide6.QtWidgets import QStyleOptionViewItem

from segstudio.core.formatting import DASH, count_text, ratio_text, short_text
from segstudio.core.schema import ClassSpec, LabelSchema, class_keys
from segstudio.kit.icons import tinted
from segstudio.kit.plain import semibold_font
from segstudio.kit.table import TableDelegate, TableView
from segstudio.kit.table_model import Column, Emphasis, Side, TableModel
from segstudio.kit.theme import tokens_of
from segstudio.runs.scoring import ScoreRow

EYE, LOCK, SWATCH, ID, NAME, BAR_AT, FIRST, SECOND, RIM = range(9)
"""The columns."""
ROW_PX, HEAD_PX = 28, 24
_RIM, _SIGN_PX = 12, 14
_EYE_PX, _LEAST_BAR_PX, _MOST_BAR_PX = _RIM + _SIGN_PX + 2, 20, 44
_LOCK_PX = _SIGN_PX + 2
_LEAST_NAME_PX, _NAME_MARGIN, _CELL_MARGIN = 56, 10, 4
_LONG_COUNT = 99_500
_OPEN_LOCK = 0.6
_MANY = 40
"""So many names decide how wide they are; all of them would take long."""


class Figures(Enum):
    """Which two figures of each class are shown."""

    OVERLAP = "IoU"
    FOUND = "Precision"
    PIXELS = "Pixels"


FIGURE_TIPS = {
    Figures.OVERLAP: "How well two areas coincide: IoU and Dice",
    Figures.FOUND: "How much of what is found is right, and how much of what is there is found: "
    "precision and recall",
    Figures.PIXELS: "Pixels of each class in the ground truth or annotation, and in the prediction",
}


@dataclass(frozen=True)
class _Figure:
    """A column of figures: heading, what it means, its number, as text."""

    title: str
    tip: str
    value: Callable[[ScoreRow], float]
    text: Callable[[float], str]
    sample: str


def _pixels_text(value: float) -> str:
    """A count in full, or with three digits where it would leave names no room."""
    if math.isnan(value):
        return DASH
    return count_text(int(value)) if value < _LONG_COUNT else short_text(value)


_SHOWN: Mapping[Figures, tuple[_Figure, _Figure]] = {
    Figures.OVERLAP: (
        _Figure("IoU", "Intersection over union, TP / (TP + FP + FN)", lambda r: r.iou,
                ratio_text, "0.000"),
        _Figure("Dice", "Dice coefficient, 2 TP / (2 TP + FP + FN)", lambda r: r.dice,
                ratio_text, "0.000"),
    ),
    Figures.FOUND: (
        _Figure("Prec.", "Precision, TP / (TP + FP): of what the model calls this class, how much "
                "is right", lambda r: r.precision, ratio_text, "0.000"),
        _Figure("Recall", "Recall, TP / (TP + FN): of what is this class, how much the model found",
                lambda r: r.recall, ratio_text, "0.000"),
    ),
    Figures.PIXELS: (
        _Figure("Truth", "Pixels of this class in the ground truth or your annotation",
                lambda r: r.truth_pixels, _pixels_text, ""),
        _Figure("Found", "Pixels of this class in the prediction",
                lambda r: r.predicted_pixels, _pixels_text, ""),
    ),
}  # fmt: skip


@dataclass(frozen=True)
class ShownClasses:
    """What the table shows beside the classes themselves.

    Attributes:
        active: Id of the active class.
        hidden: Ids of those that are not drawn.
        locked: Ids of those that nothing paints over.
        scores: Of the classes that have figures, by id.
        figures: Which of them are shown.
    """

    active: int
    hidden: frozenset[int]
    locked: frozenset[int]
    scores: Mapping[int, ScoreRow]
    figures: Figures = Figures.OVERLAP


def class_columns(
    schema: LabelSchema,
    shown: ShownClasses,
    rename: Callable[[int, str], None],
    key_of: Callable[[int], str],
) -> tuple[Column[ClassSpec], ...]:
    """The columns of the table.

    Args:
        schema: The classes.
        shown: What is said of them.
        rename: Gives a class another name.
        key_of: The key of the how-manieth class as it is now; "" if there is none.
    """
    keys, ignored, scores = class_keys(schema), schema.ignore_index, shown.scores
    first, second = _SHOWN[shown.figures]
    most = max((max(r.truth_pixels, r.predicted_pixels) for r in scores.values()), default=0)

    def part(spec: ClassSpec) -> float:
        row = scores.get(spec.id)
        if row is None:
            return math.nan
        value = first.value(row)
        return value / most if shown.figures is Figures.PIXELS and most else value

    def emphasis(spec: ClassSpec) -> Emphasis:
        return Emphasis.STRONG if spec.id == shown.active else Emphasis.NONE

    def named(spec: ClassSpec) -> str:
        return f"{spec.name} (ignored)" if spec.id == ignored else spec.name

    def name_tip(spec: ClassSpec) -> str:
        number = keys.get(spec.id)
        key = "" if number is None else key_of(number)
        lines = [named(spec), f"Key {key} makes it the active class" if key else ""]
        return "\n".join([*filter(None, lines), "Double-click or F2 renames it"])

    return (
        Column("", lambda _spec: "", icon=lambda _spec: None, most=_EYE_PX - 2,
               spoken=lambda spec: "hidden" if spec.id in shown.hidden else "shown",
               cell_tip=lambda _: "Show or hide this class on the canvas (Space)"),
        Column("", lambda _spec: "", icon=lambda _spec: None, most=_LOCK_PX,
               spoken=lambda spec: "locked" if spec.id in shown.locked else "not locked",
               cell_tip=lambda _: "Lock this class: nothing paints over it or erases it"),
        Column("", lambda _spec: "", swatches=lambda spec: (QColor(*spec.color),),
               spoken=lambda _spec: "colour",
               cell_tip=lambda _: "Click to change the colour"),
        Column("Id", lambda spec: str(spec.id), side=Side.RIGHT, sample=str(max(schema.ids, default=0)),
               tip="Value of the class in mask files; it never changes by itself",
               cell_tip=lambda _: "Value of the class in mask files; it never changes by itself"),
        Column("Class", named, tip="Name of the class; double-click or F2 renames it",
               cell_tip=name_tip, emphasis=emphasis, stretch=_LEAST_NAME_PX,
               entry=lambda spec: spec.name,
               entered=lambda spec, name: rename(spec.id, name)),
        Column("", lambda _spec: "", value=part, bar=part, cell_tip=_cell_tip(first, scores),
               most=_MOST_BAR_PX),
        _figure_column(first, scores),
        _figure_column(second, scores),
        Column("", lambda _spec: "", most=_RIM - _CELL_MARGIN - 2),
    )  # fmt: skip


def _figure_column(figure: _Figure, scores: Mapping[int, ScoreRow]) -> Column[ClassSpec]:
    def value(spec: ClassSpec) -> float:
        row = scores.get(spec.id)
        return math.nan if row is None else figure.value(row)

    return Column(
        figure.title, lambda spec: figure.text(value(spec)) if scores else "", figure.tip, value,
        cell_tip=_cell_tip(figure, scores), side=Side.RIGHT, sample=figure.sample,
    )  # fmt: skip


def _cell_tip(figure: _Figure, scores: Mapping[int, ScoreRow]) -> Callable[[ClassSpec], str]:
    def tip(spec: ClassSpec) -> str:
        row = scores.get(spec.id)
        if row is None:
            return "Its pixels count nowhere" if scores else ""
        value = figure.value(row)
        if math.isnan(value):
            return "Not defined: the class is missing where it is needed"
        return (
            f"{figure.tip}: {figure.text(value)}\nPixels: {count_text(row.truth_pixels)}; "
            f"predicted: {count_text(row.predicted_pixels)}"
        )

    return tip


class ClassTable(TableView[ClassSpec]):
    """Tells clicks on the eye and on the colour from those that choose the class.

    Signals:
        eye_clicked: The class (`ClassSpec`) is to be shown or hidden.
        lock_clicked: It is to be locked or unlocked.
        color_clicked: Its colour is to be changed.
        menu_asked: Its menu is asked for: (class, place on the screen).
    """

    eye_clicked = Signal(object)
    lock_clicked = Signal(object)
    color_clicked = Signal(object)
    menu_asked = Signal(object, QPoint)
    rim = 0  # its columns have rims of their own

    def __init__(self, model: TableModel[ClassSpec]) -> None:
        self.hidden_classes: frozenset[int] = frozenset()
        self.locked_classes: frozenset[int] = frozenset()
        self.has_figures = False
        super().__init__(model, "Classes", row_height=ROW_PX, icon_px=_SIGN_PX, rows_seen=(2, 2))
        self.setItemDelegateForColumn(EYE, _EyeDelegate(self))
        self.setItemDelegateForColumn(LOCK, _LockDelegate(self))
        self.horizontalHeader().setFixedHeight(HEAD_PX)
        self.horizontalHeader().setMinimumSectionSize(_RIM - _CELL_MARGIN)

    def edit_name(self, class_id: int) -> None:
        """Let the user type another name."""
        index = self._rows.index(self._rows.place_of(class_id), NAME)
        if index.isValid():
            self.setCurrentIndex(index)
            self.edit(index)

    def _planned(self) -> tuple[list[int], list[int]]:
        """Whole names first: the bar gets what they leave, and figures that aren't there nothing."""
        widths, left_out = super()._planned()
        room = widths[NAME] + widths[BAR_AT]
        if not self.has_figures:
            room += widths[FIRST] + widths[SECOND]
            left_out = [*left_out, FIRST, SECOND]
        strong = semibold_font(self.font())
        advance = QFontMetrics(strong).horizontalAdvance
        names = [self._rows.columns[NAME].text(spec) for spec in self._rows.rows[:_MANY]]
        wanted = max([_LEAST_NAME_PX, *map(advance, names)]) + _NAME_MARGIN
        bar = min(_MOST_BAR_PX, room - wanted)
        has_bar = self.has_figures and bar >= _LEAST_BAR_PX
        widths[BAR_AT] = bar if has_bar else 0
        widths[NAME] = room - widths[BAR_AT]
        return widths, left_out if has_bar else [*left_out, BAR_AT]

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space shows and hides, F2 renames."""
        spec = self.row_at(self.currentIndex())
        if spec is not None and event.key() == Qt.Key.Key_Space:
            self.eye_clicked.emit(spec)
        elif spec is not None and event.key() == Qt.Key.Key_F2:
            self.edit_name(spec.id)
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Tell apart what was clicked."""
        index = self.indexAt(event.position().toPoint())
        spec = self.row_at(index)
        if spec is not None and event.button() == Qt.MouseButton.LeftButton:
            if index.column() == EYE:
                self.eye_clicked.emit(spec)
                return
            if index.column() == LOCK:
                self.lock_clicked.emit(spec)
                return
            if index.column() == SWATCH:
                self.setCurrentIndex(index)
                self.reached.emit(spec)
                self.color_clicked.emit(spec)
                return
        super().mousePressEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """The menu of the class under the pointer, or of the current one by the menu key."""
        by_key = event.reason() == QContextMenuEvent.Reason.Keyboard
        index = self.currentIndex() if by_key else self.indexAt(event.pos())
        spec = self.row_at(index)
        if spec is None:
            return
        place = event.globalPos()
        if by_key:
            place = self.viewport().mapToGlobal(self.visualRect(index).bottomLeft())
        self.menu_asked.emit(spec, place)


class _EyeDelegate(TableDelegate):
    """Draws the eye, open or crossed out."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        view = self.parent()
        if isinstance(view, ClassTable):
            spec = view.row_at(index)
            hidden = spec is not None and spec.id in view.hidden_classes
            _draw_sign(view, painter, option, "eye-off" if hidden else "eye", _RIM)


class _LockDelegate(TableDelegate):
    """Draws a closed lock; an open one where a click would be quick: of the active class."""

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        super().paint(painter, option, index)
        view = self.parent()
        if not isinstance(view, ClassTable):
            return
        spec = view.row_at(index)
        if spec is not None and spec.id in view.locked_classes:
            _draw_sign(view, painter, option, "lock", 1)
        elif index.row() == view.currentIndex().row():
            painter.setOpacity(_OPEN_LOCK)
            _draw_sign(view, painter, option, "lock-open", 1)
            painter.setOpacity(1.0)


def _draw_sign(
    view: ClassTable, painter: QPainter, option: QStyleOptionViewItem, name: str, left: int
) -> None:
    tokens = tokens_of(option.palette)
    color = QColor(tokens.text if name == "lock" else tokens.text_2)
    picture = tinted(name, color, _SIGN_PX, view.devicePixelRatioF())
    box: QRect = option.rect
    painter.drawPixmap(box.left() + left, box.top() + (box.height() - _SIGN_PX) // 2, picture)
