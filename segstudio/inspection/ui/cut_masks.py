"""The list of cuts, the masks without and with them, their difference, and the scores."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QAbstractItemView, QLabel, QSplitter, QVBoxLayout, QWidget

from segstudio.canvas.photo import Photo
from segstudio.core.difference import (
    DIFFERENCE_COLORS,
    ONLY_PREDICTION,
    ONLY_REFERENCE,
    WRONG_CLASS,
    difference,
)
from segstudio.core.formatting import change_text, percent_text, ratio_text
from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import Prediction
from segstudio.core.render import ColorTable, color_table
from segstudio.core.series_colors import GREEN, VERMILION
from segstudio.inspection.cutting import Cutting
from segstudio.inspection.ui.cut_list_view import CutList
from segstudio.inspection.ui.photo_place import photo_pixel, photo_share
from segstudio.inspection.ui.picture_row import CaptionedPicture, PictureRow
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.empty import Stacked
from segstudio.kit.plain import FaintLabel, PlainLabel
from segstudio.kit.swatch import swatch
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Emphasis, Row, Side, TableModel
from segstudio.metrics.cut_costs import MaskScores
from segstudio.session.inspection import CutResult, TracedNetwork
from segstudio.session.session import Change, Session, What

_OPACITY, _DIFFERENCE_OPACITY = 0.45, 0.85
_OUTLINE_PX = 1.0
_SIDE_PX, _SIDE_SHARE, _SIDE_MOST_PX = 268, 0.32, 480
"""The list and the scores get this share of the width, within these bounds."""
_CLASS_PX = 106
"""For a name of ten letters, as "background" is."""
_UPRIGHT_FROM = 1.2
_NO_CUTS = "Nothing is cut. Cut a skip here, on the Skip page, or in the diagram."
_NO_REFERENCE = "Paint, or choose a ground truth folder, to see what the cuts cost in IoU."
_CODES = {ONLY_REFERENCE: "lost", ONLY_PREDICTION: "gained", WRONG_CLASS: "another class"}
_SCORES = (
    ("IoU", "Intersection over union with the cuts, and its change"),
    ("Dice", "Dice with the cuts, and its change"),
    ("Boundary", "IoU of the outlines: within 2 % of the image's diagonal from each region's edge"),
)  # fmt: skip
_SAME = 0.0005
_WORSE, _BETTER = QColor(VERMILION), QColor(GREEN)
_SHOWN = What.TRACE | What.CUTS | What.SCHEMA | What.VIEW


@dataclass(frozen=True, eq=False)
class _Masks:
    """What the pictures show, in the folder's classes.

    Attributes:
        whole: (h, w) uint8 without cuts.
        cut: With them; None if nothing is cut.
        codes: Difference of the two by `core.difference`, `whole` being the reference.
        counts: Pixels by code.
    """

    whole: Labels
    cut: Labels | None = None
    codes: Labels | None = None
    counts: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class ScoreLine:
    """One class, or the mean: scores without and with cuts in the order of `_SCORES`."""

    name: str
    color: QColor | None
    before: tuple[float, ...]
    after: tuple[float, ...]


def score_lines(
    before: MaskScores,
    after: MaskScores,
    name_of: Callable[[int], str],
    color_of: Callable[[int], QColor],
) -> list[ScoreLine]:
    """One line for each class that is in any of the maps, and for the means.

    The foreground's comes first where there is a background.
    """
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
    if before.foreground is not None:
        lines.insert(0, ScoreLine("Foreground", None, before.leading, after.leading))
    return lines


def change_column(
    title: str,
    tip: str,
    value: Callable[[Row], float],
    *,
    cell_tip: Callable[[Row], str] | None = None,
    spare: bool = False,
) -> Column[Row]:
    """A column of changes of scores, better and worse ones in colours."""

    def color(row: Row) -> QColor | None:
        change = value(row)
        return None if _is_same(change) else _BETTER if change > 0 else _WORSE

    return Column(
        title, lambda row: change_text(value(row)), tip, value, cell_tip=cell_tip, side=Side.RIGHT,
        color=color, sample="\N{MINUS SIGN}0.000", spare=spare,
        emphasis=lambda row: Emphasis.FAINT if _is_same(value(row)) else Emphasis.NONE,
    )  # fmt: skip


def _is_same(change: float) -> bool:
    return math.isnan(change) or abs(change) < _SAME


def _score_columns() -> list[Column[ScoreLine]]:
    """The class, then each score with cuts and its change; most are left out where room lacks."""
    columns: list[Column[ScoreLine]] = [
        Column(
            "Class", lambda line: line.name, "A class of the model's list", stretch=_CLASS_PX,
            icon=lambda line: None if line.color is None else swatch(line.color),
        )
    ]  # fmt: skip
    for number, (title, tip) in enumerate(_SCORES):
        columns += _pair_of_columns(number, title, tip)
    return columns


def _pair_of_columns(number: int, title: str, tip: str) -> tuple[Column[ScoreLine], ...]:
    def both(line: ScoreLine) -> str:
        before, after = ratio_text(line.before[number]), ratio_text(line.after[number])
        return f"{before} without cuts, {after} with them"

    return (
        Column(
            title, lambda line: ratio_text(line.after[number]), tip,
            lambda line: line.after[number], cell_tip=both, side=Side.RIGHT, sample="0.000",
            spare=True,
        ),
        change_column(
            f"Δ {title}", tip, lambda line: line.after[number] - line.before[number],
            cell_tip=both, spare=title == "Dice",  # it says what IoU says
        ),
    )  # fmt: skip


class CutMasks(QWidget):
    """Pictures beside (or below) the list of cuts and the scores.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a picture, or None.
    """

    pointed = Signal(object)

    def __init__(self, session: Session, cutting: Cutting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._cutting = session, cutting
        self._traced: TracedNetwork | None = None
        self._photo: Photo | None = None
        self._drawn: tuple[object, ...] = ()
        self._legend = ""
        self._sizes_kept = False
        self.list = CutList(cutting)
        self._scores = TableModel(_score_columns(), lambda line: line.name)
        self.scores = TableView(
            self._scores, "Scores with cuts", rows_seen=(1, 4),
            choosing=QAbstractItemView.SelectionMode.NoSelection,
        )  # fmt: skip
        self.hint = _hint(_NO_CUTS)
        self.no_scores = _hint(_NO_REFERENCE)
        self.pictures = PictureRow()
        self.whole, self.cut, self.difference = (
            self.pictures.add(CaptionedPicture(name)) for name in ("Original", "Cut", "Difference")
        )
        for cell in self.pictures.cells:
            cell.note.hide()
        self.line = PlainLabel()
        self.line.setWordWrap(True)
        self.line.setTextFormat(Qt.TextFormat.RichText)
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._lay_out()
        self._refresh = Coalescer(self, self._show)
        self.pictures.group.hovered.connect(
            lambda place: self.pointed.emit(photo_pixel(self._traced, place))
        )
        session.changed.connect(self._on_change)

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """Mark the place of a pixel (x, y) of the photo in the pictures, or none."""
        self.pictures.group.show_marker(photo_share(self._traced, pixel_xy))

    def _lay_out(self) -> None:
        # from the outside in: what gets another parent is styled anew with all that is in it
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._splitter)
        self._splitter.setChildrenCollapsible(False)
        side, main = QSplitter(Qt.Orientation.Vertical), QWidget()
        side.setChildrenCollapsible(False)
        self._splitter.addWidget(side)
        self._splitter.addWidget(main)
        self._splitter.splitterMoved.connect(self._keep_sizes)
        self._lists, self._tables = (
            Stacked(self.hint, self.list),
            Stacked(self.no_scores, self.scores),
        )
        for stack in (self._lists, self._tables):
            holder = QWidget()
            side.addWidget(holder)
            holder.setLayout(stack)
        column = QVBoxLayout(main)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(self.pictures, 1)
        column.addWidget(self.line)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the pictures below the list where the page is upright."""
        super().resizeEvent(event)
        upright = self.height() > _UPRIGHT_FROM * self.width()
        wanted = Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal
        if self._splitter.orientation() != wanted:
            self._splitter.setOrientation(wanted)
            self._sizes_kept = False
        if not self._sizes_kept:
            share = self.height() // 3
            if not upright:
                share = min(max(_SIDE_PX, round(_SIDE_SHARE * self.width())), _SIDE_MOST_PX)
            whole = self.height() if upright else self.width()
            self._splitter.setSizes([share, max(1, whole - share)])

    def _keep_sizes(self) -> None:
        """The user moved the border: it stays where it is put."""
        self._sizes_kept = True

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what happened while it was not seen."""
        super().showEvent(event)
        self._refresh.request()

    def _on_change(self, change: Change) -> None:
        if change.what & _SHOWN:
            self._refresh.request()

    # -- what is shown -------------------------------------------------------------------------

    def _show(self) -> None:
        if not self.isVisible():
            return
        inspection = self._session.inspection
        self.list.show_cuts(inspection.cuts)
        self._lists.setCurrentIndex(int(bool(inspection.cuts)))
        result = inspection.cut_result
        self._show_scores(result)
        self.line.setText(self._said(result))
        if inspection.traced is not None:
            self._show_masks(inspection.traced, result)

    def _show_scores(self, result: CutResult | None) -> None:
        if result is None or result.before is None or result.after is None:
            asks = result is not None
            self.no_scores.setText(_NO_REFERENCE if asks else "")
            self._tables.setCurrentIndex(0)
            return
        schema = self._session.schema
        palette = schema.palette()
        self._scores.show_rows(
            score_lines(
                result.before, result.after, schema.name_of,
                lambda class_id: QColor(*(int(value) for value in palette[class_id])),
            )
        )  # fmt: skip
        self._tables.setCurrentIndex(1)

    def _said(self, result: CutResult | None) -> str:
        problem = self._session.inspection.cut_problem
        if problem:
            return f"The network gave no mask: {problem}"
        if self._cutting.waiting:
            return "Cutting…"
        if result is None:
            return ""
        changed = f"{percent_text(result.changed_share)} of the pixels changed their class"
        return f"{changed}: {self._legend}." if self._legend else f"{changed}."

    def _show_masks(self, traced: TracedNetwork, result: CutResult | None) -> None:
        """Have the maps of the pictures made, unless they are shown."""
        view, schema = self._session.view, self._session.schema
        look = (traced, result and result.cuts, schema, view.hidden_classes)
        if look == self._drawn:
            return
        self._drawn = look
        whole = self._cutting.shown(traced.prediction)
        cut = None if result is None else self._cutting.shown(result.cut)
        colours = _colours(whole, self._session)
        if traced is not self._traced:
            self._traced = traced
            window = traced.input_geometry.window
            self._photo = Photo(_window(traced.document.pixels, window.slices), self._reduce)
            if cut is None:
                self._draw(_Masks(whole.labels), colours)
        self._cutting.in_background(
            "Comparing the masks",
            lambda _job: _masks(whole.labels, None if cut is None else cut.labels),
            lambda masks: self._draw(masks, colours),
            "cut masks",
        )

    def _reduce(self, photo: Photo) -> None:
        """Have the reduced copies of a large photo made."""

        def done(levels: list[Image]) -> None:
            photo.take_levels(levels)
            for cell in (self.whole, self.cut, self.difference):
                cell.view.renew()

        self._cutting.in_background(
            "Reducing the photo", lambda job: photo.reduced(job.check), done, "cut photo"
        )

    def _draw(self, masks: _Masks, colours: ColorTable) -> None:
        photo = self._photo
        if photo is None or photo.shape_hw != masks.whole.shape:
            return
        self.whole.view.show_picture(photo, masks.whole, colours, outline_px=_OUTLINE_PX)
        self.pictures.arrange()
        if masks.cut is None or masks.codes is None or masks.counts is None:
            self.cut.view.show_text("Nothing is cut")
            self.difference.view.show_text("")
            return
        self.cut.view.show_picture(photo, masks.cut, colours, outline_px=_OUTLINE_PX)
        self.difference.view.show_picture(photo, masks.codes, _difference_colours())
        self._legend = _legend(masks.counts)
        self.line.setText(self._said(self._session.inspection.cut_result))


def _masks(whole: Labels, cut: Labels | None) -> _Masks:
    if cut is None:
        return _Masks(whole)
    codes = difference(whole, cut, None)
    return _Masks(whole, cut, codes, np.bincount(codes.ravel(), minlength=256))


def _window(pixels: Image, slices: tuple[slice, slice]) -> Image:
    part = pixels[slices]
    return part if part.shape == pixels.shape else np.ascontiguousarray(part)


def _colours(prediction: Prediction, session: Session) -> ColorTable:
    """The folder's colours where it has the class, else the model's own."""
    table = color_table(session.schema, hidden=session.view.hidden_classes, opacity=_OPACITY)
    for spec in prediction.schema.classes:
        if session.schema.get(spec.id) is None:
            table[spec.id, :3] = spec.color
    return table


def _difference_colours() -> ColorTable:
    """Of lost, gained and changed pixels; the same ones as the canvas has for differences."""
    table = np.zeros((256, 4), np.uint8)
    for code in _CODES:
        table[code] = (*DIFFERENCE_COLORS[code], round(255 * _DIFFERENCE_OPACITY))
    return table


def _legend(counts: NDArray[np.int64]) -> str:
    """What the difference's colours mean and how much there is of each, as rich text."""
    total = int(counts.sum())
    found = []
    for code, name in _CODES.items():
        if counts[code]:
            colour = "#{:02x}{:02x}{:02x}".format(*DIFFERENCE_COLORS[code])
            share = percent_text(float(counts[code] / total))
            found.append(f'<span style="color:{colour}">■</span> {name} {share}')
    return ", ".join(found)


def _hint(text: str) -> QLabel:
    label = FaintLabel(text)
    label.setAlignment(Qt.AlignmentFlag.AlignCenter)
    label.setMinimumWidth(80)
    return label
