"""A bar that says how much of a join's response comes from each of its sources."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from segstudio.ui.plain import plain

_HEIGHT = 24
_COLOURS = (QColor("#0072b2"), QColor("#e69f00"), QColor("#009e73"), QColor("#cc79a7"),
            QColor("#56b4e9"), QColor("#d55e00"))  # fmt: skip
"""Of Okabe & Ito, safe for colour-blind users."""


@dataclass(frozen=True)
class Share:
    """One source.

    Attributes:
        name: What it is called.
        share: Its part of the whole, 0..1.
    """

    name: str
    share: float

    @property
    def text(self) -> str:
        return f"{self.name} {100 * self.share:.0f} %"


def share_colour(index: int) -> QColor:
    """The colour of the source at a place."""
    return _COLOURS[index % len(_COLOURS)]


class EnergyBar(QWidget):
    """Segments as wide as the shares, with name and per cent where they fit."""

    def __init__(self) -> None:
        super().__init__()
        self._shares: tuple[Share, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def shares(self) -> tuple[Share, ...]:
        return self._shares

    def show_shares(self, shares: tuple[Share, ...]) -> None:
        """Show other shares; they sum to 1."""
        self._shares = shares
        self.setAccessibleName("Share of the energy: " + ", ".join(s.text for s in shares))
        self.update()

    def sizeHint(self) -> QSize:
        """One line."""
        return QSize(160, max(_HEIGHT, self.fontMetrics().height() + 8))

    def minimumSizeHint(self) -> QSize:
        """One line."""
        return QSize(40, self.sizeHint().height())

    def event(self, event: QEvent) -> bool:
        """Name and per cent of the segment under the pointer."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            found = [
                share
                for box, share in zip(self._boxes(), self._shares, strict=True)
                if box.contains(event.pos())
            ]
            QToolTip.showText(event.globalPos(), plain(found[0].text) if found else "", self)
            return True
        return super().event(event)

    def _boxes(self) -> list[QRectF]:
        left, boxes = 0.0, []
        for share in self._shares:
            wide = share.share * self.width()
            boxes.append(QRectF(left, 0, wide, self.height()))
            left += wide
        return boxes

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setPen(Qt.PenStyle.NoPen)
        for index, (box, share) in enumerate(zip(self._boxes(), self._shares, strict=True)):
            colour = share_colour(index)
            painter.fillRect(box.adjusted(0, 0, -1 if index < len(self._shares) - 1 else 0, 0),
                             colour)  # fmt: skip
            painter.setPen(Qt.GlobalColor.black if colour.lightness() > 105 else
                           Qt.GlobalColor.white)  # fmt: skip
            for text in (share.text, f"{100 * share.share:.0f} %"):
                if self.fontMetrics().horizontalAdvance(text) + 10 <= box.width():
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)
                    break
        painter.end()
