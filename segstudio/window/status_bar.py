"""The line at the bottom: rooms, what is under the pointer, what runs, what is saved, the zoom."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QMenu,
    QProgressBar,
    QSizePolicy,
    QStatusBar,
    QToolButton,
    QWidget,
)

from segstudio.annotation.ui.limit_actions import RESET
from segstudio.core.formatting import left_text
from segstudio.core.pace import Pace
from segstudio.core.text import printable
from segstudio.kit.action_set import ActionSet
from segstudio.kit.elided import ElidedLabel, fitting
from segstudio.kit.fitting_row import GroupLine
from segstudio.kit.frame_names import STATUS_HEIGHT
from segstudio.kit.icon_button import icon_button
from segstudio.kit.key_tips import CommandTip, KeyTip
from segstudio.kit.plain import PlainLabel, plain
from segstudio.window import panels
from segstudio.window.limits_popover import LimitsSaid

_BUTTON_PX, _ICON_PX = STATUS_HEIGHT - 1, 14
_JOB_TEXT_PX, _JOB_BRIEF_PX, _PROGRESS_PX = 240, 110, 96
_VALUE_MOST_PX, _VALUE_LEAST_PX = 190, 48
_ANNOTATION_MOST_PX = 250
"""Of what the annotation says, and what a stroke would make there."""
_NARROW_PX, _EDGE_PX = 1200, 4
_RIM_PX = 8
"""Of Qt's status bar around what stands in it, at most."""
_ZOOMS = ("view.fit", "view.actual", "view.double")
_OFFLINE = "Works offline, on this computer"
"""True as long as no weights are downloaded, which happens when the user asks for it only."""


class JobStrip(QWidget):
    """The job that runs, how far it is, how many wait, and a button that cancels it."""

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self._cancel: Callable[[], object] = lambda: None
        start_now = actions["model.start_now"]
        self.now = QToolButton()
        self.now.setText("Start now")
        self.now.setProperty("small", True)
        self.now.setFixedHeight(_BUTTON_PX)
        self.now.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.now.clicked.connect(start_now.trigger)
        CommandTip(start_now, self.now)
        self._pace = Pace()
        self._text = _Value("Job", Qt.AlignmentFlag.AlignRight, _JOB_TEXT_PX, "caption")
        self._full = ""
        self.left = PlainLabel()
        self.left.setProperty("caption", True)
        self.left.setAccessibleName("Time left")
        self._bar = QProgressBar()
        self._bar.setFixedSize(_PROGRESS_PX, 6)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress")
        self.button = icon_button("x", "Cancel", name="Cancel this job", px=_ICON_PX)
        KeyTip(actions, self.button, "Cancel", "{model.cancel}")
        self.button.setFixedSize(_BUTTON_PX, _BUTTON_PX)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(lambda: self._cancel())
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._text)
        row.addWidget(self._bar)
        row.addWidget(self.left)
        row.addWidget(self.now)
        row.addWidget(self.button)
        self.left.hide()
        self.now.hide()
        self.hide()

    @property
    def text(self) -> str:
        return self._full if not self.isHidden() else ""

    def share(self, room: int) -> None:
        """Take no more than this width, but for a few letters; the tip has the whole title."""
        rest = self.sizeHint().width() - self._text.sizeHint().width()
        most_px = max(_JOB_BRIEF_PX, min(_JOB_TEXT_PX, room - rest))
        if most_px != self._text.most_px:
            self._text.most_px = most_px
            self._text.updateGeometry()

    def show_job(
        self,
        title: str,
        done: int,
        total: int,
        waiting: int,
        cancel: Callable[[], object],
        job: object = None,
        *,
        hurries: bool = False,
    ) -> None:
        """Show a running job; `total` 0 means that its length is not known.

        `job` tells it from others, so that the time that is left is that of this one. With
        `hurries` what waits for it can be started at once.
        """
        self._cancel = cancel
        more = f" (+{waiting} waiting)" if waiting else ""
        self._full = f"{printable(title)}{more}"
        self._text.setText(self._full)
        self._text.setToolTip(plain(self._full))
        if (self._bar.maximum(), self._bar.value()) != (total, done):
            self._bar.setRange(0, total)
            self._bar.setValue(done)
        seconds = self._pace.left(job, done, total, time.monotonic())
        self.left.setText("" if seconds is None else left_text(seconds))
        self.left.setVisible(seconds is not None)
        self.now.setVisible(hurries)
        self.show()


class StatusBar(QStatusBar):
    """Rooms at the left, then the pixel; jobs, saving and zoom at the right.

    A place grows with what it has to say and never shrinks while the pointer is on the picture,
    so that nothing jumps to and fro while it moves.

    Attributes:
        rooms: The buttons that open and close the rooms, by the name of their panel.
        zoom: Shows the zoom, and offers others.
    """

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self.setFixedHeight(STATUS_HEIGHT)
        self.setAccessibleName("Status")
        self._row, self._end = _row_without_gaps(), _row_without_gaps()
        self.rooms = {
            panel.name: self._add_room(actions, panel.name, panel.action_id)
            for panel in panels.PANELS
            if panel.in_room
        }
        self._position = _Place(
            "Pointer", "Column and row of the pixel under the pointer", shrinks=False
        )
        self._color = _Place("Pixel values", "Stored values of the pixel under the pointer")
        self._annotation = _Place("Annotation class", "What the annotation says there")
        self._annotation.value.most_px = _ANNOTATION_MOST_PX
        self._prediction = _Place("Predicted class", "What the model says there")
        self._places = (self._position, self._color, self._annotation, self._prediction)
        for place in self._places:
            self._row.addWidget(place)
        self._network = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._network.setProperty("caption", True)
        self._network.setAccessibleName("Network")
        self._network_line = GroupLine()
        self._network_line.hide()
        self._tool = ElidedLabel(Qt.TextElideMode.ElideRight)
        self._tool.setAccessibleName("Tool")
        self._tool.hide()
        self._row.addWidget(self._network_line)
        self._row.addWidget(self._network, 1)
        self._row.addWidget(self._tool, 1)
        self.jobs = JobStrip(actions)
        self._objects = _Place(
            "Objects", "Objects that are shown in this image", shrinks=False, after=True
        )
        self._saved = _Place("Saving", "")
        self.limits = LimitsSaid(actions[RESET])
        self._end.addWidget(self.limits)
        self._end.addWidget(self._objects)
        self._end.addWidget(self._saved)
        self._zoom_line = GroupLine()
        self._end.addWidget(self._zoom_line)
        self.zoom = self._add_zoom(actions)
        self.show_zoom("")
        self._start, self._offline = PlainLabel("No folder is open"), PlainLabel(_OFFLINE)
        for label in (self._start, self._offline):
            label.setContentsMargins(8, 0, 8, 0)
            label.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self._of_folder = (QWidget(), QWidget())
        for widget, layout in zip(self._of_folder, (self._row, self._end), strict=True):
            widget.setLayout(layout)
        whole = QWidget()
        row = QHBoxLayout(whole)
        row.setContentsMargins(_EDGE_PX, 0, _EDGE_PX, 0)
        row.setSpacing(0)
        row.addWidget(self._start, 1)
        row.addWidget(self._of_folder[0], 1)
        row.addWidget(self.jobs)
        row.addWidget(self._offline)
        row.addWidget(self._of_folder[1])
        self.addWidget(whole, 1)
        self._is_start, self._downloads = False, False
        self.show_start(shown=False)

    def show_start(self, *, shown: bool) -> None:
        """Say that no folder is open, instead of what there is to say of one."""
        self._is_start = shown
        self._start.setVisible(shown)
        for widget in self._of_folder:
            widget.setVisible(not shown)
        self.show_downloads(running=self._downloads)

    def show_downloads(self, *, running: bool) -> None:
        """Take the word that nothing leaves the computer away while something is fetched."""
        self._downloads = running
        self._offline.setVisible(self._is_start and not running)

    @property
    def texts(self) -> dict[str, str]:
        """What stands there now, by the accessible name of the place."""
        places = (*self._places, self._objects, self._saved)
        found = {place.name: place.value.text() for place in places}
        found["Zoom"] = self.zoom.text()
        lines = (self._network, self._tool)
        found["Limits"] = "" if self.limits.isHidden() else self.limits.text.whole
        return found | {line.accessibleName(): line.whole for line in lines}

    def resizeEvent(self, event: QResizeEvent) -> None:
        """In a narrow window the values stand without captions."""
        super().resizeEvent(event)
        for place in self._places:
            place.be_brief(brief=self.width() < _NARROW_PX)
        self._share_room()

    def _share_room(self) -> None:
        """What lies under the pointer comes before the whole title of a job."""
        if self._position.isHidden():
            self.jobs.share(_JOB_BRIEF_PX if self.width() < _NARROW_PX else self.width())
            return
        places = (*self.rooms.values(), *self._places, self._of_folder[1])
        taken = sum(part.sizeHint().width() for part in places if not part.isHidden())
        self.jobs.share(self.width() - taken - 2 * _EDGE_PX - _RIM_PX)

    def show_pixel(
        self,
        position: str,
        color: str,
        annotation: str,
        prediction: str,
        *,
        color_kind: str = "",
        model: str = "",
    ) -> None:
        """Show what lies under the pointer; `model` says whose prediction it is."""
        self._position.show_value("", position)
        self._color.show_value(color_kind, color)
        self._annotation.show_value("annotation", annotation)
        self._prediction.show_value(model, prediction)
        self._share_room()

    def clear_pixel(self) -> None:
        for place in self._places:
            place.clear()
        self._share_room()

    def show_network(self, text: str) -> None:
        """Show what the network says at the pixel."""
        if text != self._network.whole:
            self._network.show_text(text)
            self._network_line.setVisible(bool(text or self._tool.whole))

    def show_tool(self, text: str) -> None:
        """Show how what a tool has begun goes on, in the place of what the network says."""
        self._tool.show_text(text)
        self._tool.setVisible(bool(text))
        self._network.setVisible(not text)
        self._network_line.setVisible(bool(text or self._network.whole))

    def show_zoom(self, text: str) -> None:
        """Show how large the image is; "" while there is none."""
        for part in (self._zoom_line, self.zoom):
            part.setVisible(bool(text))
        self.zoom.setText(text)
        self.zoom.setAccessibleDescription(text)

    def show_saving(self, text: str, tip: str) -> None:
        """Say whether the open image's annotation is saved, and where or why not in the tip."""
        self._saved.show_caption(text, tip)

    def show_objects(self, count: int | None) -> None:
        """Say how many objects are shown; None where none are told apart."""
        if count is None:
            self._objects.clear()
        else:
            self._objects.show_value("objects" if count != 1 else "object", f"{count:,}")

    def _add_room(self, actions: ActionSet, name: str, action_id: str) -> QToolButton:
        action = actions[action_id]
        action.setIconText(name)
        button = QToolButton()
        button.setDefaultAction(action)
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        button.setIconSize(QSize(_ICON_PX + 4, _ICON_PX))
        button.setProperty("small", True)
        button.setFixedHeight(_BUTTON_PX)
        button.setAccessibleName(name)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._row.addWidget(button)
        return button

    def _add_zoom(self, actions: ActionSet) -> QToolButton:
        button = QToolButton()
        button.setProperty("small", True)
        button.setProperty("plain", True)
        button.setFixedHeight(_BUTTON_PX)
        button.setMinimumWidth(self.fontMetrics().horizontalAdvance("1,600 %") + 8)
        button.setAccessibleName("Zoom")
        button.setToolTip("Zoom: device pixels for a pixel of the image; click for others")
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu("Zoom", button)
        for action_id in _ZOOMS:
            menu.addAction(actions[action_id])
        button.setMenu(menu)
        self._end.addWidget(button)
        return button


def _row_without_gaps() -> QHBoxLayout:
    row = QHBoxLayout()
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(0)
    return row


class _Place(QWidget):
    """A caption and a value after a line; takes no room while it has nothing to say."""

    def __init__(self, name: str, tip: str, *, shrinks: bool = True, after: bool = False) -> None:
        """Take its name and tip, whether it may be cut, and whether the caption comes after."""
        super().__init__()
        self.name = name
        self._brief = False
        self._caption = PlainLabel()
        self._caption.setProperty("caption", True)
        self.value = _Value(name, Qt.AlignmentFlag.AlignLeft, _VALUE_MOST_PX, "value")
        self.value.shrinks = shrinks
        self.setToolTip(tip)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(GroupLine())
        parts = (self.value, self._caption) if after else (self._caption, self.value)
        for part in parts:
            row.addWidget(part)
        self._after = after
        self.hide()

    def show_value(self, caption: str, text: str) -> None:
        """Show a value with a word before it; without a value it hides."""
        if not text:
            self.clear()
            return
        self._caption.setText(caption)
        self._caption.setVisible(bool(caption) and not self._brief)
        self._caption.setContentsMargins(4 * self._after, 0, 4 * (not self._after), 0)
        self.value.grow(text)
        self.show()

    def be_brief(self, *, brief: bool) -> None:
        """Leave the caption out; the tip says what the value is."""
        self._brief = brief
        self._caption.setVisible(bool(self._caption.text()) and not brief)

    def show_caption(self, text: str, tip: str) -> None:
        """Show a text that is no value of anything."""
        self._caption.setText(text)
        self.value.setText(text)
        self.value.hide()
        self.setToolTip(plain(tip))
        self.setVisible(bool(text))

    def clear(self) -> None:
        """Say nothing, and forget how wide it was."""
        self._caption.setText("")
        self.value.setText("")
        self.value.shrink()
        self.hide()


class _Value(QLabel):
    """A text that is cut in its middle where there is no room; `text` stays whole."""

    def __init__(self, name: str, side: Qt.AlignmentFlag, most_px: int, look: str) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setProperty(look, True)
        self.setAccessibleName(name)
        self.setAlignment(side | Qt.AlignmentFlag.AlignVCenter)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Preferred)
        self.most_px, self._grown_px = most_px, 0
        self.shrinks = True

    def setText(self, text: str) -> None:
        super().setText(printable(text))

    def grow(self, text: str) -> None:
        """Show a text, at least as wide as those before."""
        self.setText(text)
        self._grown_px = max(self._grown_px, self._needed)

    def shrink(self) -> None:
        """Be as wide as the next text alone needs."""
        self._grown_px = 0

    def sizeHint(self) -> QSize:
        return QSize(min(self.most_px, max(self._grown_px, self._needed)), _BUTTON_PX)

    def minimumSizeHint(self) -> QSize:
        width = self.sizeHint().width()
        return QSize(min(_VALUE_LEAST_PX, width) if self.shrinks else width, _BUTTON_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        metrics = self.fontMetrics()
        text = fitting(metrics, self.text(), self.width())
        painter = QPainter(self)
        self.style().drawItemText(
            painter, self.rect(), int(self.alignment()), self.palette(), self.isEnabled(), text,
            QPalette.ColorRole.WindowText,
        )  # fmt: skip
        painter.end()

    @property
    def _needed(self) -> int:
        return self.fontMetrics().horizontalAdvance(self.text()) + 1
