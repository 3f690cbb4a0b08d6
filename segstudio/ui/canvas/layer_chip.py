"""A small label in the picture's corner: which layer is shown, and what its colours mean."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QObject, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from segstudio.core.difference import DIFFERENCE_COLORS, DIFFERENCE_NAMES
from segstudio.core.render import confidence_table
from segstudio.session.document import Document
from segstudio.session.inspection import Heat, OverPhoto
from segstudio.session.session import Layer, ViewState
from segstudio.ui.canvas.over_photo import outlined_layer
from segstudio.ui.canvas.overlay import shown_layer, shown_prediction

_GROUND, _TEXT = QColor(20, 20, 20, 185), QColor(245, 245, 245)
_PAD, _SWATCH, _GAP = 7, 10, 5


@dataclass(frozen=True)
class Legend:
    """What the chip says.

    Attributes:
        text: The layer.
        entries: (colour, meaning) of the layer's colours; empty where the classes' own are used.
    """

    text: str
    entries: tuple[tuple[tuple[int, int, int], str], ...] = ()


def legend(document: Document, view: ViewState, over: OverPhoto | None = None) -> Legend:
    """What is shown over the photo, in words; `over` is what the inspector lays there."""
    if not view.overlay_visible:
        return Legend("Overlay hidden")
    if over is not None:
        return Legend(_outlined(document, view, over))
    return _of_layer(document, view)


def _of_layer(document: Document, view: ViewState) -> Legend:
    """What the shown layer is."""
    layer = shown_layer(document, view)
    prediction = shown_prediction(document, view)
    title = "" if prediction is None else prediction.title
    if layer is Layer.NONE:
        return Legend("Photo only")
    if layer is Layer.ANNOTATION:
        return Legend("Annotation")
    if prediction is None:
        return Legend(f"{layer.capitalize()}: no prediction yet")
    if layer is Layer.DIFFERENCE:
        entries = tuple(
            (color, DIFFERENCE_NAMES[code]) for code, color in DIFFERENCE_COLORS.items()
        )
        return Legend(f"Difference: {title}", entries)
    if layer is Layer.CONFIDENCE:
        return Legend(f"Confidence: {title}", _confidence_entries())
    if layer is Layer.BOTH:
        return Legend(f"Annotation outlined over {title}")
    return Legend(f"Prediction: {title}")


def _outlined(document: Document, view: ViewState, over: OverPhoto) -> str:
    """Whose outlines lie over what the inspector shows."""
    if not isinstance(over, Heat):
        return "Annotation outlined" if document.has_reference else "Classes of the network"
    layer = outlined_layer(document, shown_layer(document, view))
    if layer is None:
        return "Photo with the inspector's values"
    return f"{layer.capitalize()} outlined"


def _confidence_entries() -> tuple[tuple[tuple[int, int, int], str], ...]:
    table = confidence_table(1.0)
    return tuple(
        ((int(r), int(g), int(b)), text)
        for (r, g, b, _), text in ((table[191], "0.75"), (table[128], "0.5 or less"))
    )


class LayerChip(QWidget):
    """Shows a legend; lets the mouse through."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Shown layer")
        self._legend = Legend("")
        self._picture = parent
        parent.installEventFilter(self)

    @property
    def legend(self) -> Legend:
        """What it says."""
        return self._legend

    def show_legend(self, shown: Legend) -> None:
        """Say something else."""
        if shown != self._legend:
            self._legend = shown
            self.setAccessibleDescription(shown.text)
            self._fit()
            self.update()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Stay inside the picture when it becomes narrower."""
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return False

    def _fit(self) -> None:
        self.resize(self.sizeHint())

    def _lines(self) -> list[Legend]:
        """What it says, in as many lines as the width of the picture asks for."""
        room = self._picture.width() - 2 * self.x()
        if self._width(self._legend) <= room:
            return [self._legend]
        lines, row = [Legend(self._legend.text)], Legend("")
        for entry in self._legend.entries:
            longer = Legend("", (*row.entries, entry))
            if row.entries and self._width(longer) > room:
                lines.append(row)
                longer = Legend("", (entry,))
            row = longer
        return [*lines, row] if row.entries else lines

    def _width(self, line: Legend) -> int:
        metrics = QFontMetrics(self.font())
        width = 2 * _PAD + metrics.horizontalAdvance(line.text)
        for _, meaning in line.entries:
            width += 2 * _GAP + _SWATCH + _GAP + metrics.horizontalAdvance(meaning)
        return width if line.text else width - 2 * _GAP

    def sizeHint(self) -> QSize:
        """The size it would like."""
        lines = self._lines()
        height = QFontMetrics(self.font()).height() * len(lines) + _PAD
        return QSize(max(self._width(line) for line in lines), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw what is asked for."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_GROUND)
        painter.drawRoundedRect(QRectF(self.rect()), 5, 5)
        row_height = painter.fontMetrics().height()
        for number, line in enumerate(self._lines()):
            self._paint_line(painter, line, _PAD // 2 + number * row_height, row_height)
        painter.end()

    def _paint_line(self, painter: QPainter, line: Legend, top: int, height: int) -> None:
        x = _PAD if line.text else _PAD - 2 * _GAP
        x += self._text(painter, QRect(x, top, self.width(), height), line.text)
        for color, meaning in line.entries:
            x += 2 * _GAP
            swatch_top = top + (height - _SWATCH) // 2
            painter.fillRect(x, swatch_top, _SWATCH, _SWATCH, QColor(*color))
            x += _SWATCH + _GAP
            x += self._text(painter, QRect(x, top, self.width(), height), meaning)

    def _text(self, painter: QPainter, box: QRect, text: str) -> int:
        painter.setPen(_TEXT)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, text)
        return painter.fontMetrics().horizontalAdvance(text)
