"""The work area with mouse, pen, wheel, gestures and keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QCursor,
    QEnterEvent,
    QFocusEvent,
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QMoveEvent,
    QNativeGestureEvent,
    QPainter,
    QPen,
    QPointingDevice,
    QSinglePointEvent,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QGestureEvent,
    QLineEdit,
    QPinchGesture,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

from segstudio.canvas.linked_views import LinkedViews
from segstudio.canvas.photo import Photo
from segstudio.canvas.shared_tools import SharedTools
from segstudio.canvas.tool import Pointer
from segstudio.canvas.view import wheel_zoom
from segstudio.canvas.wheel import WheelSteps, faded, notches, resized_brush
from segstudio.canvas.work_area import WorkArea
from segstudio.kit.focus_ring import BY_KEYS, RING_PX
from segstudio.kit.theme import ON_PICTURE
from segstudio.session.session import Session

_MODIFIER = Qt.KeyboardModifier
_OF_BUSY = (
    Qt.Key.Key_Escape,
    Qt.Key.Key_Return,
    Qt.Key.Key_Enter,
    Qt.Key.Key_Backspace,
    Qt.Key.Key_Delete,
)
"""Keys of whatever a tool has begun."""
_TEXT_FIELDS = (QLineEdit, QAbstractSpinBox, QPlainTextEdit, QTextEdit)


def _pressure(event: QSinglePointEvent) -> float:
    """How hard the pen is pressed, 0..1; 1 where that is not told."""
    told = QInputDevice.Capability.Pressure
    if isinstance(event, QTabletEvent) and told in event.device().capabilities():
        return event.pressure()
    return 1.0


class Viewport(WorkArea):
    """A work area for a person at a desk.

    Signals:
        placed: The image may lie elsewhere.
    """

    placed = Signal()

    def __init__(
        self,
        session: Session,
        tools: SharedTools,
        keep_view: Callable[[], bool],
        parent: QWidget | None = None,
        *,
        number: int = 0,
        linked: LinkedViews | None = None,
    ) -> None:
        super().__init__(session, tools, keep_view, parent, number=number, linked=linked)
        self._wheel_steps = WheelSteps()
        self._left_at: QPoint | None = None
        self._is_ringed = False
        self.setAccessibleName(f"Picture of view {number + 1}")
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.grabGesture(Qt.GestureType.PinchGesture)
        # Qt would merge waiting mouse moves into the last one, which cuts the corners of strokes.
        QCoreApplication.setAttribute(
            Qt.ApplicationAttribute.AA_CompressHighFrequencyEvents, on=False
        )

    # -- mouse and pen -------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._show_ring(False)
        if not self._press(self._pointer_of(event), event.button()):
            event.ignore()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        left = event.button() == Qt.MouseButton.LeftButton
        left = left and not self._on_line(self._pointer_of(event))
        if not left or self._button != Qt.MouseButton.NoButton or self._held.space:
            self.mousePressEvent(event)
            return
        if self._can_work():
            self._button = event.button()
            self._toolbox.double_click(self._pointer_of(event))

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._move(self._pointer_of(event))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if not self._release(self._pointer_of(event), event.button()):
            event.ignore()

    def tabletEvent(self, event: QTabletEvent) -> None:
        """The pen: as the mouse, with its eraser end as Ctrl."""
        pointer = self._pointer_of(event)
        if event.type() == QEvent.Type.TabletPress:
            self._press(pointer, event.button())
        elif event.type() == QEvent.Type.TabletRelease:
            self._release(pointer, event.button())
        else:
            self._move(pointer)
        event.accept()

    def _pointer_of(self, event: QSinglePointEvent) -> Pointer:
        position = event.position()
        screen_xy = (position.x(), position.y())
        held = event.modifiers()
        turned_over = event.pointerType() == QPointingDevice.PointerType.Eraser
        return Pointer(
            self.to_image(screen_xy),
            screen_xy,
            ctrl=bool(held & _MODIFIER.ControlModifier) or turned_over,
            alt=bool(held & _MODIFIER.AltModifier),
            shift=bool(held & _MODIFIER.ShiftModifier),
            pressure=_pressure(event),
        )

    # -- wheel and gestures --------------------------------------------------------------------

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zoom; brush size with Shift; opacity with Alt."""
        held = event.modifiers()
        if held & (_MODIFIER.ShiftModifier | _MODIFIER.AltModifier):
            steps = self._wheel_steps.add(event)
            view = self.session.view
            if held & _MODIFIER.ShiftModifier:
                if not self._toolbox.chosen.turn(steps):
                    self.session.set_view(brush_size=resized_brush(view.brush_size, steps))
            else:
                self.session.set_view(opacity=faded(view.opacity, steps))
        else:
            at = event.position()
            self.zoom_to(wheel_zoom(self.zoom, notches(event)), (at.x(), at.y()))
            self._follow_image(self._pointer_of(event))
        event.accept()

    def event(self, event: QEvent) -> bool:
        """Gestures, keys that shortcuts also want, and the window losing the keyboard."""
        kind = event.type()
        if kind == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            if self._takes(event):
                event.accept()
                return True
        elif kind == QEvent.Type.NativeGesture and isinstance(event, QNativeGestureEvent):
            return self._native_gesture(event)
        elif kind == QEvent.Type.Gesture and isinstance(event, QGestureEvent):
            return self._gesture(event)
        elif kind == QEvent.Type.WindowDeactivate:
            self.finish()
        return super().event(event)

    def _native_gesture(self, event: QNativeGestureEvent) -> bool:
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        at = event.position()
        self.zoom_to(self.zoom * (1 + event.value()), (at.x(), at.y()))
        return True

    def _gesture(self, event: QGestureEvent) -> bool:
        pinch = event.gesture(Qt.GestureType.PinchGesture)
        if not isinstance(pinch, QPinchGesture):
            return False
        at = self.mapFromGlobal(pinch.centerPoint().toPoint())
        self.zoom_to(self.zoom * pinch.scaleFactor(), (at.x(), at.y()))
        event.accept(pinch)
        return True

    # -- keys ----------------------------------------------------------------------------------

    def _takes(self, event: QKeyEvent) -> bool:
        """Whether a key belongs to the canvas although a shortcut may have it too."""
        if self._held.wants(event):
            return True
        tool = self._toolbox.chosen
        return event.key() in tool.keys or (tool.busy and event.key() in _OF_BUSY)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if self._held.press(event):
            return
        self._follow_modifiers(event, down=True)
        if event.key() == Qt.Key.Key_Escape and self.abort():
            return
        if not self._toolbox.chosen.key(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if self._held.release(event):
            return
        self._follow_modifiers(event, down=False)
        super().keyReleaseEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        """Show where the keys go, if keys brought them here."""
        super().focusInEvent(event)
        self._show_ring(event.reason() in BY_KEYS)

    def came_with_its_page(self) -> None:
        """Have no ring: Qt says of what was hidden when it got the focus that the Tab key gave it."""
        self._show_ring(False)

    def _show_ring(self, shown: bool) -> None:
        if shown != self._is_ringed:
            self._is_ringed = shown
            self.update()

    def paint_marks(self, painter: QPainter) -> None:
        """Ring the picture below its header while keys are what it is worked with."""
        super().paint_marks(painter)
        if self._is_ringed and self.hasFocus():
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.setPen(QPen(QColor(ON_PICTURE.accent), RING_PX))
            painter.drawRect(self.rect().adjusted(1, round(self.covered_px) + 1, -1, -1))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Keys go elsewhere: keep what is begun, unless it goes on in another view."""
        gone_to = QApplication.focusWidget()
        if gone_to is self or not isinstance(gone_to, Viewport):
            self.finish()
        if self._is_ringed:
            self.update()
        super().focusOutEvent(event)

    # -- coming and going ----------------------------------------------------------------------

    def _place(self) -> None:
        """The image lies elsewhere: another point of it is under a resting pointer."""
        super()._place()
        if self._pointer is not None:
            image_xy = self.to_image(self._pointer.screen_xy)
            self._follow_image(replace(self._pointer, image_xy=image_xy))
        self.placed.emit()

    def renew(self, photo: Photo) -> None:
        super().renew(photo)
        self.placed.emit()

    def refresh_view_state(self) -> None:
        """What is shown, how, or which view was clicked on last changed."""
        super().refresh_view_state()
        self.placed.emit()

    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        self.moved_by(event.pos() - event.oldPos())

    def moved_by(self, way: QPoint) -> None:
        """The view was moved under a resting pointer, by logical pixels."""
        if self._pointer is not None and not way.isNull():
            x, y = self._pointer.screen_xy
            place = (x - way.x(), y - way.y())
            self._follow_image(
                replace(self._pointer, screen_xy=place, image_xy=self.to_image(place))
            )

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        if event.globalPosition().toPoint() != self._left_at:  # not as a menu above it goes
            self._take_focus()
        self._follow_image(self._pointer_of(event))

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self._left_at = QCursor.pos()
        self._pointer = None
        self._toolbox.chosen.leave()
        self._show_pointer()
        self._tell_hovered()

    def _take_focus(self) -> None:
        """Held keys shall count where the pointer is, unless something is being typed."""
        self._show_ring(False)
        typing = isinstance(QApplication.focusWidget(), _TEXT_FIELDS)
        if self.isActiveWindow() and not typing:
            self.setFocus(Qt.FocusReason.MouseFocusReason)

    def _follow_modifiers(self, event: QKeyEvent, *, down: bool) -> None:
        """Ctrl, Alt or Shift went down or up under a resting pointer.

        The event's own modifiers tell of the time before it on some systems and after it on others.
        """
        if self._pointer is None:
            return
        ctrl, alt, shift = self._pointer.ctrl, self._pointer.alt, self._pointer.shift
        if event.key() == Qt.Key.Key_Control:
            ctrl = down
        elif event.key() == Qt.Key.Key_Alt:
            alt = down
        elif event.key() == Qt.Key.Key_Shift:
            shift = down
        else:
            return
        self._pointer = replace(self._pointer, ctrl=ctrl, alt=alt, shift=shift)
        self._toolbox.chosen.modifiers(self._pointer)
        self._show_pointer()
