"""Pictures beside each other, each under its caption, as large as the room allows."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.canvas.picture_group import PictureGroup
from segstudio.canvas.picture_view import PictureView
from segstudio.kit.elided import ElidedLabel

_GAP = 6


class CaptionedPicture(QWidget):
    """A picture with a line above it and a fainter one below."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.title = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.title.show_text(name)
        self.note = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.view = PictureView(name)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addWidget(self.title)
        column.addWidget(self.view, 1)
        column.addWidget(self.note)
        for label in (self.title, self.note):
            label.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter)


class PictureRow(QWidget):
    """Lays its pictures out in the number of columns that makes them largest.

    Attributes:
        group: Zooms, moves and marks all of them together.
    """

    def __init__(self) -> None:
        super().__init__()
        self.group = PictureGroup(self)
        self._cells: list[CaptionedPicture] = []

    @property
    def cells(self) -> tuple[CaptionedPicture, ...]:
        return tuple(cell for cell in self._cells if not cell.isHidden())

    def add(self, cell: CaptionedPicture) -> CaptionedPicture:
        cell.setParent(self)
        self._cells.append(cell)
        self.group.add(cell.view)
        return cell

    def show_cells(self, count: int) -> None:
        """Show the first so many pictures, made if they are not there yet."""
        while len(self._cells) < count:
            self.add(CaptionedPicture(""))
        for number, cell in enumerate(self._cells):
            cell.setVisible(number < count)
        self._arrange()

    def arrange(self) -> None:
        """The pictures may have other proportions now: lay them out anew."""
        self._arrange()

    def sizeHint(self) -> QSize:
        return QSize(420, 180)

    def minimumSizeHint(self) -> QSize:
        return QSize(140, 90)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def _arrange(self) -> None:
        cells = self.cells
        if not cells:
            return
        columns = max(range(1, len(cells) + 1), key=lambda n: self._scale(len(cells), n))
        rows = -(-len(cells) // columns)
        height, width = self._proportion()
        scale = self._scale(len(cells), columns)
        wide = max(cells[0].minimumSizeHint().width(), round(width * scale))
        high = round(height * scale) + self._captions()
        left = max(0, self.width() - columns * (wide + _GAP) + _GAP) // 2
        top = max(0, self.height() - rows * (high + _GAP) + _GAP) // 2
        for number, cell in enumerate(cells):
            row, column = divmod(number, columns)
            cell.setGeometry(left + column * (wide + _GAP), top + row * (high + _GAP), wide, high)

    def _scale(self, count: int, columns: int) -> float:
        """How large a pixel becomes in so many columns."""
        rows = -(-count // columns)
        wide = (self.width() - _GAP * (columns - 1)) / columns
        high = (self.height() - _GAP * (rows - 1)) / rows - self._captions()
        height, width = self._proportion()
        return max(min(wide / width, high / height), 0.0)

    def _captions(self) -> int:
        """Height of the lines above and below a picture."""
        first = self._cells[0]
        lines = [label for label in (first.title, first.note) if not label.isHidden()]
        return sum(label.sizeHint().height() + 1 for label in lines)

    def _proportion(self) -> tuple[int, int]:
        """(height, width) of the first picture there is; the others show the same scene."""
        shapes = (cell.view.shape_hw for cell in self._cells)
        return next((shape for shape in shapes if shape[0]), (1, 1))
