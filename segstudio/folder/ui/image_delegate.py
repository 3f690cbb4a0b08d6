"""How a row of the image list is drawn: thumbnail, name, state marks, score."""

from __future__ import annotations

import math
from collections.abc import Callable

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.folder.ui.image_list_rows import IMAGE_ROLE, ImagesModel
from segstudio.kit.icons import tinted
from segstudio.kit.theme import tokens_of
from segstudio.session.session import ImageState, Session
from segstudio.storage.image_ref import image_of

ROW_HEIGHT = 54
THUMB_WIDTH, THUMB_HEIGHT = 62, 46
_MARK = 14
_MARKS: tuple[tuple[str, Callable[[ImageState], bool], str], ...] = (
    ("target", lambda s: s.has_truth, "text_2"),
    ("sparkles", lambda s: bool(s.runs), "accent"),
    ("pencil", lambda s: s.edited or s.annotated, "warn"),
    ("circle-check", lambda s: s.reviewed, "good"),
)
"""Icon, when it is shown, its colour."""


class ImageDelegate(QStyledItemDelegate):
    """Draws rows of one height; asks for nothing, so that scrolling stays quick."""

    def __init__(
        self,
        session: Session,
        model: ImagesModel,
        pixmap_of: Callable[[int], QPixmap | None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session, self._model, self._pixmap_of = session, model, pixmap_of

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        return QSize(120, ROW_HEIGHT)

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        image = int(index.data(IMAGE_ROLE))
        box: QRect = option.rect
        palette: QPalette = option.palette
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        if selected:
            painter.fillRect(box, palette.color(QPalette.ColorRole.Highlight))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(box, palette.color(QPalette.ColorRole.Midlight))
        if image == image_of(self._session.index):
            bar = QRect(box.left(), box.top(), 3, box.height())
            painter.fillRect(bar, palette.color(QPalette.ColorRole.Accent))
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        self._paint_thumbnail(painter, box, palette, image, role)
        text = box.adjusted(THUMB_WIDTH + 16, 6, -8, -6)
        painter.setPen(palette.color(role))
        name = str(index.data(Qt.ItemDataRole.DisplayRole))
        shown = fitted_name(name, self._model.ends, painter.fontMetrics(), text.width())
        painter.drawText(text, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, shown)
        self._paint_marks(painter, text, palette, image)
        self._paint_score(painter, text, palette, image, selected)
        painter.restore()

    def _paint_thumbnail(
        self,
        painter: QPainter,
        box: QRect,
        palette: QPalette,
        image: int,
        ink: QPalette.ColorRole,
    ) -> None:
        place = QRect(box.left() + 8, box.top() + 4, THUMB_WIDTH, THUMB_HEIGHT)
        pixmap = self._pixmap_of(image)
        if pixmap is None:
            painter.fillRect(place, palette.color(QPalette.ColorRole.Midlight))
            return
        if pixmap.isNull():
            sign = tinted("triangle-alert", palette.color(ink), 20, 1.0)
            painter.drawPixmap(_centred(place, QSize(20, 20)), sign)
            return
        size = pixmap.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(_centred(place, size), pixmap)

    def _paint_marks(self, painter: QPainter, text: QRect, palette: QPalette, image: int) -> None:
        state = self._session.state(image)
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        x, y = text.left(), text.bottom() - _MARK + 1
        tokens = tokens_of(palette)
        for name, is_so, token in _MARKS:
            if is_so(state):
                color = QColor(getattr(tokens, token))
                painter.drawPixmap(x, y, tinted(name, color, _MARK, ratio))
                x += _MARK + 4

    def _paint_score(
        self, painter: QPainter, text: QRect, palette: QPalette, image: int, selected: bool
    ) -> None:
        score = self._model.score_of(image)
        if math.isnan(score):
            return
        font = QFont(painter.font())
        font.setPixelSize(max(font.pixelSize() - 1, 10))
        painter.setFont(font)
        label = f"{score:.2f}"
        width = painter.fontMetrics().horizontalAdvance("0.00") + 12
        place = QRect(text.right() - width + 1, text.bottom() - 16, width, 17)
        if not selected:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(palette.color(QPalette.ColorRole.Midlight))
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.drawRoundedRect(place, 8, 8)
        role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
        painter.setPen(palette.color(role))
        painter.drawText(place, Qt.AlignmentFlag.AlignCenter, label)


def fitted_name(name: str, ends: tuple[str, str], metrics: QFontMetrics, width: int) -> str:
    """A name in so many pixels: what it has in common with the others goes first.

    Args:
        name: The name.
        ends: What the names in the list begin and end with.
        metrics: Of the font.
        width: In pixels.
    """
    begin, end = ends
    later = f"…{name.removeprefix(begin)}" if begin and name.startswith(begin) else name
    own = f"{later.removesuffix(end)}…" if end and later.endswith(end) else later
    if metrics.horizontalAdvance(name) <= width:
        return name
    if metrics.horizontalAdvance(own) <= width:
        return metrics.elidedText(later, Qt.TextElideMode.ElideRight, width)
    return metrics.elidedText(own, Qt.TextElideMode.ElideMiddle, width)


def _centred(place: QRect, size: QSize) -> QRect:
    rect = QRect(0, 0, size.width(), size.height())
    rect.moveCenter(place.center())
    return rect
