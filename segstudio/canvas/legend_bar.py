"""The legend of the colours over the photo: one for all views, beside the options of the tool."""

from __future__ import annotations

from typing import Final

from PySide6.QtCore import QEvent, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.canvas.over_photo import over_photo_on
from segstudio.canvas.overlay import model_filled
from segstudio.canvas.view_words import Legend, LegendEntry, NamesInViews, legend
from segstudio.comparison.disagreement import silent_runs
from segstudio.core.text import printable
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.plain import plain
from segstudio.kit.theme import tokens_of
from segstudio.session.session import Change, Layer, Session, What

_SWATCH, _GAP, _BETWEEN, _DASH = 12, 6, 12, 22
_HEIGHT: Final = 28
_SHOWN: Final = (
    What.DOCUMENT | What.VIEW | What.PREDICTIONS | What.SCHEMA | What.MODELS | What.TRACE
    | What.OVER_PHOTO | What.DISAGREEMENT | What.PHOTO
)  # fmt: skip


class LegendBar(QWidget):
    """Says what the models of the views have in common, and what the colours mean.

    Where the views show different layers it explains those of the view that was clicked on last.
    Where there is little room it leaves out whole entries, which its tip tells.
    """

    def __init__(self, session: Session, names: NamesInViews) -> None:
        super().__init__()
        self._session, self._names = session, names
        self._legend = Legend()
        self.setAccessibleName("Legend")
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self._refresh = Coalescer(self, self._show)
        session.changed.connect(self._on_change)
        self.hide()  # until it says something; shown without a parent it would be a window
        self._refresh.request()

    @property
    def legend(self) -> Legend:
        return self._legend

    @property
    def shown(self) -> str:
        """The words that there is room for."""
        return " ".join(entry.text for entry in self._fitted())

    def _on_change(self, change: Change) -> None:
        by_labels = change.what & (What.LABELS | What.HISTORY)
        if change.what & _SHOWN or (by_labels and self._shows_writers):
            self._refresh.request()

    @property
    def _shows_writers(self) -> bool:
        return any(pane.layer is Layer.PROVENANCE for pane in self._session.view.all_panes)

    def _show(self) -> None:
        found = self._now()
        if found == self._legend and self.isHidden() == (not self._parts()):
            return
        self._legend = found
        parts = self._parts()
        said = ", ".join(part.text for part in parts)
        self.setAccessibleDescription(said)
        self.setToolTip(plain(said))
        self.setVisible(bool(parts))
        self.updateGeometry()
        self.update()

    def _now(self) -> Legend:
        session = self._session
        document = session.document
        if document is None:
            return self._legend if session.loading else Legend()
        number = min(session.view.active_pane, len(session.view.panes))
        over = over_photo_on(document, session.inspection)
        names = self._names.now
        alone = not session.view.panes
        if over is not None and number == 0:
            return Legend(names.common)
        return legend(
            document, session.view.of_pane(number), names,
            alone=alone, silent=silent_runs(session), model_filled=model_filled(session),
            writers=session.writers,
        )  # fmt: skip

    # -- drawing -------------------------------------------------------------------------------

    def _parts(self) -> list[LegendEntry]:
        """All that it says, captions first."""
        words = [word for word in (self._legend.names, self._legend.caption) if word]
        return [*(LegendEntry(word) for word in words), *self._legend.entries]

    def _fitted(self) -> list[LegendEntry]:
        parts = self._parts()
        while len(parts) > 1 and self._width_of(parts) > self.width():
            del parts[0 if _sign_width(parts[0]) == 0 else -1]
        return parts

    def _width_of(self, parts: list[LegendEntry]) -> int:
        metrics = QFontMetrics(self.font())
        signs = sum(_sign_width(part) for part in parts)
        words = sum(metrics.horizontalAdvance(printable(part.text)) for part in parts)
        return signs + words + _BETWEEN * max(0, len(parts) - 1)

    def sizeHint(self) -> QSize:
        return QSize(self._width_of(self._parts()), _HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """One entry is enough where there is little room."""
        return QSize(self._width_of(self._parts()[-1:]), _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = tokens_of(self.palette())
        x = 0
        for part in self._fitted():
            middle = self.height() / 2
            if part.dashed:
                pen = QPen(QColor(tokens.text), 2, Qt.PenStyle.CustomDashLine)
                pen.setDashPattern([2.5, 1.5])
                pen.setCapStyle(Qt.PenCapStyle.FlatCap)
                painter.setPen(pen)
                painter.drawLine(QPointF(x, middle), QPointF(x + _DASH, middle))
            elif part.color is not None:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(QColor(*part.color))
                top = round(middle - _SWATCH / 2)
                painter.drawRoundedRect(QRect(x, top, _SWATCH, _SWATCH), 3, 3)
            painter.setPen(QColor(tokens.text if _sign_width(part) else tokens.text_2))
            x += _sign_width(part)
            line = QRect(x, 0, self.width(), self.height())
            painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, printable(part.text))
            x += painter.fontMetrics().horizontalAdvance(printable(part.text)) + _BETWEEN
        painter.end()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.FontChange):
            self.updateGeometry()
            self.update()


def _sign_width(part: LegendEntry) -> int:
    """Of what stands before its words; 0 for captions."""
    if part.dashed:
        return _DASH + _GAP
    return 0 if part.color is None else _SWATCH + _GAP
