"""Rows of a table with a height of their own."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSize
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem


class RowHeight(QStyledItemDelegate):
    """Makes rows at least so many logical pixels high; their width stays that of the text."""

    def __init__(self, height: int, parent: QObject) -> None:
        super().__init__(parent)
        self._height = height

    def sizeHint(
        self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> QSize:
        """The size that the text needs, and the height."""
        size = super().sizeHint(option, index)
        return QSize(size.width(), max(size.height(), self._height))
