"""The images of the work queue as tiles: thumbnail, name, why it is there."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QObject,
    QPersistentModelIndex,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QFont, QPainter, QPalette, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.core.formatting import percent_text, ratio_text
from segstudio.core.text import printable
from segstudio.kit.plain import plain
from segstudio.metrics.tally import lead_name
from segstudio.session.queue_state import QueueKind, QueueState
from segstudio.session.session import Session
from segstudio.storage.image_ref import image_of

IMAGE_ROLE = int(Qt.ItemDataRole.UserRole)
VALUE_ROLE = IMAGE_ROLE + 1
TILE = QSize(132, 124)
THUMB = QSize(120, 80)
_EDGE = 6
_WORDS = {
    QueueKind.LOWEST_IOU: "{}",
    QueueKind.DISAGREEMENT: "{} disagreement",
    QueueKind.UNCERTAINTY: "{} uncertainty",
    QueueKind.SUSPICION: "{} of the pixels: surely something else, says the model",
}
_Index = QModelIndex | QPersistentModelIndex


def value_text(kind: QueueKind, value: float) -> str:
    """The figure that an image is in the queue for."""
    return ratio_text(value) if kind is QueueKind.LOWEST_IOU else percent_text(value)


class QueueModel(QAbstractListModel):
    """The images that wait, in the queue's order."""

    def __init__(self, session: Session, title_of: Callable[[int], str], parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._title_of = session, title_of
        self._queue = QueueState()
        self._rows: dict[int, int] = {}

    def reload(self) -> None:
        """Take over the session's queue; rows that left are removed one by one if they are few."""
        old, new = self._queue, self._session.queue
        kept = set(new.images)
        gone = [row for row, image in enumerate(old.images) if image not in kept]
        rest = tuple(image for image in old.images if image in kept)
        if rest == new.images and len(gone) <= 2:
            for row in reversed(gone):
                self.beginRemoveRows(QModelIndex(), row, row)
                images = list(self._queue.images)
                values = list(self._queue.values)
                del images[row], values[row]
                self._queue = QueueState(new.kind, new.run, tuple(images), tuple(values))
                self.endRemoveRows()
            self._queue = new
            if new.images:
                self.dataChanged.emit(self.index(0), self.index(len(new.images) - 1))
        else:
            self.beginResetModel()
            self._queue = new
            self.endResetModel()
        self._rows = {image: row for row, image in enumerate(new.images)}

    def image_at(self, row: int) -> int:
        """The image of a row, -1 if there is none."""
        images = self._queue.images
        return images[row] if 0 <= row < len(images) else -1

    def row_of(self, image: int) -> int:
        """The row of an image, -1 if it does not wait."""
        return self._rows.get(image, -1)

    def repaint(self, image: int) -> None:
        """An image's thumbnail is there now."""
        row = self.row_of(image)
        if row >= 0:
            self.dataChanged.emit(self.index(row), self.index(row))

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._queue.images)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        row, project = index.row(), self._session.project
        image = self.image_at(row)
        if image < 0 or project is None or image_of(image) >= len(project.images):
            return None
        kind, value = self._queue.kind, self._queue.values[row]
        name = printable(self._title_of(image))
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain(f"{name}\n{self._words(kind, value)}")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{name}, {self._words(kind, value)}"
        if role == IMAGE_ROLE:
            return image
        return value_text(kind, value) if role == VALUE_ROLE else None

    def _words(self, kind: QueueKind, value: float) -> str:
        text = _WORDS[kind].format(value_text(kind, value))
        return f"{lead_name(self._session.schema)} {text}" if kind is QueueKind.LOWEST_IOU else text


class QueueDelegate(QStyledItemDelegate):
    """Draws tiles of one size; asks for nothing, so that scrolling stays quick."""

    def __init__(
        self, session: Session, pixmap_of: Callable[[int], QPixmap | None], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._session, self._pixmap_of = session, pixmap_of

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:
        return TILE

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        """Draw one tile; the open image is framed."""
        image = index.data(IMAGE_ROLE)
        if image is None:
            return
        box, palette = QRect(option.rect), option.palette
        painter.save()
        is_open = image == self._session.index
        state = QStyle.StateFlag
        if option.state & (state.State_MouseOver | state.State_HasFocus):
            painter.fillRect(box, palette.color(QPalette.ColorRole.Midlight))
        if is_open:
            self._paint_frame(painter, box, palette)
        thumb = QRect(box.left() + _EDGE, box.top() + _EDGE, THUMB.width(), THUMB.height())
        self._paint_thumbnail(painter, thumb, palette, image)
        text = box.adjusted(_EDGE, _EDGE + THUMB.height() + 3, -_EDGE, -2)
        self._paint_text(painter, text, palette, index)
        painter.restore()

    def _paint_frame(self, painter: QPainter, box: QRect, palette: QPalette) -> None:
        pen = painter.pen()
        pen.setColor(palette.color(QPalette.ColorRole.Accent))
        pen.setWidth(2)
        painter.setPen(pen)
        painter.drawRect(box.adjusted(1, 1, -1, -1))

    def _paint_thumbnail(
        self, painter: QPainter, place: QRect, palette: QPalette, image: int
    ) -> None:
        pixmap = self._pixmap_of(image)
        if pixmap is None or pixmap.isNull():
            painter.fillRect(place, palette.color(QPalette.ColorRole.Midlight))
            return
        size = pixmap.size().scaled(place.size(), Qt.AspectRatioMode.KeepAspectRatio)
        shown = QRect(0, 0, size.width(), size.height())
        shown.moveCenter(place.center())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        painter.drawPixmap(shown, pixmap)

    def _paint_text(self, painter: QPainter, text: QRect, palette: QPalette, index: _Index) -> None:
        value = str(index.data(VALUE_ROLE))
        font = QFont(painter.font())
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(palette.color(QPalette.ColorRole.Text))
        flags = Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop
        height = painter.fontMetrics().height()
        painter.drawText(text, flags, value)
        font.setBold(False)
        painter.setFont(font)
        painter.setPen(palette.color(QPalette.ColorRole.PlaceholderText))
        metrics = painter.fontMetrics()
        name = metrics.elidedText(
            str(index.data(Qt.ItemDataRole.DisplayRole)),
            Qt.TextElideMode.ElideMiddle,
            text.width(),
        )
        painter.drawText(text.adjusted(0, height, 0, 0), flags, name)
