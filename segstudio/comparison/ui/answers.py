"""What each model says of the opened region, with a button that takes its answer."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QGridLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.core.schema import Color, LabelSchema
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.model_titles import short_model_titles
from segstudio.kit.plain import FaintLabel, PlainLabel, plain
from segstudio.kit.swatch import swatch
from segstudio.session.disputes import DisagreementState, DisputedRegion, Disputes

UNKNOWN: Color = (128, 128, 128)
_SWATCH, _BUTTON_HEIGHT = 14, 20
_MANY = 5
"""So many models are shown in lines without space between them."""
_LONG_NAME = "Mask R-CNN (2)"
"""A model's name that shall fit: without it nobody knows whose answer is taken."""
_LONG_CLASS = "n\u2026 100 %"
"""What shall be seen of a class and its share."""
_HINT = "Click a region to go there and take an answer."


class AnswersView(QWidget):
    """One line a model: its name, its class, whether the annotation says so, and Take.

    Signals:
        asked: Key of the run whose answer shall be taken.
    """

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.hint = FaintLabel(_HINT)
        self._lines = QWidget()
        self._grid = QGridLayout(self._lines)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(4)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(2, 4)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 3, 8, 6)
        column.addWidget(self.hint)
        column.addWidget(self._lines)
        self.answers: dict[str, AnswerLine] = {}
        self._shown: tuple[object, ...] = ()

    def show_region(
        self,
        disputes: Disputes | None,
        region: DisputedRegion | None,
        state: DisagreementState,
        schema: LabelSchema,
    ) -> None:
        """Show who says what of a region, or how to choose one."""
        self.hint.setVisible(disputes is not None and region is None)
        self._lines.setVisible(disputes is not None and region is not None)
        if disputes is None or region is None:
            self._shown = ()
            return
        if (disputes, region, schema) != self._shown:
            self._shown = (disputes, region, schema)
            self._fill(disputes, region, schema)
        shares = state.agreement.get(region.number, ())
        for number, line in enumerate(self.answers.values()):
            line.show_share(shares[number] if shares else None)

    def _fill(self, disputes: Disputes, region: DisputedRegion, schema: LabelSchema) -> None:
        if tuple(self.answers) != disputes.runs:
            for line in self.answers.values():
                line.discard()
            self.answers = {}
            names = zip(disputes.titles, short_model_titles(disputes.titles), strict=True)
            for row, (run, (title, short)) in enumerate(zip(disputes.runs, names, strict=True)):
                self.answers[run] = AnswerLine(title, short, self._grid, row)
                self.answers[run].take.clicked.connect(lambda _=False, r=run: self.asked.emit(r))
            self._space(slim=len(disputes.runs) >= _MANY)
        for answer in region.answers:
            for run in answer.runs:
                self.answers[run].show_classes(answer.classes, schema)

    def _space(self, *, slim: bool) -> None:
        """Leave the list above as much room as can be."""
        self._grid.setVerticalSpacing(0 if slim else 2)


class AnswerLine:
    """One model's answer, as cells of a grid."""

    def __init__(self, title: str, short: str, grid: QGridLayout, row: int) -> None:
        self.name = ElidedLabel()
        self.name.show_text(short)
        self.name.setToolTip(plain(title))
        text = self.name.fontMetrics().horizontalAdvance
        self.name.setMinimumWidth(min(text(short), text(_LONG_NAME)) + 1)
        self._square = PlainLabel()
        self.classes = ElidedLabel()  # the share at its end stays
        self.classes.setMinimumWidth(text(_LONG_CLASS))
        self.share = PlainLabel()
        self.share.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.share.setMinimumWidth(self.share.fontMetrics().horizontalAdvance("100 %"))
        self.share.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.take = QPushButton("Take")
        self.take.setAutoDefault(False)
        self.take.setProperty("slim", True)
        self.take.setFixedHeight(_BUTTON_HEIGHT)
        self.take.setMaximumWidth(text("Take") + 18)
        self.take.setAccessibleName(f"Take from {title}")
        self.take.setToolTip(
            plain(f"Make what {title} says of this region the annotation; can be undone")
        )
        self._cells = (self.name, self._square, self.classes, self.share, self.take)
        for column, cell in enumerate(self._cells):
            grid.addWidget(cell, row, column)

    def show_classes(self, classes: tuple[tuple[int, float], ...], schema: LabelSchema) -> None:
        spec = schema.get(classes[0][0])
        color = QColor(*(UNKNOWN if spec is None else spec.color))
        self._square.setPixmap(swatch(color).pixmap(QSize(_SWATCH, _SWATCH)))
        whole = classes_text(classes, schema)
        self.classes.show_text(whole if len(classes) == 1 else whole.split(",")[0])
        self.classes.setToolTip(plain(whole))

    def show_share(self, share: float | None) -> None:
        """Show on how much of the region the annotation says the same; None if nothing is known."""
        text = "" if share is None else f"{100 * share:.0f} %"
        self.share.setText(text)
        self.share.setToolTip(
            "" if share is None else f"The annotation says the same on {text} of the region"
        )
        self.take.setEnabled(share is None or share < 1.0)

    def discard(self) -> None:
        for cell in self._cells:
            cell.hide()
            cell.deleteLater()


def classes_text(classes: tuple[tuple[int, float], ...], schema: LabelSchema) -> str:
    """The classes of a region in words; shares where there are several."""
    if len(classes) == 1:
        return schema.name_of(classes[0][0])
    shown = [f"{schema.name_of(i)} {100 * share:.0f} %" for i, share in classes[:3]]
    return ", ".join(shown) + (", …" if len(classes) > 3 else "")
