"""The classes at a pixel: name, score, probability as a bar; a click asks about a class."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.core.formatting import percent_text
from segstudio.inspection.explanations import ClassValue
from segstudio.kit.focus_ring import FocusRing

MOST = 6
"""How many classes are shown; the one asked about is always among them."""
_ROW, _PAD, _SWATCH, _NUMBER = 22, 6, 10, 58


class ClassBars(QWidget):
    """Rows by falling probability.

    Signals:
        chosen: Id of the class that was clicked.
    """

    chosen = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._rows: tuple[ClassValue, ...] = ()
        self._colours: dict[int, QColor] = {}
        self._asked = -1
        self.setAccessibleName("Classes at the pinned pixel")
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        FocusRing(self)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Click a class to ask why it is (or is not) the answer here")

    @property
    def rows(self) -> tuple[ClassValue, ...]:
        return self._rows

    def show_classes(
        self, classes: tuple[ClassValue, ...], colours: dict[int, QColor], asked: int
    ) -> None:
        """Show other classes; `asked` is the one that is asked about."""
        rows = classes[:MOST]
        if all(row.id != asked for row in rows):
            rows = (*rows[: MOST - 1], *(row for row in classes[MOST:] if row.id == asked))
        before = len(self._rows)
        self._rows, self._colours, self._asked = rows, colours, asked
        described = (f"{row.name} {percent_text(row.probability)}" for row in rows)
        self.setAccessibleDescription(", ".join(described))
        if len(rows) != before:
            self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        """One line a class."""
        return QSize(220, _ROW * max(1, len(self._rows)))

    def minimumSizeHint(self) -> QSize:
        """Narrow, but all lines."""
        return QSize(150, self.sizeHint().height())

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Ask about the class under the pointer."""
        index = int(event.position().y()) // _ROW
        if event.button() == Qt.MouseButton.LeftButton and index < len(self._rows):
            self.chosen.emit(self._rows[index].id)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The press has said it all."""
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and down ask about the neighbours."""
        step = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}.get(Qt.Key(event.key()))
        if step is None or not self._rows:
            super().keyPressEvent(event)
            return
        ids = [row.id for row in self._rows]
        here = ids.index(self._asked) if self._asked in ids else 0
        self.chosen.emit(ids[min(max(here + step, 0), len(ids) - 1)])

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show that keys go here."""
        super().focusInEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for index, row in enumerate(self._rows):
            self._paint_row(painter, QRect(0, index * _ROW, self.width(), _ROW), row)
        painter.end()

    def _paint_row(self, painter: QPainter, box: QRect, row: ClassValue) -> None:
        palette = self.palette()
        asked = row.id == self._asked
        if asked:
            ground = palette.color(QPalette.ColorRole.Highlight)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(ground)
            painter.drawRoundedRect(QRectF(box).adjusted(0, 1, 0, -1), 3, 3)
        colour = self._colours.get(row.id, QColor(128, 128, 128))
        middle = box.center().y() + 1
        swatch = QRect(_PAD, middle - _SWATCH // 2, _SWATCH, _SWATCH)
        painter.fillRect(swatch, colour)
        painter.setPen(QColor(128, 128, 128))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(swatch)
        room = box.width() - swatch.right() - 3 * _PAD - 2 * _NUMBER
        name_width = max(48, room // 2)
        left = swatch.right() + _PAD
        painter.setPen(palette.color(QPalette.ColorRole.WindowText))
        metrics = painter.fontMetrics()
        name = metrics.elidedText(row.name, Qt.TextElideMode.ElideRight, name_width)
        middle_left = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft
        middle_right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRect(left, box.top(), name_width, _ROW), middle_left, name)
        bar_left = left + name_width + _PAD
        bar_width = max(0, box.width() - bar_left - 2 * _NUMBER - _PAD)
        track = QRectF(bar_left, middle - 4, bar_width, 8)
        faint = palette.color(QPalette.ColorRole.Mid)
        painter.fillRect(track, faint)
        filled = QRectF(track)
        filled.setWidth(track.width() * row.probability)
        painter.fillRect(filled, palette.color(QPalette.ColorRole.Accent))
        numbers = QRect(box.right() - 2 * _NUMBER, box.top(), _NUMBER, _ROW)
        painter.drawText(numbers, middle_right, percent_text(row.probability))
        if row.logit is not None:
            painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
            text = f"{row.logit:+.2f}".replace("-", "\u2212")
            painter.drawText(numbers.translated(_NUMBER - _PAD, 0), middle_right, text)
