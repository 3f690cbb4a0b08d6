"""The images behind a cell of the confusion matrix, worst first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QGuiApplication, QImage, QPixmap

from segstudio.app.browsing import Browsing
from segstudio.core.formatting import count_text, percent_text
from segstudio.core.labels import Image
from segstudio.core.text import printable
from segstudio.ui.plain import plain

Index = QModelIndex | QPersistentModelIndex
THUMBNAIL_PX: Final = 36
_HEADINGS: Final = ("Image", "Pixels", "Share")
_ROLE: Final = Qt.ItemDataRole
_NAME: Final = int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
_NUMBER: Final = int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)


class ConfusedImages(QAbstractTableModel):
    """Rows of (image, pixels); small pictures come as they are looked at."""

    def __init__(self, browsing: Browsing, parent: QObject) -> None:
        super().__init__(parent)
        self._browsing = browsing
        self._names: Sequence[str] = ()
        self._rows: list[tuple[int, int]] = []
        self._all = 1
        self._pictures: dict[int, QPixmap | None] = {}

    @property
    def rows(self) -> list[tuple[int, int]]:
        """(index of the image, pixels)."""
        return self._rows

    def show_rows(self, rows: list[tuple[int, int]], names: Sequence[str]) -> None:
        """Show other images; their small pictures are kept while the folder stays the same."""
        if rows == self._rows and names is self._names:
            return
        self.beginResetModel()
        if names is not self._names:
            self._pictures.clear()
        self._rows, self._names = rows, names
        self._all = max(1, sum(pixels for _, pixels in rows))
        self.endResetModel()

    def row_of(self, index: int) -> int:
        """The row of an image, -1 if it is not listed."""
        return next((n for n, (i, _) in enumerate(self._rows) if i == index), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(_HEADINGS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == _ROLE.TextAlignmentRole:
            return _NUMBER if section else _NAME
        return _HEADINGS[section] if role == _ROLE.DisplayRole else None

    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        image, pixels = self._rows[index.row()]
        column = index.column()
        if role == _ROLE.DisplayRole:
            share = percent_text(pixels / self._all)
            return (printable(self._names[image]), count_text(pixels), share)[column]
        if role == _ROLE.TextAlignmentRole and column:
            return _NUMBER
        if role == _ROLE.ToolTipRole:
            return plain(
                f"{printable(self._names[image])}\n{count_text(pixels)} pixels, "
                f"{percent_text(pixels / self._all)} of all such pixels\n"
                "Click to go there; click again for the next place"
            )
        if role == _ROLE.DecorationRole and column == 0:
            return self._picture(image)
        return None

    def _picture(self, image: int) -> QPixmap | None:
        if image not in self._pictures:
            self._pictures[image] = None
            self._browsing.thumbnail(image, 2 * THUMBNAIL_PX, self._put)
        return self._pictures[image]

    def _put(self, image: int, picture: Image | None) -> None:
        if picture is None:
            return
        height, width = picture.shape[:2]
        content = QImage(
            picture.data, width, height, picture.strides[0], QImage.Format.Format_RGB888
        )
        ratio = QGuiApplication.primaryScreen().devicePixelRatio()
        side = round(THUMBNAIL_PX * ratio)
        small = QPixmap.fromImage(content).scaled(
            side,
            side,
            Qt.AspectRatioMode.KeepAspectRatio,
            Qt.TransformationMode.SmoothTransformation,
        )
        small.setDevicePixelRatio(ratio)
        self._pictures[image] = small
        row = self.row_of(image)
        if row >= 0:
            where = self.index(row, 0)
            self.dataChanged.emit(where, where, [_ROLE.DecorationRole])
