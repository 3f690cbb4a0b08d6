"""A small card over the picture: which layer is shown, and what its colours mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent

from segstudio.canvas.corner_card import CornerCard
from segstudio.canvas.over_photo import outlined_layer
from segstudio.canvas.overlay import second_prediction, shown_layer, shown_prediction
from segstudio.core.difference import (
    AGREE,
    DIFFERENCE_COLORS,
    DIFFERENCE_NAMES,
    ONLY_PREDICTION,
    ONLY_REFERENCE,
    WRONG_CLASS,
)
from segstudio.core.prediction import Prediction
from segstudio.core.render import confidence_table, entropy_table
from segstudio.kit.model_titles import short_model_titles
from segstudio.session.document import Document
from segstudio.session.inspection import OverPhoto, OverPhotoHeat
from segstudio.session.session import Layer, OverlayStyle, ViewState

if TYPE_CHECKING:
    from segstudio.canvas.viewport import Viewport

_GROUND, _TEXT = QColor(20, 20, 20, 185), QColor(245, 245, 245)
_PAD, _SWATCH, _GAP = 7, 10, 5
_CORNERS = (("top", "left"), ("top", "right"), ("bottom", "left"), ("bottom", "right"))
_WITHOUT_RUN = {
    Layer.NONE: "Photo only",
    Layer.ANNOTATION: "Annotation",
    Layer.ORIGINAL: "Original",
}
_NAMES = {Layer.MODELS: "Difference of models"}


@dataclass(frozen=True)
class Legend:
    """What the chip says.

    Attributes:
        text: The layer.
        names: What of the text are names of models, which may be shortened.
        entries: (colour, meaning) of the layer's colours; empty where the classes' own are used.
        missing: Whether it says why nothing is shown.
    """

    text: str
    names: tuple[str, ...] = ()
    entries: tuple[tuple[tuple[int, int, int], str], ...] = ()
    missing: bool = False


def legend(
    document: Document,
    view: ViewState,
    over: OverPhoto | None = None,
    silent: frozenset[str] = frozenset(),
) -> Legend:
    """What is shown over the photo, in words.

    Args:
        document: The open image.
        view: What is shown of it.
        over: What the inspector lays there.
        silent: Runs that have no vote where the models disagree.
    """
    if not view.overlay_visible:
        return Legend("Overlay hidden", missing=True)
    if over is not None:
        return Legend(_outlined(document, view, over))
    return _of_layer(document, view, silent)


def _of_layer(document: Document, view: ViewState, silent: frozenset[str]) -> Legend:
    """What the shown layer is."""
    layer = shown_layer(document, view)
    if layer in _WITHOUT_RUN:
        return Legend(_WITHOUT_RUN[layer])
    if layer is Layer.DISAGREEMENT:
        return _of_disagreement(len(document.predictions.keys() - silent))
    prediction = shown_prediction(document, view)
    if prediction is None:
        name = _NAMES.get(layer, layer.capitalize())
        return Legend(f"{name}: no prediction yet", missing=True)
    if layer is Layer.MODELS:
        return _of_models(document, prediction, second_prediction(document, view))
    return _of_run(layer, prediction.title, view.style)


def _of_run(layer: Layer, title: str, style: OverlayStyle) -> Legend:
    """A layer of one prediction."""
    if layer is Layer.BOTH:
        how = "outlined" if style is OverlayStyle.OUTLINE else "filled"
        return Legend(f"Annotation {how}, {title} dashed", (title,))
    if layer is Layer.DIFFERENCE:
        entries = tuple(
            (color, DIFFERENCE_NAMES[code]) for code, color in DIFFERENCE_COLORS.items()
        )
    else:
        make = _ENTRIES.get(layer)
        entries = () if make is None else make()
    return Legend(f"{layer.capitalize()}: {title}", (title,), entries)


def _outlined(document: Document, view: ViewState, over: OverPhoto) -> str:
    """Whose outlines lie over what the inspector shows."""
    if not isinstance(over, OverPhotoHeat):
        return (
            "Network filled, annotation dashed"
            if document.has_reference
            else "Classes of the network"
        )
    layer = outlined_layer(document, shown_layer(document, view))
    if layer is None:
        return "Photo with the inspector's values"
    return f"{layer.capitalize()} outlined"


def _of_models(document: Document, first: Prediction, second: Prediction | None) -> Legend:
    if second is None:
        return Legend("Difference of models: only one prediction", missing=True)
    others = [p.title for p in document.predictions.values() if p is not first and p is not second]
    names = short_model_titles([first.title, second.title], others)
    meanings = {
        AGREE: "agree",
        ONLY_PREDICTION: f"only {names[0]}",
        ONLY_REFERENCE: f"only {names[1]}",
        WRONG_CLASS: "other class",
    }
    entries = tuple((DIFFERENCE_COLORS[code], text) for code, text in meanings.items())
    titles = (first.title, second.title)
    return Legend(" against ".join(titles), titles, entries)


def _of_disagreement(count: int) -> Legend:
    if count < 2:
        return Legend("Disagreement: needs two predictions", missing=True)
    return Legend("Disagreement of the models", (), _entropy_entries("weak", "medium", "strong"))


def _entropy_entries(
    low: str = "0.25", half: str = "0.5", highest: str = "undecided"
) -> tuple[tuple[tuple[int, int, int], str], ...]:
    table = entropy_table(1.0)
    levels = ((table[64], low), (table[128], half), (table[255], highest))
    return tuple(((int(r), int(g), int(b)), text) for (r, g, b, _), text in levels)


def _confidence_entries() -> tuple[tuple[tuple[int, int, int], str], ...]:
    table = confidence_table(1.0)
    return tuple(
        ((int(r), int(g), int(b)), text)
        for (r, g, b, _), text in ((table[191], "0.75"), (table[128], "0.5 or less"))
    )


_ENTRIES = {Layer.CONFIDENCE: _confidence_entries, Layer.ENTROPY: _entropy_entries}


class LayerChip(CornerCard):
    """Shows a legend; lets the mouse through."""

    def __init__(self, picture: Viewport) -> None:
        super().__init__(picture, _CORNERS, _GROUND)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Shown layer")
        self._legend = Legend("")
        self.fit()

    @property
    def legend(self) -> Legend:
        return self._legend

    def show_legend(self, shown: Legend) -> None:
        """Say something else."""
        if shown != self._legend:
            self._legend = shown
            self.setAccessibleDescription(shown.text)
            self.fit()
            self.update()

    def _lines(self) -> list[Legend]:
        """What it says, in as many lines as the width of the picture asks for."""
        room = self.room
        if self._width(self._legend) <= room:
            return [self._legend]
        lines = [Legend(self._shortened(room - 2 * _PAD))] if self._legend.text else []
        metrics = QFontMetrics(self.font())
        row = Legend("")
        for color, meaning in self._legend.entries:
            most = room - 2 * _PAD - _SWATCH - _GAP
            entry = (color, metrics.elidedText(meaning, Qt.TextElideMode.ElideMiddle, most))
            longer = Legend("", entries=(*row.entries, entry))
            if row.entries and self._width(longer) > room:
                lines.append(row)
                longer = Legend("", entries=(entry,))
            row = longer
        return [*lines, row] if row.entries else lines

    def _shortened(self, room: int) -> str:
        """The text in so many pixels: names lose their middles, what is said of them stays."""
        metrics, text = QFontMetrics(self.font()), self._legend.text
        for place, name in enumerate(self._legend.names):
            width = metrics.horizontalAdvance(name)
            over = metrics.horizontalAdvance(text) - room
            # what is too much is shared among the names that are still whole
            share = -(-over // (len(self._legend.names) - place))
            if over > 0:
                mode = Qt.TextElideMode.ElideMiddle
                text = text.replace(name, metrics.elidedText(name, mode, width - share), 1)
        return metrics.elidedText(text, Qt.TextElideMode.ElideMiddle, room)

    def _width(self, line: Legend) -> int:
        metrics = QFontMetrics(self.font())
        width = 2 * _PAD + metrics.horizontalAdvance(line.text)
        for _, meaning in line.entries:
            width += 2 * _GAP + _SWATCH + _GAP + metrics.horizontalAdvance(meaning)
        return width if line.text else width - 2 * _GAP

    def sizeHint(self) -> QSize:
        lines = self._lines()
        height = QFontMetrics(self.font()).height() * len(lines) + _PAD
        return QSize(max(self._width(line) for line in lines), height)

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        painter = QPainter(self)
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
