"""Handles that fold the diagram's groups: a plus or minus, with the group's name where it fits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPalette, QPen

from segstudio.core.diagram import Diagram, Group
from segstudio.core.diagram_style import ROLE_COLOURS
from segstudio.ui.canvas.view import View

_ROLES = QPalette.ColorRole
_SIDE = 13.0
_TITLE_PX = 11
_TITLES_FROM = 0.62


@dataclass(frozen=True)
class Chip:
    """A group's handle.

    Attributes:
        group: What it folds.
        area: Where it is, in pixels of the widget.
        title: Whether the group's name is written.
    """

    group: Group
    area: QRectF
    title: bool


def chips_of(diagram: Diagram, view: View, font: QFont) -> tuple[Chip, ...]:
    """The handles of all groups, above what they fold."""
    sized = QFont(font)
    sized.setPixelSize(_TITLE_PX)
    metrics = QFontMetricsF(sized)
    titled = view.zoom >= _TITLES_FROM
    chips = []
    for group in diagram.groups:
        x, y = view.to_device(group.anchor)
        # lines run into parallel branches where a title would be
        named = titled and (group.folded or group.bracket is None)
        width = _SIDE + (metrics.horizontalAdvance(group.title) + 6 if named else 0)
        chips.append(Chip(group, QRectF(x, y - _SIDE - 2, width, _SIDE), named))
    return tuple(chips)


def chip_at(chips: Iterable[Chip], place: QPointF) -> Chip | None:
    """The handle at a place; a little beside it counts too."""
    return next((c for c in chips if c.area.adjusted(-2, -2, 2, 2).contains(place)), None)


def paint_chip(painter: QPainter, palette: QPalette, chip: Chip) -> None:
    colour = QColor(ROLE_COLOURS[chip.group.role])
    square = QRectF(chip.area.left() + 0.5, chip.area.top() + 0.5, _SIDE - 1, _SIDE - 1)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(palette.color(_ROLES.Base))
    painter.drawRoundedRect(square, 2, 2)
    middle = square.center()
    painter.setPen(QPen(palette.color(_ROLES.WindowText), 1.4))
    painter.drawLine(middle - QPointF(3, 0), middle + QPointF(3, 0))
    if chip.group.folded:
        painter.drawLine(middle - QPointF(0, 3), middle + QPointF(0, 3))
    if chip.title:
        font = QFont(painter.font())
        font.setWeight(QFont.Weight.Normal)
        font.setPixelSize(_TITLE_PX)
        painter.setFont(font)
        painter.setPen(palette.color(_ROLES.PlaceholderText))
        line = chip.area.adjusted(_SIDE + 3, -2, 0, 2)
        painter.fillRect(line.adjusted(-2, 3, 0, -3), palette.color(_ROLES.AlternateBase))
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, chip.group.title)
