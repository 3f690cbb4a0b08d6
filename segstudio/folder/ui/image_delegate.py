"""How a row of the image list is drawn: thumbnail, name, the sign of its state, score."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.core.formatting import counted
from segstudio.core.short_names import elided_middle
from segstudio.folder.browsing import Browsing
from segstudio.folder.ui.image_list_rows import IMAGE_ROLE, NOTE_SIGN, SIGNS, ImagesModel, Order
from segstudio.kit.focus_ring import KeyUse, draw_ring
from segstudio.kit.icons import tinted
from segstudio.kit.theme import tokens_of
from segstudio.session.session import ImageState, Session

ROW_HEIGHT = 52
THUMB = 40
_MARGIN, _SIGN, _EDGE = 8, 14, 3
_LEFT, _RIGHT = Qt.AlignmentFlag.AlignLeft, Qt.AlignmentFlag.AlignRight
_MIDDLE = Qt.AlignmentFlag.AlignVCenter


class ImagesView(QListView):
    """A list that knows whether it is used with the keyboard: its current row has a ring then."""

    def __init__(self) -> None:
        super().__init__()
        self.use = KeyUse(self)

    def dataChanged(
        self,
        first: QModelIndex | QPersistentModelIndex,
        last: QModelIndex | QPersistentModelIndex,
        _roles: Sequence[int] = (),
    ) -> None:
        """Draw these rows anew; Qt would lay all rows out, though they are of one height."""
        upper, lower = self.visualRect(first), self.visualRect(last)
        if upper.isValid() and lower.isValid():
            self.viewport().update(upper.united(lower))
        else:
            self.viewport().update()


class ImageDelegate(QStyledItemDelegate):
    """Draws rows of one height; asks for nothing, so that scrolling stays quick."""

    def __init__(
        self,
        session: Session,
        browsing: Browsing,
        model: ImagesModel,
        pixmap_of: Callable[[int], QPixmap | None],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self._session, self._browsing = session, browsing
        self._model, self._pixmap_of = model, pixmap_of

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        two_lines = 2 * option.fontMetrics.height() + _MARGIN
        return QSize(THUMB + 2 * _MARGIN, max(ROW_HEIGHT, two_lines))

    def paint(
        self,
        painter: QPainter,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> None:
        image = int(index.data(IMAGE_ROLE))
        box: QRect = option.rect
        palette: QPalette = option.palette
        painter.save()
        self._paint_ground(painter, option, image)
        thumb = QRect(0, 0, THUMB, THUMB)
        thumb.moveCenter(box.center())
        thumb.moveLeft(box.left() + _MARGIN)
        self._paint_thumbnail(painter, thumb, palette, image)
        line = max(option.fontMetrics.height(), _SIGN)
        upper = QRect(thumb.right() + 1 + _MARGIN, 0, 0, line)
        upper.setRight(box.right() - _MARGIN)
        lower = QRect(upper)
        upper.moveBottom(box.center().y())
        lower.moveTop(upper.bottom() + 2)
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        name = self._model.shared.own(str(index.data(Qt.ItemDataRole.DisplayRole)))
        metrics = painter.fontMetrics()
        shown = elided_middle(name, upper.width(), metrics.horizontalAdvance)
        painter.drawText(upper, _MIDDLE | _LEFT | Qt.TextFlag.TextSingleLine, shown)
        state = self._session.state(image)
        sign = SIGNS[state.work]
        self._paint_icon(painter, lower, _LEFT, sign.icon, sign.token, palette)
        if state.note:
            beside = lower.adjusted(_SIGN + _MARGIN // 2, 0, 0, 0)
            self._paint_icon(painter, beside, _LEFT, NOTE_SIGN.icon, NOTE_SIGN.token, palette)
        self._paint_score(painter, lower, palette, image, state)
        painter.restore()

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem, image: int) -> None:
        """Tinted where selected, so that colours stay true; an accent at the edge of the open one."""
        box, palette, flags = option.rect, option.palette, QStyle.StateFlag
        accent = palette.color(QPalette.ColorRole.Accent)
        if option.state & flags.State_Selected:
            painter.fillRect(box, palette.color(QPalette.ColorRole.Highlight))
        elif option.state & flags.State_MouseOver:
            painter.fillRect(box, palette.color(QPalette.ColorRole.Midlight))
        if image == self._browsing.cursor:
            painter.fillRect(QRect(box.left(), box.top(), _EDGE, box.height()), accent)
        view = option.widget
        has_focus = option.state & flags.State_HasFocus
        if has_focus and isinstance(view, ImagesView) and view.use.by_keys:
            draw_ring(painter, box, palette)

    def _paint_thumbnail(
        self, painter: QPainter, place: QRect, palette: QPalette, image: int
    ) -> None:
        pixmap = self._pixmap_of(image)
        if pixmap is None:
            painter.fillRect(place, palette.color(QPalette.ColorRole.Midlight))
            return
        if pixmap.isNull():
            painter.fillRect(place, palette.color(QPalette.ColorRole.Midlight))
            centred = Qt.AlignmentFlag.AlignHCenter
            self._paint_icon(painter, place, centred, "triangle-alert", "warn", palette, 20)
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(place, pixmap, _middle_square(pixmap.size()))

    def _paint_score(
        self, painter: QPainter, place: QRect, palette: QPalette, image: int, state: ImageState
    ) -> None:
        """The score at the right, or a sign that there is a prediction which has none.

        Where the list is in the order of errors it is their number.
        """
        errors = self._model.errors_of(image) if self._model.wish.order is Order.ERRORS else None
        if errors is not None:
            painter.drawText(place, _MIDDLE | _RIGHT, counted(errors, "error"))
            return
        score = self._model.score_of(image)
        if not math.isnan(score):
            text = f"{score:.3f}"
            painter.drawText(place, _MIDDLE | _RIGHT, text)
            if self._model.says_little(image):
                before = place.adjusted(0, 0, -painter.fontMetrics().horizontalAdvance(text) - 4, 0)
                self._paint_icon(painter, before, _RIGHT, "triangle-alert", "warn", palette)
        elif state.runs:
            self._paint_icon(painter, place, _RIGHT, "sparkles", "text_2", palette)

    def _paint_icon(
        self,
        painter: QPainter,
        place: QRect,
        side: Qt.AlignmentFlag,
        icon: str,
        token: str,
        palette: QPalette,
        px: int = _SIGN,
    ) -> None:
        device = painter.device()
        ratio = device.devicePixelRatioF() if device is not None else 1.0
        color = QColor(getattr(tokens_of(palette), token))
        at = QStyle.alignedRect(
            Qt.LayoutDirection.LeftToRight, side | _MIDDLE, QSize(px, px), place
        )
        painter.drawPixmap(at.topLeft(), tinted(icon, color, px, ratio))


def _middle_square(size: QSize) -> QRect:
    side = min(size.width(), size.height())
    return QRect((size.width() - side) // 2, (size.height() - side) // 2, side, side)
