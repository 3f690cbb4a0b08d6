"""What every control of the window owes to those who work without a mouse or without seeing."""

from __future__ import annotations

import re
from collections.abc import Iterator

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QGroupBox,
    QLabel,
    QLineEdit,
    QScrollBar,
    QTabBar,
    QTextEdit,
    QToolButton,
    QWidget,
)

_TYPED = (QLineEdit, QAbstractSpinBox, QTextEdit)
_VALUES = (QComboBox, QAbstractSlider, *_TYPED)
_SHORT = re.compile(r"\b(?!OK|CSV|PNG|HTML|JSON|PDF|SVG|TSV)[A-Z]{2,}s?\b|\bm?IoU\b")
_RIM = 4
"""A ring is looked for so far inside the edge where a text cursor would show, too."""


def controls(root: QWidget) -> Iterator[QWidget]:
    """All that is seen below a widget and can be clicked on or have the keys."""
    for widget in (root, *root.findChildren(QWidget)):
        if widget.window() is root.window() and _is_seen(widget) and _is_control(widget):
            yield widget


def wants(control: QWidget) -> Iterator[str]:
    """What it lacks: a name, a tip, a way to it by keyboard, a ring while it has the keys."""
    if not name_of(control):
        yield "no name"
    if _needs_tip(control) and not control.toolTip():
        yield "no tip"
    if not control.isEnabled():
        return
    if not control.focusPolicy() & Qt.FocusPolicy.TabFocus:
        if not _is_reached_by_arrows(control):
            yield "not reached by Tab"
    elif not has_ring(control):
        yield "no ring"


def name_of(control: QWidget) -> str:
    """What a screen reader calls it."""
    if control.accessibleName():
        return control.accessibleName()
    if isinstance(control, QAbstractButton):
        return control.text()
    if isinstance(control, QGroupBox):
        return control.title()
    if isinstance(control, QLabel):
        return control.text()
    labels = control.window().findChildren(QLabel)
    return next((label.text() for label in labels if label.buddy() is control), "")


def has_ring(control: QWidget) -> bool:
    """Whether it looks different while it has the keys; of fields, at its edge."""
    control.clearFocus()
    before = _picture(control)
    control.setFocus(Qt.FocusReason.TabFocusReason)
    if QApplication.focusWidget() not in (control, control.focusProxy()):
        return False
    after = _picture(control)
    control.clearFocus()
    if not isinstance(control, _TYPED):
        return before != after
    return any(before.copy(part) != after.copy(part) for part in _rim(before))


def told(control: QWidget) -> str:
    """The control in a failure's message."""
    text = name_of(control) or control.objectName()
    parents, above = [], control.parentWidget()
    while above is not None and len(parents) < 3:
        parents.append(type(above).__name__)
        above = above.parentWidget()
    return f"{type(control).__name__} {text!r} in {' in '.join(parents)}"


def _is_reached_by_arrows(control: QWidget) -> bool:
    """Of buttons of which one is chosen, Qt lets Tab reach that one."""
    if not isinstance(control, QAbstractButton):
        return False
    group = control.group()
    return control.autoExclusive() or (group is not None and group.exclusive())


def _is_seen(widget: QWidget) -> bool:
    return widget.isVisible() and not widget.visibleRegion().isEmpty()


def _is_control(widget: QWidget) -> bool:
    above = widget.parentWidget()
    if isinstance(widget, QScrollBar) or isinstance(above, QAbstractSpinBox | QScrollBar):
        return False
    if widget.objectName().startswith("qt_") or type(widget).__name__ == "QComboBoxListView":
        return False
    if isinstance(above, QComboBox):
        return False
    if isinstance(above, QAbstractScrollArea) and widget is above.viewport():
        return False
    if isinstance(widget, QLabel) and "<a " not in widget.text():
        return False  # its text can be marked, and that is all
    if widget.focusPolicy() != Qt.FocusPolicy.NoFocus:
        return True
    return isinstance(widget, QAbstractButton | QTabBar | QAbstractSlider) or any(
        "mousePressEvent" in vars(cls)
        for cls in type(widget).__mro__
        if cls.__module__.startswith("segstudio")
    )


def _needs_tip(control: QWidget) -> bool:
    if isinstance(control, QAbstractItemView):
        return False
    if isinstance(control, QAbstractButton):
        is_icon = (
            isinstance(control, QToolButton)
            and control.toolButtonStyle() == Qt.ToolButtonStyle.ToolButtonIconOnly
            and not control.icon().isNull()
        )
        return is_icon or not control.text() or bool(_SHORT.search(control.text()))
    if isinstance(control, QLineEdit) and control.placeholderText():
        return False
    if isinstance(control, QTextEdit) and control.isReadOnly():
        return False
    labels = control.window().findChildren(QLabel)
    return isinstance(control, _VALUES) and not any(x.buddy() is control for x in labels)


def _picture(control: QWidget) -> QImage:
    return control.grab().toImage()


def _rim(picture: QImage) -> list[QRect]:
    width, height = picture.width(), picture.height()
    return [
        QRect(0, 0, width, _RIM),
        QRect(0, height - _RIM, width, _RIM),
        QRect(0, 0, _RIM, height),
        QRect(width - _RIM, 0, _RIM, height),
    ]
