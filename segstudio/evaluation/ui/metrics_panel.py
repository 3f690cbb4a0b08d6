"""The metrics: of this image while it is painted, and of the folder."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFileDialog,
    QHBoxLayout,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.class_mapping import asked_of, why_unscored
from segstudio.core.formatting import DASH, count_text, percent_text, ratio_text
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import PlainLabel
from segstudio.kit.swatch import swatch
from segstudio.kit.table import UNSORTED, Column, Side, TableModel, TableView
from segstudio.metrics.confusion import Metrics
from segstudio.runs.score_sides import Sides, folder_sides, image_sides
from segstudio.runs.scoring import ScoreRow, Scoring
from segstudio.session.session import Change, Session, What

_SHOWN = (
    What.STATES
    | What.HISTORY
    | What.SCORES
    | What.DOCUMENT
    | What.PREDICTIONS
    | What.SCHEMA
    | What.VIEW
    | What.PROJECT
)
_NO_IMAGE = "Open an image to see how good a prediction is."
_NOT_SHOWN = "No scores before the image is shown."
_NO_RUN = "Run a model (F5) to see its scores."
_NEITHER = (
    "No ground truth for this image: paint, or choose a ground truth folder; then run a model (F5)"
    " to score it."
)
_NO_REFERENCE = (
    "No ground truth for this image: paint, or choose a ground truth folder, to score it."
)
_NO_FOLDER = "Run a model on all images (Ctrl+B) to see the folder's scores."
_COUNTING = "Counting…"


def _color(row: ScoreRow) -> QColor:
    return QColor(*row.color)


def _ratio(
    title: str, tip: str, value: Callable[[ScoreRow], float], *, has_bar: bool = False
) -> Column[ScoreRow]:
    def cell_tip(row: ScoreRow) -> str:
        text = ratio_text(value(row))
        return "Not defined: the class is missing where it is needed" if text == DASH else text

    return Column(
        title, lambda row: ratio_text(value(row)), tip, value, cell_tip=cell_tip, side=Side.RIGHT,
        bar=value if has_bar else None, bar_color=_color,
    )  # fmt: skip


COLUMNS: Final = (
    Column[ScoreRow]("Class", lambda r: r.name, "A class of the folder's list", icon=lambda r: swatch(_color(r)), stretch=84),
    _ratio("IoU", "TP / (TP + FP + FN)", lambda r: r.iou, has_bar=True),
    _ratio("Dice", "2 TP / (2 TP + FP + FN)", lambda r: r.dice, has_bar=True),
    _ratio("Prec.", "Precision, TP / (TP + FP): of what the model calls this class, how much is "
           "right", lambda r: r.precision),
    _ratio("Recall", "Recall, TP / (TP + FN): of what is this class, how much the model found",
           lambda r: r.recall),
    Column[ScoreRow](
        "Pixels", lambda r: count_text(r.truth_pixels),
        "Pixels of this class in the annotation or ground truth", lambda r: r.truth_pixels,
        cell_tip=lambda r: (
            f"{count_text(r.truth_pixels)}; predicted: {count_text(r.predicted_pixels)}"
        ),
        side=Side.RIGHT),
    Column[ScoreRow]("Predicted", lambda r: count_text(r.predicted_pixels),
                     "Pixels of this class in the prediction", lambda r: r.predicted_pixels,
                     side=Side.RIGHT, spare=True),
)  # fmt: skip


class MetricsPanel(QWidget):
    """A table of classes with bars, the means, and what to make of the pixel accuracy."""

    def __init__(self, session: Session, scoring: Scoring) -> None:
        super().__init__()
        self._session, self._scoring = session, scoring
        self._folder_sides: tuple[tuple[str, int], Sides | None] | None = None
        self.image = MetricsPage()
        self.folder = MetricsPage()
        self.tabs = QTabWidget()
        self.tabs.setDocumentMode(True)
        self.tabs.addTab(self.image, "This image")
        self.tabs.addTab(self.folder, "Folder")
        self.copy = icon_button("copy", "Copy the scores as CSV")
        self.save = icon_button("download", "Save the scores as CSV…")
        self.copy.clicked.connect(lambda: self._copy())
        self.save.clicked.connect(lambda: self._save())
        corner = QWidget()
        row = QHBoxLayout(corner)
        row.setContentsMargins(0, 0, 6, 0)
        row.setSpacing(2)
        row.addWidget(self.copy)
        row.addWidget(self.save)
        self.tabs.setCornerWidget(corner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.tabs)
        self._refresh = Coalescer(self, self._show)
        self.tabs.currentChanged.connect(self._refresh.request)
        session.changed.connect(self._on_change)
        self._show()

    def _on_change(self, change: Change) -> None:
        if change.what & (What.STATES | What.PROJECT | What.PREDICTIONS):
            self._folder_sides = None
        if change.what & _SHOWN:
            self._refresh.request()

    def _show(self) -> None:
        has_scores = self._scoring.has_scores
        self.copy.setEnabled(has_scores)
        self.save.setEnabled(has_scores)
        if self.tabs.currentWidget() is self.image:
            self._show_image()
        else:
            self._show_folder()

    def _show_image(self) -> None:
        metrics = self._scoring.of_image()
        if metrics is None:
            self.image.show_empty(self._why_no_image_scores())
            return
        self.image.show_metrics(metrics, self._scoring, image_sides(self._session), [])

    def _why_no_image_scores(self) -> str:
        document = self._session.document
        if document is None:
            return _NOT_SHOWN if self._session.loading or self._session.unreadable else _NO_IMAGE
        shown = document.predictions.get(self._session.view.run)
        if shown is None:
            return _NO_RUN if document.has_reference else _NEITHER
        if document.has_reference and (why := self._why_not_scored(shown)):
            return why
        return _COUNTING if document.has_reference else _NO_REFERENCE

    def _why_not_scored(self, shown: Prediction) -> str:
        """Why no figures are made of a prediction here, and where that is changed; "" if they are."""
        model, folder = shown.schema, self._session.schema
        why = why_unscored(model, folder)
        if why and asked_of(model, folder):
            return f"Not scored: {why} Say so in the Model panel."
        return f"Not scored: {why} Evaluation > Class mapping tells it otherwise." if why else ""

    def _show_folder(self) -> None:
        scores = self._scoring.of_folder()
        if scores is None:
            document = self._session.document
            shown = document and document.predictions.get(self._session.view.run)
            why = self._why_not_scored(shown) if shown else ""
            self.folder.show_empty(why or _NO_FOLDER)
            return
        means = scores.image_means
        self.folder.show_metrics(
            scores.summed,
            self._scoring,
            self._sides_of_folder(scores.images),
            [_means_text(means)],
            f", {count_text(scores.images)} image{'' if scores.images == 1 else 's'} summed",
        )

    def _sides_of_folder(self, images: int) -> Sides | None:
        """What the folder's scores compare; all marks are gone through only if some changed."""
        key = (self._session.view.run, images)
        if self._folder_sides is None or self._folder_sides[0] != key:
            self._folder_sides = (key, folder_sides(self._session, images))
        return self._folder_sides[1]

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._scoring.csv())

    def _save(self) -> None:
        path, _ = QFileDialog.getSaveFileName(self, "Save scores", "scores.csv", "CSV (*.csv)")
        if path:
            self._scoring.save_csv(Path(path))


class MetricsPage(QWidget):
    """Means on top, the table below; or one line saying what is missing."""

    def __init__(self) -> None:
        super().__init__()
        self.model = TableModel(COLUMNS, lambda row: row.class_id, self)
        self.sides = ElidedLabel(Qt.TextElideMode.ElideRight, two_lines=True)
        self.sides.setAccessibleName("What is compared")
        self.warning = PlainLabel()
        self.warning.setWordWrap(True)
        self.warning.setAccessibleName("Why the score says little")
        self.means = PlainLabel()
        self.means.setTextFormat(Qt.TextFormat.RichText)
        self.means.setAccessibleName("Mean scores")
        self.accuracy = PlainLabel()
        self.accuracy.setWordWrap(True)
        self.accuracy.setAccessibleName("Pixel accuracy")
        self.accuracy.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.more = PlainLabel()
        self.more.setWordWrap(True)
        self.more.setAccessibleName("Mean over images")
        self.more.setToolTip("Mean of every image's own IoU, Dice and pixel accuracy")
        # it takes what is left, and the panel need not scroll
        self.table = TableView(
            self.model, "Scores by class", row_height=26, sorting=UNSORTED, rows_seen=(2, 2),
            choosing=QAbstractItemView.SelectionMode.ExtendedSelection,
        )  # fmt: skip
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(8, 1, 8, 0)
        column.setSpacing(1)
        for widget in (self.sides, self.means, self.warning, self.more, self.accuracy):
            column.addWidget(widget)
        column.addWidget(self.table, 1)
        self._switch = Switch(EmptyState(""), contents)
        self.setLayout(self._switch)

    @property
    def empty_text(self) -> str:
        """The line shown instead of scores, "" while there are scores."""
        return "" if self._switch.currentIndex() else self._switch.empty.label.text()

    def show_empty(self, text: str) -> None:
        """Say why there are no scores, and what to do."""
        self._switch.show_contents(False, text)

    def show_metrics(
        self,
        metrics: Metrics,
        scoring: Scoring,
        sides: Sides | None,
        more: list[str],
        over: str = "",
    ) -> None:
        """Show scores, and what they compare."""
        self._switch.show_contents(True)
        self.sides.show_text("" if sides is None else f"{sides.text}{over}")
        self.warning.setText("" if sides is None else sides.warning)
        self.warning.setVisible(bool(self.warning.text()))
        self.model.show_rows(scoring.rows(metrics))
        k, n = metrics.scored
        of_all = "" if k == n else f" over {k} of {n} classes"
        self.means.setText(_lead_text(metrics, scoring.schema) + of_all)
        self.more.setVisible(bool(more))
        self.more.setText("\n".join(more))
        self.accuracy.setText(accuracy_text(metrics, scoring))


def _lead_text(metrics: Metrics, schema: LabelSchema) -> str:
    """The means; those of the foreground first where there is a background, as rich text."""
    iou, dice = ratio_text(metrics.mean_iou), ratio_text(metrics.mean_dice)
    if not schema.has_foreground:
        return f"<b>mIoU {iou}</b> &nbsp; <b>mDice {dice}</b>"
    foreground = [ratio_text(value) for value in metrics.mean_over(schema.foreground_ids)]
    return (
        f"<b>Foreground mIoU {foreground[0]}</b> &nbsp; <b>mDice {foreground[1]}</b><br>"
        f"with background: mIoU {iou} &nbsp; mDice {dice}"
    )


def _means_text(means: Mapping[str, float]) -> str:
    return (
        f"Mean over images: IoU {ratio_text(means['image_mean_iou'])}, "
        f"Dice {ratio_text(means['image_mean_dice'])}, "
        f"acc. {percent_text(means['image_mean_pixel_accuracy'])}"
    )


def accuracy_text(metrics: Metrics, scoring: Scoring) -> str:
    """The pixel accuracy, and what calling everything the most frequent class would score."""
    rows = scoring.rows(metrics)
    if not rows:
        return ""
    frequent = max(rows, key=lambda row: row.truth_pixels)
    share = frequent.truth_pixels / metrics.total if metrics.total else math.nan
    text = f"Pixel accuracy {percent_text(metrics.pixel_accuracy)}"
    guess = f"“{frequent.name}” everywhere would score {percent_text(share)}"
    if share >= _MISLEADING_FROM:
        return f"{text}: misleading, since {guess}."
    return f"{text} ({guess})."


_MISLEADING_FROM = 0.6
