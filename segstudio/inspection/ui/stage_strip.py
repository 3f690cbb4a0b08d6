"""Small pictures of all stages, as many beside each other as fit; a click or an arrow key opens one."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QHelpEvent,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from segstudio.core.labels import Image
from segstudio.kit.elided import fitting
from segstudio.kit.focus_ring import FocusRing
from segstudio.kit.pixmaps import as_qimage
from segstudio.kit.plain import plain

PICTURE_PX = 96
_GAP, _LINE = 8, 16


class StageStrip(QWidget):
    """Pictures with the stages' names below.

    Signals:
        chosen: Id of the stage that was clicked, or that an arrow key led to.
    """

    chosen = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._pictures: dict[str, QImage] = {}
        self._opened = ""
        self.setAccessibleName("Grad-CAM of every stage")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # until it shows something
        FocusRing(self)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    @property
    def stages(self) -> tuple[str, ...]:
        return tuple(self._pictures)

    @property
    def opened(self) -> str:
        """The stage that is marked as the opened one, "" for none."""
        return self._opened

    def show_pictures(self, pictures: Mapping[str, Image]) -> None:
        """Show other pictures, (h, w, 3) uint8 RGB of one size by stage."""
        self._pictures = {stage: as_qimage(array) for stage, array in pictures.items()}
        self.setAccessibleDescription(", ".join(self._pictures))
        reached = Qt.FocusPolicy.TabFocus if pictures else Qt.FocusPolicy.NoFocus
        self.setFocusPolicy(reached)
        self.updateGeometry()
        self.update()

    def show_opened(self, stage: str) -> None:
        if stage != self._opened:
            self._opened = stage
            self.update()

    def place_of(self, stage: str) -> QRect:
        """Where a stage's picture lies."""
        return self._cells()[stage]

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        """As many rows as the pictures need at this width."""
        if not self._pictures:
            return 0
        cell = self._cell()
        columns = max(1, (width + _GAP) // (cell.width() + _GAP))
        rows = -(-len(self._pictures) // columns)
        return rows * (cell.height() + _GAP)

    def sizeHint(self) -> QSize:
        return QSize(3 * PICTURE_PX, self.heightForWidth(max(self.width(), 3 * PICTURE_PX)))

    def minimumSizeHint(self) -> QSize:
        """One picture wide."""
        if not self._pictures:
            return QSize(PICTURE_PX, 0)
        return QSize(PICTURE_PX, self.heightForWidth(max(self.width(), PICTURE_PX)))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Another width may need another height."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.updateGeometry()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        stage = self._at(event.position().toPoint())
        if event.button() == Qt.MouseButton.LeftButton and stage:
            self.chosen.emit(stage)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """The press has said it all."""
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """The arrows open the stage beside, above or below the opened one."""
        down = self._columns() if self._pictures else 0
        step = {
            Qt.Key.Key_Left: -1,
            Qt.Key.Key_Right: 1,
            Qt.Key.Key_Up: -down,
            Qt.Key.Key_Down: down,
        }.get(Qt.Key(event.key()))
        if step is None or not self._pictures:
            super().keyPressEvent(event)
            return
        stages = self.stages
        if self._opened not in stages:
            self.chosen.emit(stages[0])
            return
        there = stages.index(self._opened) + step
        if 0 <= there < len(stages):
            self.chosen.emit(stages[there])

    def event(self, event: QEvent) -> bool:
        """Tell the whole name where it is cut."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            stage = self._at(event.pos())
            QToolTip.showText(
                event.globalPos(), plain(stage), self
            ) if stage else QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        metrics = painter.fontMetrics()
        for stage, cell in self._cells().items():
            if not cell.intersects(event.rect()):
                continue
            image = self._pictures[stage]
            painter.drawImage(cell.topLeft(), image)
            if stage == self._opened:
                painter.setPen(QPen(self.palette().color(QPalette.ColorRole.Accent), 2))
                painter.drawRect(QRect(cell.topLeft(), image.size()).adjusted(1, 1, -1, -1))
            painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
            line = QRect(cell.left(), cell.top() + image.height(), cell.width(), _LINE)
            text = fitting(metrics, stage, cell.width())
            painter.drawText(line, Qt.AlignmentFlag.AlignCenter, text)
        painter.end()

    def _at(self, point: QPoint) -> str:
        return next((s for s, cell in self._cells().items() if cell.contains(point)), "")

    def _cell(self) -> QSize:
        size = next(iter(self._pictures.values())).size()
        return QSize(max(size.width(), PICTURE_PX // 2), size.height() + _LINE)

    def _columns(self) -> int:
        """How many pictures stand beside each other."""
        return max(1, (self.width() + _GAP) // (self._cell().width() + _GAP))

    def _cells(self) -> dict[str, QRect]:
        if not self._pictures:
            return {}
        cell = self._cell()
        columns = self._columns()
        return {
            stage: QRect(
                (index % columns) * (cell.width() + _GAP),
                (index // columns) * (cell.height() + _GAP),
                cell.width(),
                cell.height(),
            )
            for index, stage in enumerate(self._pictures)
        }
