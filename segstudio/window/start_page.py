"""What the window shows before a folder is open: three ways to begin, and recent folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from PySide6.QtCore import QLineF, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QImage,
    QPainter,
    QPaintEvent,
    QPalette,
    QPen,
    QPixmap,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from segstudio.folder.ui.recent_list import ROW_HEIGHT, RecentList
from segstudio.kit.icons import tinted
from segstudio.kit.plain import FaintLabel, PlainLabel
from segstudio.kit.theme import TEXT_PX, tokens_of
from segstudio.storage.recent_folders import RecentFolder

THUMB: Final = 72
"""Width and height of a sample's picture."""
_CARD, _PAD, _BETWEEN = 280, 20, 20
_INSIDE: Final = _CARD - 2 * _PAD - 2
_WIDTH: Final = 3 * _CARD + 2 * _BETWEEN
_PICTURE_HEIGHT: Final = 80
_LEAST_RECENT: Final = 3
"""So many recent folders are listed, however low the window is."""
_RIM: Final = 20

_TITLE = "What would you like to segment?"
_SUBTITLE = "Run a model, correct it by hand, measure, look inside."
_OPEN = "Images, with or without masks. Nothing is changed until you correct something."
_SAMPLES = "Cell nuclei with their ground truth, some photos, and three small models. No download."
_TOUR = "Run a U-Net, correct a nucleus, cut a skip connection and watch the mask change."
_BOTTLENECK = "#cc79a7"
"""As in the network diagram, in both themes."""
_DROP, _DROP_NOW = "or drop one anywhere", "drop it to open it"
_NETWORK = "Look inside a U-Net: what each stage sees, and what its skip connections carry."


class StartPage(QScrollArea):
    """Three cards and the recent folders; scrolls only where the window is too low for them.

    Signals:
        open_requested: The user wants to choose a folder.
        samples_requested: The user wants the samples.
        lesson_requested: The user wants to learn.
        folder_requested: The user wants a recent folder (a Path).
        forget_requested: A recent folder shall be taken out of the list.
    """

    open_requested = Signal()
    samples_requested = Signal()
    lesson_requested = Signal()
    folder_requested = Signal(object)
    forget_requested = Signal(object)

    def __init__(self, *, has_tour: bool = False) -> None:
        """Take whether there is a tour to offer; else the network panel is what there is to see."""
        super().__init__()
        self.setObjectName("start")
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self._rows: Sequence[RecentFolder] = ()
        self.open_button = _button("Open folder…", "Open a folder of images", primary=True)
        self.samples_button = _button("Open samples", "Open the images that come with segstudio")
        self.lesson_button = (
            _button("Start the tour", "Ten short steps on the samples")
            if has_tour
            else _button("Look inside", "Open the samples with the network panel")
        )
        self._keys = PlainLabel()
        self._drop, self._thumbs = _DropArea(), _Thumbs()
        self._cards = [
            _Card("folder-open", "Open a folder", _OPEN, self._drop, self.open_button, self._keys),
            _Card("images", "Try the samples", _SAMPLES, self._thumbs, self.samples_button),
            _Card(
                "graduation-cap",
                "Learn in five minutes",
                _TOUR if has_tour else _NETWORK,
                _SkipPicture(),
                self.lesson_button,
            ),
        ]
        self.recent = RecentList()
        self._heading = PlainLabel("Recent folders")
        self._page = self._made_page()
        self.setWidget(self._page)
        self.open_button.clicked.connect(self.open_requested)
        self.samples_button.clicked.connect(self.samples_requested)
        self.lesson_button.clicked.connect(self.lesson_requested)
        self.recent.opened.connect(self.folder_requested)
        self.recent.forgotten.connect(self.forget_requested)
        self.show_recent(())

    @property
    def picture_px(self) -> int:
        """Width and height of the pictures in pixels of the screen."""
        return round(THUMB * self.devicePixelRatioF())

    def show_keys(self, text: str) -> None:
        """Show the key that opens a folder; "" for none."""
        self._keys.setText(text)
        tip = f"Open a folder of images ({text})" if text else "Open a folder of images"
        self.open_button.setToolTip(tip)

    def show_recent(self, rows: Sequence[RecentFolder]) -> None:
        """List the folders that were open before, as many as there is room for."""
        had_focus = self.recent.hasFocus()
        self._rows = tuple(rows)
        self._fit()
        if had_focus and not rows:
            self.open_button.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_pictures(self, pictures: Iterable[QImage]) -> None:
        """Show the samples."""
        self._thumbs.show_pictures(pictures)

    def show_gone(self, folder: Path, reason: str) -> None:
        """Grey a folder that can't be opened now, and say why."""
        self.recent.show_gone(folder, reason)

    def show_drag(self, *, over: bool) -> None:
        """Show that what is dragged over the window can be dropped."""
        self._drop.show_drag(over=over)

    @property
    def parts(self) -> list[list[QWidget]]:
        """The cards' buttons, and the recent folders: what the keys go round through."""
        cards: list[QWidget] = [self.open_button, self.samples_button, self.lesson_button]
        return [cards, [self.recent]]

    def take_focus(self) -> None:
        """Let keys begin at the first recent folder, else at the button that opens one."""
        first = self.recent if self._rows else self.open_button
        first.setFocus(Qt.FocusReason.OtherFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """List as many folders as there is room for; all are in the File menu."""
        highest = max(card.text_height for card in self._cards)
        for card in self._cards:
            card.set_text_height(highest)
        cards = max(card.sizeHint().height() for card in self._cards)
        taken = self._head.sizeHint().height() + cards + 24 + 36 + 2 * _RIM
        room = (self.viewport().height() - taken) // ROW_HEIGHT
        self.recent.show_rows(self._rows[: max(_LEAST_RECENT, room)])
        self._heading.setVisible(bool(self._rows))
        self.recent.setVisible(bool(self._rows))

    def _made_page(self) -> QWidget:
        title = PlainLabel(_TITLE)
        title.setFont(_font(title, 20))
        subtitle = FaintLabel(_SUBTITLE, wraps=False)
        self._head = QWidget()
        head = QVBoxLayout(self._head)
        head.setContentsMargins(0, 0, 0, 24)
        head.setSpacing(6)
        head.addWidget(title)
        head.addWidget(subtitle)
        cards = QHBoxLayout()
        cards.setSpacing(_BETWEEN)
        for card in self._cards:
            cards.addWidget(card)
        self._heading.setFont(_font(self._heading, self._heading.font().pixelSize()))
        self._heading.setContentsMargins(12, 28, 0, 6)
        column = QVBoxLayout()
        column.setSpacing(0)
        column.addStretch(4)
        column.addWidget(self._head)
        column.addLayout(cards)
        column.addWidget(self._heading)
        column.addWidget(self.recent)
        column.addStretch(5)
        page = QWidget()
        row = QHBoxLayout(page)
        row.setContentsMargins(_RIM, _RIM, _RIM, _RIM)
        row.addStretch(1)
        row.addLayout(column)
        row.addStretch(1)
        self.recent.setFixedWidth(_WIDTH)
        return page


class _Card(QFrame):
    """One way to begin: what it is, a picture, and the button."""

    def __init__(
        self,
        icon_name: str,
        title: str,
        text: str,
        picture: QWidget,
        button: QPushButton,
        beside: QLabel | None = None,
    ) -> None:
        super().__init__()
        self.setProperty("card", True)
        self.setFixedWidth(_CARD)
        self.setAccessibleName(title)
        heading = PlainLabel(title)
        heading.setFont(_font(heading, 15))
        self._text = FaintLabel(text)
        self._text.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._text.setFixedWidth(_INSIDE)
        top = QHBoxLayout()
        top.setSpacing(10)
        top.addWidget(_Icon(icon_name, 20, "accent"))
        top.addWidget(heading, 1)
        bottom = QHBoxLayout()
        bottom.addWidget(button)
        bottom.addStretch(1)
        if beside is not None:
            small = beside.font()
            small.setPixelSize(small.pixelSize() - 1)
            beside.setFont(small)
            beside.setForegroundRole(QPalette.ColorRole.PlaceholderText)
            bottom.addWidget(beside)
        column = QVBoxLayout(self)
        column.setContentsMargins(_PAD, _PAD, _PAD, _PAD)
        column.setSpacing(10)
        column.addLayout(top)
        column.addWidget(self._text)
        column.addSpacing(4)
        column.addWidget(picture)
        column.addStretch(1)
        column.addSpacing(8)
        column.addLayout(bottom)

    @property
    def text_height(self) -> int:
        """What the text takes, however it wraps."""
        return self._text.heightForWidth(_INSIDE)

    def set_text_height(self, height: int) -> None:
        """Leave so much room for the text, that pictures stand in one line."""
        self._text.setFixedHeight(height)


class _Icon(QWidget):
    """An icon in one of the theme's colours."""

    def __init__(self, name: str, px: int, token: str) -> None:
        super().__init__()
        self._name, self._token = name, token
        self.setFixedSize(px, px)

    def paintEvent(self, event: QPaintEvent) -> None:
        color = QColor(getattr(tokens_of(self.palette()), self._token))
        pixmap = tinted(self._name, color, self.width(), self.devicePixelRatioF())
        painter = QPainter(self)
        painter.drawPixmap(0, 0, pixmap)
        painter.end()


class _DropArea(QFrame):
    """Says that a folder can be dropped, on this or anywhere; lights up while one is dragged."""

    _DASHES: Final = (4, 3)

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(THUMB)
        self.is_over = False
        self._label = FaintLabel(_DROP, wraps=False)
        row = QHBoxLayout(self)
        row.setSpacing(8)
        row.addStretch(1)
        row.addWidget(_Icon("download", 16, "text_2"))
        row.addWidget(self._label)
        row.addStretch(1)

    def show_drag(self, *, over: bool) -> None:
        self.is_over = over
        self._label.setText(_DROP_NOW if over else _DROP)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the border: style sheets have dots for dashes."""
        tokens = tokens_of(self.palette())
        pen = QPen(QColor(tokens.accent if self.is_over else tokens.edge), 2 if self.is_over else 1)
        pen.setDashPattern(self._DASHES)
        inset = pen.widthF() / 2
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(pen)
        painter.setBrush(QColor(tokens.selected if self.is_over else tokens.panel))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(inset, inset, -inset, -inset), 4, 4)
        painter.end()


class _Thumbs(QWidget):
    """Three samples side by side; an even ground until they are read."""

    _COUNT: Final = 3
    _STEP: Final = THUMB + 4

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_PICTURE_HEIGHT)
        self._pixmaps: list[QPixmap] = []

    def show_pictures(self, pictures: Iterable[QImage]) -> None:
        self._pixmaps = [QPixmap.fromImage(picture) for picture in pictures]
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        for place in range(self._COUNT):
            box = QRectF(place * self._STEP, 0, THUMB, THUMB)
            if place < len(self._pixmaps):
                painter.drawPixmap(box, self._pixmaps[place], QRectF(self._pixmaps[place].rect()))
            else:
                painter.fillRect(box, QColor(tokens_of(self.palette()).hover))
        painter.end()


class _SkipPicture(QWidget):
    """A U with three skip connections, the middle one of them cut."""

    _BLOCK: Final = QSize(34, 14)
    _LEFT: Final = ((22, 0), (38, 24), (54, 48))
    _RIGHT: Final = ((180, 0), (164, 24), (148, 48))
    _BOTTOM: Final = (101, 64)
    _CUT: Final = 1
    _CUT_RADIUS: Final = 10.0

    def __init__(self) -> None:
        super().__init__()
        self.setFixedHeight(_PICTURE_HEIGHT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def paintEvent(self, event: QPaintEvent) -> None:
        tokens = tokens_of(self.palette())
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(QColor(tokens.edge), 1.5))
        painter.drawLines(self._lines())
        blocks = [(place, tokens.accent) for place in self._LEFT]
        blocks += [(place, tokens.good) for place in self._RIGHT]
        for (x, y), color in [*blocks, (self._BOTTOM, _BOTTLENECK)]:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(color))
            painter.drawRoundedRect(QRectF(x, y, *self._BLOCK.toTuple()), 2, 2)
        self._paint_cut(painter, QColor(tokens.panel), QColor(tokens.warn))
        painter.end()

    def _lines(self) -> list[QLineF]:
        """From block to block: down, up, and across."""
        width, height = self._BLOCK.toTuple()
        (bottom_x, bottom_y), half = self._BOTTOM, height / 2
        lines = []
        for (left, y), (right, _) in zip(self._LEFT, self._RIGHT, strict=True):
            lines.append(QLineF(left + width, y + half, right, y + half))
            down, up = left + width / 2, right + width / 2
            last = y == self._LEFT[-1][1]
            end = bottom_y + half if last else y + 24
            lines.append(QLineF(down, y + height, down, end))
            lines.append(QLineF(up, y + height, up, end))
            if last:
                lines.append(QLineF(down, end, bottom_x, end))
                lines.append(QLineF(bottom_x + width, end, up, end))
        return lines

    def _paint_cut(self, painter: QPainter, ground: QColor, color: QColor) -> None:
        (left, y), (right, _) = self._LEFT[self._CUT], self._RIGHT[self._CUT]
        middle = QPointF((left + self._BLOCK.width() + right) / 2, y + self._BLOCK.height() / 2)
        painter.setPen(QPen(color, 1.5))
        painter.setBrush(ground)
        painter.drawEllipse(middle, self._CUT_RADIUS, self._CUT_RADIUS)
        reach = QPointF(4, 4)
        other = QPointF(4, -4)
        painter.setPen(QPen(color, 2))
        painter.drawLine(middle - reach, middle + reach)
        painter.drawLine(middle - other, middle + other)


def _button(text: str, tip: str, *, primary: bool = False) -> QPushButton:
    button = QPushButton(text)
    button.setProperty("primary", primary)
    button.setMinimumWidth(128)
    button.setToolTip(tip)
    button.setAccessibleName(text.rstrip("…"))
    button.setAutoDefault(True)
    return button


def _font(widget: QWidget, px: int) -> QFont:
    """The widget's font, semibold and of another size; a system with large text keeps it large."""
    font = QFont(widget.font())
    font.setPixelSize(round(px * max(1.0, font.pixelSize() / TEXT_PX)))
    font.setWeight(QFont.Weight.DemiBold)
    return font
