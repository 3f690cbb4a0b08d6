"""The channels of an image: each switched on or off, in a colour, from one stored value to another."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QIcon, QPainter, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QColorDialog,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QMenu,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.turns import Parts, Turns
from segstudio.storage.picture import COMPOSITE

if TYPE_CHECKING:
    from segstudio.core.channel_looks import ChannelLook, ChannelLooks, Color
    from segstudio.session.session import Session
    from segstudio.storage.picture import Picture

COLORS: Final = {
    "Red": (255, 0, 0),
    "Green": (0, 255, 0),
    "Blue": (0, 0, 255),
    "Grey": (255, 255, 255),
    "Cyan": (0, 255, 255),
    "Magenta": (255, 0, 255),
    "Yellow": (255, 255, 0),
}
"""As Fiji offers them."""
_SWATCH_PX, _VALUE_PX, _MOST_PX = 16, 92, 240
_STEPS: Final = 100
_PART_SECONDS: Final = 0.004
_DIGITS: Final = 3
_WIDEST: Final = 1e15


class ChannelRows(QWidget):
    """A row for each channel of the open image; hidden where it has not several."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._picture: Picture | None = None
        self.rows: list[ChannelRow] = []
        self._turns = Turns(self)
        self._when_built: Callable[[], None] | None = None
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(6)
        self._grid.setVerticalSpacing(4)
        self._inner = QWidget()
        self._inner.setLayout(self._grid)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._inner)
        for ground in (self._inner, self._scroll.viewport()):  # that of the window around them
            ground.setAutoFillBackground(False)
        self.note = PlainLabel()
        self.note.setProperty("caption", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(PlainLabel("Channels"))
        column.addWidget(self._scroll)
        column.addWidget(self.note)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.hide()

    def show_now(self) -> None:
        """Show the channels of the open image as they are chosen now."""
        document = self._session.document
        picture = None if document is None else document.picture
        if picture is not None and not picture.has_choice:
            picture = None
        if picture is not self._picture:
            self._picture = picture
            self._turns.begin(self._built(picture), lambda _none: self._tell_built())
        self.setVisible(picture is not None)
        if picture is None:
            return
        view = self._session.view
        for row in self.rows:
            row.show_now(picture, view.channels)
        alone = -1 if document is None else document.channel_for(view.channel)
        self.note.setText(f"{picture.names[alone]} is shown alone." if alone != COMPOSITE else "")
        self.note.setVisible(alone != COMPOSITE)

    def when_built(self, then: Callable[[], None]) -> None:
        """Call `then` once all rows are there; at once if they are."""
        self._when_built = then
        if not self._turns.running:
            self._tell_built()

    def _tell_built(self) -> None:
        then, self._when_built = self._when_built, None
        if then is not None:
            then()

    def _built(self, picture: Picture | None) -> Parts[None]:
        """Make the rows of another image, a few a turn; those of one with as many channels stay."""
        if picture is None:
            return
        count = picture.raw.shape[2]
        while len(self.rows) > count:
            self.rows.pop().remove(self._grid)
        began = time.monotonic()
        for channel in range(count):
            if channel == len(self.rows):
                self.rows.append(ChannelRow(channel, self._choose, self._grid))
            self.rows[channel].show_now(picture, self._session.view.channels)
            if time.monotonic() - began > _PART_SECONDS:
                yield
                began = time.monotonic()
        inner = self._inner
        inner.adjustSize()
        self._scroll.setFixedHeight(min(inner.sizeHint().height(), _MOST_PX))
        bar = self._scroll.verticalScrollBar().sizeHint().width()
        self._scroll.setMinimumWidth(inner.sizeHint().width() + bar)
        if self.window().isVisible():  # another image was opened meanwhile
            self.window().adjustSize()

    def _choose(self, channel: int, *, composite: bool = False, **values: object) -> None:
        """Show a channel differently; `composite` where that is seen in the composite alone."""
        view = self._session.view
        chosen = view.channels.changed(channel, **values)
        self._session.set_view(channels=chosen, channel=COMPOSITE if composite else view.channel)


class ChannelRow:
    """The widgets of one channel."""

    def __init__(self, channel: int, choose: Callable[..., None], grid: QGridLayout) -> None:
        """Args:
        channel: Its number, from 0.
        choose: Called with the number and what was chosen, by fields of `ChannelLook`.
        grid: Gets them as a row.
        """
        self._channel, self._choose = channel, choose
        self._limits = (0.0, 0.0)
        self._shown: tuple[Picture, ChannelLook] | None = None
        self.on = QCheckBox()
        self.on.setToolTip("Show this channel together with the others")
        self.on.clicked.connect(lambda on: choose(channel, composite=True, on=on))
        self.color = QToolButton()
        self.color.setAutoRaise(True)
        self.color.setIconSize(QSize(_SWATCH_PX, _SWATCH_PX))
        self.color.clicked.connect(self._offer_colors)
        self.color.setToolTip("The colour of its brightest values")
        self.low = self._value("The stored value that is shown black", self._choose_low)
        self.high = self._value("The stored value that is shown brightest", self._choose_high)
        self.to = PlainLabel("to")
        self.auto = QPushButton("Auto")
        self.auto.setToolTip("Find the range for each image: all but a thousandth at each end")
        self.auto.clicked.connect(lambda: choose(channel, low=None, high=None))
        for place, widget in enumerate(self._widgets):
            grid.addWidget(widget, channel, place)

    @property
    def _widgets(self) -> tuple[QWidget, ...]:
        return (self.on, self.color, self.low, self.to, self.high, self.auto)

    def remove(self, grid: QGridLayout) -> None:
        """Take the widgets away."""
        for widget in self._widgets:
            grid.removeWidget(widget)
            widget.hide()
            widget.deleteLater()

    def _take(self, picture: Picture) -> None:
        """Be about the channel of another image."""
        name = picture.names[self._channel]
        self.on.setText(name if len(name) <= _NAME else f"{name[: _NAME - 1]}…")
        self.on.setAccessibleName(f"Show {name}")
        self.on.setToolTip(plain(f"Show {name} together with the other channels"))
        self.color.setAccessibleName(f"Colour of {name}")
        self.low.setAccessibleName(f"{name}: shown black")
        self.high.setAccessibleName(f"{name}: shown brightest")
        self.auto.setAccessibleName(f"{name}: automatic range")
        whole = np.issubdtype(picture.raw.dtype, np.integer)
        low, high = picture.ranges[self._channel]
        span = max(high - low, 1e-12)
        decimals = 0 if whole else min(max(_DIGITS - math.floor(math.log10(span)), 0), 9)
        for box in (self.low, self.high):
            box.blockSignals(True)
            box.setDecimals(decimals)
            box.setRange(-_WIDEST, _WIDEST)
            box.setSingleStep(max(round(span / _STEPS), 1) if whole else span / _STEPS)
            box.blockSignals(False)

    def show_now(self, picture: Picture, looks: ChannelLooks) -> None:
        """Show what is chosen for the channel of an image."""
        channel, look = self._channel, looks.of(self._channel)
        if (picture, look) == self._shown:
            return
        if self._shown is None or self._shown[0] is not picture:
            self._take(picture)
        self._shown = (picture, look)
        self._limits = picture.range_shown(channel, looks)
        self.on.setChecked(picture.is_on(channel, looks))
        self.color.setIcon(_swatch(picture.color_of(channel, looks)))
        for box, value in zip((self.low, self.high), self._limits, strict=True):
            box.blockSignals(True)
            box.setValue(value)
            box.blockSignals(False)
        self.auto.setEnabled(look.low is not None or look.high is not None)

    def _value(self, tip: str, choose: Callable[[float], None]) -> QDoubleSpinBox:
        box = QDoubleSpinBox()
        box.setToolTip(tip)
        box.setKeyboardTracking(False)
        box.setFixedWidth(_VALUE_PX)
        box.valueChanged.connect(choose)
        return box

    def _choose_low(self, value: float) -> None:
        """Both ends are held from then on; the other one makes room."""
        high = self._limits[1]
        self._choose(self._channel, low=value, high=max(high, value + self.low.singleStep()))

    def _choose_high(self, value: float) -> None:
        low = self._limits[0]
        self._choose(self._channel, low=min(low, value - self.high.singleStep()), high=value)

    def colors(self) -> QMenu:
        """The menu of colours."""
        menu = QMenu(self.color)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for name, rgb in COLORS.items():
            action = menu.addAction(_swatch(rgb), name)
            action.triggered.connect(partial(self._take_color, rgb))
        menu.addAction("Other…", self._ask_color)
        return menu

    def _offer_colors(self) -> None:
        self.colors().popup(self.color.mapToGlobal(self.color.rect().bottomLeft()))

    def _take_color(self, color: Color) -> None:
        self._choose(self._channel, composite=True, color=color, on=True)

    def _ask_color(self) -> None:
        chosen = QColorDialog.getColor(parent=self.color.window(), title="Colour of the channel")
        if chosen.isValid():
            self._take_color((chosen.red(), chosen.green(), chosen.blue()))


_NAME: Final = 18


def _swatch(color: Color) -> QIcon:
    pixels = QPixmap(_SWATCH_PX, _SWATCH_PX)
    pixels.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixels)
    painter.setPen(QColor(128, 128, 128))
    painter.setBrush(QColor(*color))
    painter.drawRoundedRect(1, 1, _SWATCH_PX - 3, _SWATCH_PX - 3, 3, 3)
    painter.end()
    return QIcon(pixels)
