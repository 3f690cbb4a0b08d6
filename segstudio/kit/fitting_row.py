"""A row of controls whose last groups go behind a button where the row is too narrow."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QSizePolicy, QWidget

from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import PlainLabel
from segstudio.kit.popover import Popover

BUTTON_PX = 28
"""Side of a button with an icon in a bar."""
WORD_ICON = QSize(20, 16)
"""An icon of 16 pixels before a word, two pixels further from it than the style has it."""
_LINE_PX, _LINE_HEIGHT, _RULE_PX = 13, 20, 9

_MOST_ROUNDS = 4
_OTHER_WIDTHS = (QEvent.Type.FontChange, QEvent.Type.StyleChange)


class GroupLine(QFrame):
    """A hairline between groups, six pixels from each; the style sheet draws it."""

    def __init__(self, *, upright: bool = True) -> None:
        super().__init__()
        self.setProperty("groups", "beside" if upright else "below")
        if upright:
            self.setFixedSize(_LINE_PX, _LINE_HEIGHT)
        else:
            self.setFixedHeight(_RULE_PX)


class FittingRow(QWidget):
    """Shows the groups that are wanted side by side, as many as fit, and the rest in a drawer.

    No control is cut off or made narrower than it wants to be. What stands in the drawer works
    there as it does in the row.

    Attributes:
        more: The button that opens the drawer; hidden while everything fits.
        drawer: Holds the groups that do not fit.
    """

    def __init__(self, what: str, *, lines: bool, spacing: int = 6) -> None:
        """Take what the groups are, for the button's tip, and whether lines stand between them."""
        super().__init__()
        self._groups: list[QWidget] = []
        self._wanted: list[QWidget] = []
        self._lines: dict[QWidget, QWidget] = {}
        self._has_lines, self._spacing = lines, 0 if lines else spacing
        self.more = icon_button("sliders-horizontal", what)
        self.more.setFixedSize(BUTTON_PX, BUTTON_PX)
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.more.clicked.connect(self._open_drawer)
        self.drawer = _Drawer(self, what)
        self._tail: QLabel | None = None
        self._asked_px = 0
        self._is_fitting = False
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        self._row.addStretch(1)
        self._row.addWidget(self.more)
        self.more.hide()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    def add(self, group: QWidget) -> None:
        """Add a group at the end; it is not shown before it is wanted."""
        self._groups.append(group)
        at = 2 * len(self._groups) - 2
        line = self._lines[group] = GroupLine() if self._has_lines else QWidget()
        if not self._has_lines:
            line.setFixedWidth(self._spacing)
        line.hide()
        group.hide()
        self._row.insertWidget(at, line)
        self._row.insertWidget(at + 1, group)

    def set_tail(self, tail: QLabel) -> None:
        """Put a text after the groups, which is shown where the whole of it fits."""
        self._tail = tail
        self._row.insertWidget(2 * len(self._groups), tail)
        tail.hide()

    @property
    def in_drawer(self) -> tuple[QWidget, ...]:
        """The wanted groups for which the row has no room."""
        return tuple(group for group in self._wanted if group.parentWidget() is self.drawer)

    def want(self, groups: Iterable[QWidget]) -> None:
        """Show these groups and no others."""
        wanted = set(groups)
        self._wanted = [group for group in self._groups if group in wanted]
        self.fit(self.width())

    def width_of_all(self) -> int:
        """How wide the row is where everything fits."""
        return self._width_of(self._wanted)

    def fit(self, width: int) -> int:
        """Place the groups in so many pixels; returns how many of them are used.

        Showing and hiding groups may resize the row meanwhile: they are placed anew then, or the
        first width would have the last word.
        """
        self._asked_px, used = width, 0
        if self._is_fitting:
            return used
        self._is_fitting = True
        try:
            for _ in range(_MOST_ROUNDS):
                width = self._asked_px
                used = self._place_in(width)
                if self._asked_px == width:
                    break
        finally:
            self._is_fitting = False
        return used

    def _place_in(self, width: int) -> int:
        shown = self._fitting_in(width)
        for group in self._groups:
            if group in shown:
                self._into_row(group)
            elif group in self._wanted:
                self.drawer.take(group)
            is_first = bool(shown) and group is shown[0]
            self._lines[group].setVisible(group in shown and not is_first)
            group.setVisible(group in self._wanted)
        self.more.setVisible(len(shown) < len(self._wanted))
        used = self._width_of(shown) + (0 if self.more.isHidden() else BUTTON_PX + self._gap)
        if self._tail is not None:
            needed = self._tail.sizeHint().width() + self._gap
            self._tail.setVisible(bool(self._tail.text()) and used + needed <= width)
        if self.more.isHidden():
            self.drawer.hide()
        return used

    def sizeHint(self) -> QSize:
        return QSize(self.width_of_all(), BUTTON_PX)

    def minimumSizeHint(self) -> QSize:
        """So much is left where nothing but the button fits."""
        return QSize(BUTTON_PX, BUTTON_PX)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.fit(event.size().width())

    def changeEvent(self, event: QEvent) -> None:
        """Another font is another width."""
        super().changeEvent(event)
        if self.isVisible() and event.type() in _OTHER_WIDTHS:
            self.fit(self.width())

    @property
    def _gap(self) -> int:
        return _LINE_PX if self._has_lines else self._spacing

    def _fitting_in(self, width: int) -> list[QWidget]:
        if self._width_of(self._wanted) <= width:
            return list(self._wanted)
        shown = list(self._wanted)
        while shown and self._width_of(shown) + self._gap + BUTTON_PX > width:
            shown.pop()
        return shown

    def _width_of(self, groups: Sequence[QWidget]) -> int:
        widths = [_wide(group) for group in groups]
        return sum(widths) + self._gap * max(0, len(groups) - 1)

    def _into_row(self, group: QWidget) -> None:
        if group.parentWidget() is self:
            return
        self._row.insertWidget(2 * self._groups.index(group) + 1, group)

    def _open_drawer(self) -> None:
        first = next((c for c in self.drawer.findChildren(QWidget) if _takes_keys(c)), None)
        self.drawer.open_below(self.more, first)


class _Drawer(Popover):
    def take(self, group: QWidget) -> None:
        """Put a group below the others."""
        if group.parentWidget() is not self:
            self.column.addWidget(group, 0, Qt.AlignmentFlag.AlignLeft)


def captioned(caption: str, *controls: QWidget, spacing: int = 6) -> QWidget:
    """Controls with a word before them."""
    group = QWidget()
    row = QHBoxLayout(group)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(spacing)
    if caption:
        label = PlainLabel(caption)
        label.setProperty("caption", True)
        row.addWidget(label)
    for control in controls:
        row.addWidget(control)
    return group


def _wide(group: QWidget) -> int:
    """How wide a group wants to be; its layout is asked, since a hidden one has no size yet."""
    return max(group.sizeHint().width(), group.minimumWidth())


def _takes_keys(widget: QWidget) -> bool:
    takes = bool(widget.focusPolicy() & Qt.FocusPolicy.TabFocus)
    return takes and widget.isEnabled() and not widget.isHidden()
