"""Messages that do not stop the work: one strip above the views, no height while there are none."""

from __future__ import annotations

import math

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFontDatabase, QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QTextEdit,
    QToolButton,
    QVBoxLayout,
)

from segstudio.kit.elided import in_two_lines
from segstudio.kit.icon_button import icon_button, text_switch
from segstudio.kit.icons import tinted
from segstudio.kit.plain import PlainLabel, in_menu
from segstudio.kit.theme import tokens_of
from segstudio.notices import Notice, Notices, Open

HEIGHT = 32
"""Of one message: two lines of text."""
_LONG = 160
"""Height of the whole text of a message at most, when it is asked for."""
_AROUND = 8
"""Between that text and the edges of its box."""
_ICONS = {"info": "info", "warning": "triangle-alert", "error": "circle-x"}
_COLORS = {
    "info": ("accent", "selected", "text"),
    "warning": ("warn", "doubt", "on_doubt"),
    "error": ("bad", "failure", "on_failure"),
}
"""Sign, ground and text of each level: names of the theme's colours."""
_SECONDS = {"info": 8.0, "warning": 20.0}
"""How long a message stays by its level; errors and questions stay until they are closed."""
_WITH_ACTION_S = 30.0
_GONE_MS = 250
"""So long the strip keeps its place when it is empty: the next image may have a message too, and
the picture should not jump."""
_BUSY_MS = 50


class NoticeStrip(QFrame):
    """Shows one message, how many more there are, and what can be done about it.

    It appears and goes only while no mouse button is down, so that the picture never moves under a
    stroke.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setAutoFillBackground(True)
        self.setAccessibleName("Message")
        self._notices = Notices()
        self._entry: Open | None = None
        self._place = 0
        self._sign, self._text = PlainLabel(), TwoLines()
        self.more = text_switch("More", "Show the whole message")
        self.buttons = [QPushButton(), QPushButton()]
        self.others = QToolButton()
        self.others.setAutoRaise(True)
        self.closer = icon_button("x", "Close this message", px=14)
        self.whole = _whole_text()
        self._lay_out()
        self._refresh = QTimer(self, singleShot=True, interval=0)
        self._refresh.timeout.connect(self._show)
        self._ends = QTimer(self, singleShot=True)
        self._ends.timeout.connect(self._close)
        self._gone = QTimer(self, singleShot=True, interval=_GONE_MS)
        self._gone.timeout.connect(self._hide)
        self._painting = QTimer(self, singleShot=True, interval=0)
        self._painting.timeout.connect(self._paint_ground)
        self._text.fits_changed.connect(self._offer_more)
        self.more.toggled.connect(self._show_whole)
        self.others.clicked.connect(self._show_next)
        self.closer.clicked.connect(self._close)
        for number, button in enumerate(self.buttons):
            button.clicked.connect(lambda _checked=False, i=number: self._act(i))
        self._notices.changed.connect(self._on_changed)
        self.hide()

    def attach(self, notices: Notices) -> None:
        """Show these messages from now on, and those that were said before."""
        early, self._notices = self._notices, notices
        early.changed.disconnect(self._on_changed)
        notices.changed.connect(self._on_changed)
        for entry in reversed(early.shown):
            notices.post(entry.notice)
        self._on_changed()

    @property
    def entry(self) -> Open | None:
        """The message that is read now; None while there is none."""
        return self._entry

    @property
    def text(self) -> str:
        """What is read now, as far as it fits."""
        return self._text.text()

    def show_notice(self, level: str, message: str, hint: str = "", details: str = "") -> None:
        """Say something that is not from the studio, which may not be there yet."""
        self._notices.post(Notice(level, message, hint, details, scope="program"))  # type: ignore[arg-type]

    def dismiss_all(self) -> None:
        self._notices.close_shown()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        # the theme's style sheet, which is set after its palette, takes the ground away: of the
        # strip first, then of what is in it
        if event.type() == QEvent.Type.StyleChange:
            self._painting.start()

    # -- showing -------------------------------------------------------------------------------

    def _on_changed(self) -> None:
        self._refresh.start(0)

    def _show(self) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._refresh.start(_BUSY_MS)
            return
        shown = self._notices.shown
        before = self._entry
        place = next((i for i, e in enumerate(shown) if before and e.notice is before.notice), 0)
        # what came last is read first, but for one that the reader turned to
        self._place = place if self._place and place else 0
        if not shown:
            self._empty()
            return
        self._gone.stop()
        entry = shown[self._place]
        self.others.setText(f"+{len(shown) - 1}")
        self.others.setToolTip(f"{len(shown) - 1} more: show the next message")
        self.others.setVisible(len(shown) > 1)
        if entry != before or self.isHidden():
            self._fill(entry)
        self.show()

    def _fill(self, entry: Open) -> None:
        notice = entry.notice
        anew = self._entry is None or self._entry.notice is not notice
        self._entry = entry
        self.setAccessibleName(f"{notice.level}: {entry.message}")
        self.setAccessibleDescription(notice.hint)
        self._text.show_text(entry.message, notice.hint)
        for button, action in zip(self.buttons, (*notice.actions, None, None), strict=False):
            button.setVisible(action is not None)
            if action is not None:
                button.setText(in_menu(action[0]))
        self._paint_ground()
        if anew:
            self.more.setChecked(False)
            parts = (entry.message, notice.hint, notice.details)
            self.whole.setPlainText("\n\n".join(part for part in parts if part))
            fixed = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
            self.whole.setFont(fixed if notice.details else self.font())
            self._start_time(notice)
        self._offer_more()

    def _start_time(self, notice: Notice) -> None:
        """Errors, questions, and what is wrong with the selected image stay."""
        self._ends.stop()
        lasting = notice.stays or (notice.scope == "image" and notice.level != "info")
        seconds = None if lasting else _SECONDS.get(notice.level)
        if seconds is not None:
            self._ends.start(round(1000 * (_WITH_ACTION_S if notice.actions else seconds)))

    def _empty(self) -> None:
        self._ends.stop()
        self._entry = None
        if self.isHidden():
            return
        self._text.show_text("", "")
        for widget in (*self.buttons, self.more, self.others):
            widget.hide()
        self.whole.hide()
        self._gone.start()

    def _hide(self) -> None:
        if QApplication.mouseButtons() != Qt.MouseButton.NoButton:
            self._gone.start()
        else:
            self.hide()

    def _offer_more(self) -> None:
        entry = self._entry
        details = entry is not None and bool(entry.notice.details)
        self.more.setText("Details" if details else "More")
        wanted = entry is not None and (details or not self._text.fits or self.more.isChecked())
        self.more.setVisible(wanted)

    def _show_whole(self, shown: bool) -> None:
        self._ends.stop()  # whoever reads on is not hurried
        self._fit_whole()
        self.whole.setVisible(shown)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """The whole text takes fewer lines where it is wide."""
        super().resizeEvent(event)
        self._fit_whole()

    def _fit_whole(self) -> None:
        """Take no more height than the whole text has."""
        text = self.whole.document()
        text.setTextWidth(self.width())
        self.whole.setFixedHeight(min(_LONG, math.ceil(text.size().height())))

    # -- what can be done ----------------------------------------------------------------------

    def _act(self, number: int) -> None:
        entry = self._entry
        if entry is not None and number < len(entry.notice.actions):
            self._notices.close(entry.notice)
            entry.notice.actions[number][1]()

    def _close(self) -> None:
        if self._entry is not None:
            self._notices.close(self._entry.notice)

    def _show_next(self) -> None:
        shown = self._notices.shown
        if shown:
            self._place = (self._place + 1) % len(shown)
            self._fill(shown[self._place])

    # -- looks ---------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(8, 0, 4, 0)
        row.setSpacing(8)
        row.addWidget(self._sign)
        row.addWidget(self._text, 1)
        for widget in (self.more, *self.buttons, self.others, self.closer):
            row.addWidget(widget)
            widget.setMaximumHeight(HEIGHT - 6)
        for button in self.buttons:
            button.setAutoDefault(False)
            button.setProperty("link", True)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(row)
        column.addWidget(self.whole)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def _paint_ground(self) -> None:
        if self._entry is None:
            return
        level = self._entry.notice.level
        palette = QApplication.palette()
        tokens = tokens_of(palette)
        sign, ground, ink = (QColor(getattr(tokens, name)) for name in _COLORS[level])
        palette.setColor(QPalette.ColorRole.Window, ground)
        for role in (QPalette.ColorRole.WindowText, QPalette.ColorRole.ButtonText):
            palette.setColor(role, ink)
        for widget in (self, self._text, self.more, self.others, *self.buttons):
            widget.setPalette(palette)
        self._sign.setPixmap(tinted(_ICONS[level], sign, 16, self.devicePixelRatioF()))
        self._sign.setAccessibleName(level)


class TwoLines(QLabel):
    """A message and its hint in two lines at most.

    Signals:
        fits_changed: Whether all of it is seen is another answer now.
    """

    fits_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setFixedHeight(HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._message = self._hint = ""
        self.fits = True

    def show_text(self, message: str, hint: str) -> None:
        self._message, self._hint = message, hint
        self._place()

    def minimumSizeHint(self) -> QSize:
        """It may become as narrow as the layout wants."""
        return QSize(60, HEIGHT)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()

    def _place(self) -> None:
        text, fits = in_two_lines(self._message, self._hint, self.fontMetrics(), self.width())
        self.setText(text)
        if fits != self.fits:
            self.fits = fits
            self.fits_changed.emit()


def _whole_text() -> QTextEdit:
    box = QTextEdit()
    box.setReadOnly(True)
    box.setFrameShape(QFrame.Shape.NoFrame)
    box.document().setDocumentMargin(_AROUND)
    box.setAccessibleName("The whole message")
    box.setTabChangesFocus(True)
    box.hide()
    return box
