"""The line on top of a panel: its name, a note beside it, its buttons, its menu."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPalette
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QMenu,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from segstudio.kit.elided import ElidedLabel
from segstudio.kit.frame_names import TITLE_HEIGHT as HEIGHT
from segstudio.kit.plain import PlainLabel, semibold_font

_RIM = 12


class PanelHeader(QWidget):
    """Stands in the title bar of a dock: what it leaves to the dock, drags and floats it.

    An empty one is there before the window is painted, so what icons need is imported when there
    is one.

    Attributes:
        more: The button of the menu; None if the panel did not put one there.

    Signals:
        fold_asked: The user folds the panel to this line, or opens it again.
    """

    fold_asked = Signal()

    def __init__(
        self,
        title: str,
        *,
        folds: bool = False,
        note: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        panel: QWidget | None = None,
    ) -> None:
        """Args:
        title: The panel's name.
        folds: Whether a click on it folds the panel.
        note: Where the note has its gap; `ElideNone`: it's left out where it does not fit.
        panel: In whose dock it will stand; Tab goes to it before what is put into the panel later.
        """
        super().__init__(None if panel is None else _dock_of(panel))
        on_panel_ground(self)
        self.setFixedHeight(HEIGHT)
        self.setAccessibleName(title)
        self.title = _FoldButton(title) if folds else _name(title)
        if isinstance(self.title, _FoldButton):
            self.title.clicked.connect(self.fold_asked)
        self.note = ElidedLabel(note)
        self.note.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._pressed: QPointF | None = None
        self.menu = QMenu(self)
        self.more: QToolButton | None = None
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(4 if folds else _RIM, 0, 6, 0)
        self._row.setSpacing(4)
        self._row.addWidget(self.title)
        self._row.addSpacing(2)
        self._row.addWidget(self.note, 1)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """The dock may be dragged by this place, or the note clicked: which one shows later."""
        super().mousePressEvent(event)
        self._pressed = event.position() if event.button() == Qt.MouseButton.LeftButton else None

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on the note does what one on the name does; a drag moves the dock."""
        super().mouseReleaseEvent(event)
        begun, self._pressed = self._pressed, None
        if begun is None or not isinstance(self.title, _FoldButton):
            return
        moved = (event.position() - begun).manhattanLength()
        on_note = self.note.geometry().contains(begun.toPoint())
        if on_note and moved < QApplication.startDragDistance():
            self.fold_asked.emit()

    def sizeHint(self) -> QSize:
        """A dock asks for this alone when it makes room for its title."""
        return QSize(super().sizeHint().width(), HEIGHT)

    def minimumSizeHint(self) -> QSize:
        """No panel is kept wide by its title."""
        return QSize(0, HEIGHT)

    @property
    def folded(self) -> bool:
        """Whether the panel is shown as folded."""
        return isinstance(self.title, _FoldButton) and self.title.folded

    def show_folded(self, folded: bool) -> None:
        """Turn the sign before the name."""
        if isinstance(self.title, _FoldButton):
            self.title.show_folded(folded)

    def add(self, button: QToolButton) -> QToolButton:
        """Put a button behind the note."""
        button.setFixedSize(28, 28)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._row.addWidget(button)
        return button

    def add_menu(self, tip: str, picture: str = "ellipsis") -> QToolButton:
        """Put the button of the panel's menu behind the others."""
        from segstudio.kit.icon_button import icon_button

        button = icon_button(picture, tip)
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setMenu(self.menu)
        button.setProperty("plain", True)
        self.more = self.add(button)
        return button


def on_panel_ground(widget: QWidget) -> None:
    """Give a widget the ground of lists and tables, so that it's one with those in it."""
    widget.setBackgroundRole(QPalette.ColorRole.Base)
    widget.setAutoFillBackground(True)


def _dock_of(panel: QWidget) -> QDockWidget | None:
    above = panel.parentWidget()
    while above is not None and not isinstance(above, QDockWidget):
        above = above.parentWidget()
    return above


class _FoldButton(QToolButton):
    """The name of a panel, with a sign that tells whether it is folded."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.folded = False
        self._title = title
        self.setText(title)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIconSize(QSize(16, 16))
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setFont(semibold_font(self.font()))
        self.show_folded(False)

    def show_folded(self, folded: bool) -> None:
        from segstudio.kit.icons import icon

        self.folded = folded
        self.setIcon(icon("chevron-right" if folded else "chevron-down"))
        self.setToolTip(f"{'Open' if folded else 'Fold'} {self._title}")
        self.setAccessibleName(f"{self._title}, {'folded' if folded else 'open'}")


def _name(title: str) -> QLabel:
    label = PlainLabel(title)
    label.setFont(semibold_font(label.font()))
    label.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
    return label
