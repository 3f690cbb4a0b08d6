"""The line on the upper edge of a view: what it shows, and how good that is."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSignalBlocker, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QEnterEvent,
    QFont,
    QFontMetrics,
    QImage,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QAbstractButton, QSlider, QToolTip, QWidget

from segstudio.canvas.overlay import model_filled, shown_layer
from segstudio.canvas.picture_display import right_of_line
from segstudio.canvas.view_menu import ViewMenu
from segstudio.canvas.view_words import (
    DASH,
    Heading,
    Phrase,
    ScoreWords,
    ViewNames,
    against_text,
    heading,
    score_words,
)
from segstudio.comparison.comparing import OF_A_RUN, Comparing, PaneScore
from segstudio.core.colour_maps import colour_table
from segstudio.core.formatting import ratio_text, seconds_text
from segstudio.core.short_names import elided_middle
from segstudio.core.text import as_html, printable
from segstudio.kit.icons import tinted
from segstudio.kit.plain import plain
from segstudio.kit.theme import DARK, ON_PICTURE
from segstudio.runs.batch import model_of
from segstudio.session.inspection import ColourMap, OverPhoto, OverPhotoHeat
from segstudio.session.session import Layer, Session

HEADER_PX: Final = 24
_FONT_PX: Final = 12
_PAD, _GAP, _LINE_PX = 8, 6, 2
_DASH_WIDTH, _DOT, _ARROW, _STAR, _BUTTON = 22, 10, 12, 14, 20
_KEPT: Final = 200
"""So many widths of words are remembered."""
_BAR_WIDTH, _BAR_HEIGHT, _SLIDER_WIDTH, _STEPS = 90, 10, 64, 100


Pixel = tuple[int, int]


class ViewHeader(QWidget):
    """One line of words; a click on the name offers layer, prediction and style.

    Attributes:
        name: What the view shows, or what a wiped view shows left of its line.
        other: What a wiped view shows right of its line.
        score: How good it is.
        run: Runs the model of the view, if it has not run.
        notes: Tells what is to be known of the prediction.
        scale: What the colours of values over the photo mean; takes them away.

    Signals:
        closed: What the inspector lays over the photo shall go.
        faded: How strongly it shall cover the photo, 0..1.
        menu_opening: Others may add to its menu: (menu, the pixel (x, y) it is about, or None).
    """

    closed = Signal()
    faded = Signal(float)
    menu_opening = Signal(object, object)

    def __init__(
        self, session: Session, comparing: Comparing, number: int, parent: QWidget | None = None
    ) -> None:
        """Args:
        session: What is shown.
        comparing: Knows what can be shown, and how good it is.
        number: Which of the session's panes it is about.
        parent: The view.
        """
        super().__init__(parent)
        self._session, self._comparing, self._number = session, comparing, number
        self._accented = False
        self._over: OverPhoto | None = None
        title = f"View {number + 1}"
        self.setAccessibleName(title)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.name = NameButton(title, self)
        self.other = NameButton(f"{title}, right of the line", self)
        self.score = ScoreText(self)
        self.run = GlyphButton("play", "Run this model on this image", self)
        self.notes = GlyphButton("triangle-alert", "Notes on this prediction", self)
        self.scale = Scale(self)
        for widget in (self.other, self.run, self.notes, self.scale):
            widget.hide()
        self.name.clicked.connect(lambda: self.open_menu())
        self.other.clicked.connect(lambda: self.open_menu(right=True))
        self.run.clicked.connect(self._run)
        self.notes.clicked.connect(self._tell_notes)
        self.scale.closed.connect(self.closed)
        self.scale.faded.connect(self.faded)

    @property
    def height_px(self) -> int:
        """How high it is: more than usual where the system's text is larger."""
        return max(HEADER_PX, QFontMetrics(header_font(self.font())).height() + 6)

    @property
    def controls(self) -> tuple[QWidget, ...]:
        """What the keyboard can reach, from left to right."""
        return (self.name, self.other, self.scale.button, self.notes, self.run)

    def show_all(
        self, names: ViewNames, score: PaneScore, over: OverPhoto | None, *, layer_said: bool
    ) -> None:
        """Show what the view shows now, and how good it is.

        Args:
            names: Of the models in all views.
            score: The figures of this view.
            over: What the inspector lays over the photo here.
            layer_said: Whether all views show the same layer, so that their names are enough.
        """
        session, document = self._session, self._session.document
        self._over = over if session.view.overlay_visible else None
        if document is None or self._number >= len(session.view.all_panes):
            return  # the last picture stays while the next one is read
        view = session.view.of_pane(self._number)
        wiped = view.against is not None
        alone = not session.view.panes
        filled = model_filled(session)
        said = heading(
            document, view, names,
            alone=alone, layer_said=layer_said and not wiped, model_filled=filled, over=self._over,
        )  # fmt: skip
        self.name.show_heading(said, _tip(said, alone=alone))
        self.other.setVisible(wiped)
        if wiped:
            right = heading(document, right_of_line(view), names, alone=alone, model_filled=filled)
            self.other.show_heading(right, _tip(right, alone=alone))
        state = self._state()
        self.run.setVisible(state == "not run" and model_of(view.run) in session.models)
        prediction = document.predictions.get(view.run) if view.layer in OF_A_RUN else None
        self._show_notes(() if prediction is None else prediction.notes)
        heat = self._over if isinstance(self._over, OverPhotoHeat) else None
        self.scale.setVisible(self._over is not None)
        self.scale.show_heat(heat)
        self._accented = not alone and session.view.active_pane == self._number
        self.show_score(score)
        self.update()

    def show_score(self, score: PaneScore) -> None:
        """Show how good it is."""
        session, document = self._session, self._session.document
        if document is None or self._number >= len(session.view.all_panes):
            return
        view, alone = session.view.of_pane(self._number), not session.view.panes
        state = self._state()
        # where two models are compared, the figures of one of them would mislead
        told = view.layer in OF_A_RUN[:-1] and self._over is None and view.overlay_visible
        if alone and not state and shown_layer(document, view) is Layer.ANNOTATION:
            told = False
        edited = document.edited_at is not None
        words = ScoreWords()
        if told:
            words = score_words(score, state, session.schema, alone=alone, edited=edited)
        self.score.show_words(words, plain(_score_tip(score, words, state, edited=edited)))
        self._arrange()

    def open_menu(
        self, at: QPoint | None = None, *, right: bool = False, pixel: Pixel | None = None
    ) -> None:
        """Offer layer, prediction and style of this view.

        Args:
            at: Where on the screen; below the name if not given.
            right: Whether it is about what a wiped view shows right of its line.
            pixel: The image's pixel (x, y) that it is about, too.
        """
        if self._session.document is None:
            return
        self._comparing.activate(self._number)
        menu = ViewMenu(self._session, self._comparing, self._number, self, right=right)
        if self._over is not None and not right:
            opacity = self._over.opacity if isinstance(self._over, OverPhotoHeat) else None
            menu.add_over_photo(opacity, self.closed.emit, self.faded.emit)
        self.menu_opening.emit(menu, pixel)
        button = self.other if right else self.name
        menu.popup(at or button.mapToGlobal(QPoint(0, self.height())))

    # -- what stands where ---------------------------------------------------------------------

    def _arrange(self) -> None:
        """Give figures and buttons their room at the right, and the name what is left."""
        width, height = self.width(), self.height()
        right = width - _PAD
        for button in (self.run, self.notes):
            if not button.isHidden():
                right -= _BUTTON
                button.setGeometry(right, (height - _BUTTON) // 2, _BUTTON, _BUTTON)
                right -= 2
        left = 0
        if not self.other.isHidden():
            half = width // 2
            asked = min(self.other.sizeHint().width(), right - half)
            self.other.setGeometry(right - asked, 0, asked, height)
            right = half - _PAD  # the figure is of what lies left of the line
        if not self.scale.isHidden():
            asked = self.scale.width_in(right - left - self.name.sizeHint().width() - _GAP)
            self.scale.setGeometry(right - asked, 0, asked, height)
            right -= asked + _GAP
        wanted = self.name.sizeHint().width()
        asked = self.score.width_in(right - left - wanted - _GAP)
        self.score.setGeometry(right - asked, 0, asked, height)
        right -= asked + (_GAP if asked else 0)
        self.name.setGeometry(left, 0, max(0, min(wanted, right - left)), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        ground = QColor(ON_PICTURE.ground)
        ground.setAlphaF(ON_PICTURE.density)
        painter.fillRect(self.rect(), ground)
        if self._accented:
            painter.fillRect(0, 0, self.width(), _LINE_PX, QColor(ON_PICTURE.accent))
        painter.end()

    # -- what is done --------------------------------------------------------------------------

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """A click on the header chooses its view."""
        self._comparing.activate(self._number)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """A right click opens the menu where it is."""
        right = not self.other.isHidden() and event.pos().x() >= self.other.x()
        self.open_menu(event.globalPos(), right=right)
        event.accept()

    def _run(self) -> None:
        run = self._session.view.all_panes[self._number].run
        self._comparing.choose(self._number, run=run)

    def _state(self) -> str:
        """Why there are no figures: "running …", "not run", or "" where there are some."""
        document, view = self._session.document, self._session.view
        pane = view.all_panes[self._number]
        if document is None or pane.layer not in OF_A_RUN or not pane.run:
            return ""
        if self._comparing.is_running(pane.run):
            return "running \u2026"
        return "" if pane.run in document.predictions or not view.panes else "not run"

    def _show_notes(self, notes: Sequence[str]) -> None:
        self.notes.setVisible(bool(notes))
        self.notes.setAccessibleDescription(" ".join(notes))
        self.notes.setToolTip("".join(f"<p>{as_html(note)}</p>" for note in notes))

    def _tell_notes(self) -> None:
        QToolTip.showText(
            self.notes.mapToGlobal(self.notes.rect().bottomLeft()), self.notes.toolTip(), self.notes
        )


def _tip(said: Heading, *, alone: bool) -> str:
    shift = "" if alone else "; with Shift for all views"
    return plain(f"{said.whole}\nClick for layer, prediction and style{shift}")


def _score_tip(score: PaneScore, words: ScoreWords, state: str, *, edited: bool) -> str:
    if not words.figure or score.mean_iou is None:
        return state
    figure = f"{words.before}, this image: {ratio_text(score.mean_iou)}"
    lines = [f"{figure}, {against_text(edited=edited)}"]
    if score.seconds is not None:
        lines.append(f"Time of the run: {seconds_text(score.seconds)}")
    if score.best:
        lines.append("The best of these views")
    return "\n".join(lines)


# -- words ---------------------------------------------------------------------------------------


def header_font(font: QFont, *, strong: bool = False) -> QFont:
    """A font one pixel smaller than the usual text, and semibold for names."""
    found = QFont(font)
    found.setPixelSize(_FONT_PX)
    if strong:
        found.setWeight(QFont.Weight.DemiBold)
    return found


class Ink:
    """Draws phrases in two weights on a picture, and knows how wide they are."""

    def __init__(self, font: QFont) -> None:
        self._fonts = {strong: header_font(font, strong=strong) for strong in (False, True)}
        self.metrics = {strong: QFontMetrics(found) for strong, found in self._fonts.items()}
        self._advances: dict[Phrase, int] = {DASH: _DASH_WIDTH}

    def advance(self, phrase: Phrase) -> int:
        """How wide a phrase is."""
        if phrase not in self._advances:
            if len(self._advances) > _KEPT:
                self._advances = {DASH: _DASH_WIDTH}
            metrics = self.metrics[phrase.strong]
            self._advances[phrase] = metrics.horizontalAdvance(printable(phrase.text))
        return self._advances[phrase]

    def name_width(self, text: str) -> int:
        """How wide a name would be; of many that are tried, none is remembered."""
        return self.metrics[True].horizontalAdvance(printable(text))

    def width(self, phrases: Sequence[Phrase]) -> int:
        """How wide some phrases are beside each other."""
        return sum(self.advance(phrase) for phrase in phrases) + _GAP * max(0, len(phrases) - 1)

    def draw(self, painter: QPainter, x: int, height: int, phrase: Phrase) -> int:
        """Draw a phrase in a line of that height, and return where it ends."""
        width = self.advance(phrase)
        if phrase == DASH:
            pen = QPen(QColor(ON_PICTURE.text), 2, Qt.PenStyle.CustomDashLine)
            pen.setDashPattern([2.5, 1.5])
            pen.setCapStyle(Qt.PenCapStyle.FlatCap)
            painter.setPen(pen)
            painter.drawLine(QPointF(x, height / 2 + 0.5), QPointF(x + width, height / 2 + 0.5))
            return x + width
        painter.setFont(self._fonts[phrase.strong])
        painter.setPen(QColor(ON_PICTURE.text if phrase.strong else ON_PICTURE.text_2))
        box = QRect(x, 0, width + _GAP, height)
        painter.drawText(box, Qt.AlignmentFlag.AlignVCenter, printable(phrase.text))
        return x + width


class _Button(QAbstractButton):
    """What can be clicked on on a picture."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _paint_states(self, painter: QPainter) -> None:
        """The ground under the pointer, and the ring of what has the keyboard."""
        if self.underMouse():
            painter.fillRect(self.rect(), QColor(ON_PICTURE.hover))
        if self.hasFocus():
            painter.setPen(QPen(QColor(ON_PICTURE.accent), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))

    def enterEvent(self, event: QEnterEvent) -> None:
        super().enterEvent(event)
        self.update()

    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        self.update()


class NameButton(_Button):
    """What a view shows; a click, Space, Return or Down opens the menu."""

    def __init__(self, title: str, parent: QWidget) -> None:
        super().__init__(title, parent)
        self._title, self._said, self._ink = title, Heading(), Ink(self.font())
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    @property
    def said(self) -> Heading:
        return self._said

    @property
    def shown(self) -> str:
        """The words that there is room for."""
        return " ".join(part.text or "---" for part in self._fitted())

    def show_heading(self, said: Heading, tip: str) -> None:
        """Say something else."""
        self.setToolTip(tip)
        if said == self._said:
            return
        self._said = said
        self.setAccessibleName(f"{self._title}: {said.whole}")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._width_of(self._said.parts) + _ARROW, HEADER_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_states(painter)
        x = _PAD
        if self._said.marker:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._said.marker))
            painter.drawEllipse(QRectF(x, (self.height() - _DOT) / 2, _DOT, _DOT))
            x += _DOT + _GAP
        for part in self._fitted():
            x = self._ink.draw(painter, x, self.height(), part) + _GAP
        if x + _ARROW - _GAP <= self.width():
            self._draw_arrow(painter, x)
        painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keys that open menus elsewhere open this one."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down):
            self.click()
        else:
            super().keyPressEvent(event)

    def _draw_arrow(self, painter: QPainter, x: float) -> None:
        painter.setPen(QPen(QColor(ON_PICTURE.text_2), 1.25))
        top = self.height() / 2 - 1
        painter.drawPolyline([QPointF(x, top), QPointF(x + 3, top + 3), QPointF(x + 6, top)])

    def _width_of(self, parts: Sequence[Phrase]) -> int:
        marker = _DOT + _GAP if self._said.marker else 0
        return _PAD + marker + sum(self._ink.advance(part) + _GAP for part in parts)

    def _fitted(self) -> list[Phrase]:
        """As many words as there is room for: names stay, in their middles cut if need be."""
        parts = list(self._said.parts)
        while self._width_of(parts) > self.width() + _GAP:
            weak = [at for at, part in enumerate(parts) if part.text and not part.strong]
            if not weak:
                break
            del parts[weak[-1]]
        room = self.width() + _GAP - self._width_of([part for part in parts if not part.strong])
        names = [self._ink.advance(part) + _GAP for part in parts if part.strong]
        most = _share(names, room) - _GAP
        return [
            Phrase(elided_middle(part.text, most, self._ink.name_width), strong=True)
            if part.strong and self._ink.advance(part) > most
            else part
            for part in parts
        ]


def _share(widths: Sequence[int], room: int) -> int:
    """How wide each of some names may be: the longest ones give way first."""
    left = room
    for place, width in enumerate(sorted(widths)):
        share = left // (len(widths) - place)
        if width > share:
            return share
        left -= width
    return max(widths, default=0)


class ScoreText(QWidget):
    """A figure, with what it is and what it is measured against where there is room."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._words, self._ink = ScoreWords(), Ink(self.font())
        self.setAccessibleName("Score")
        self.hide()

    @property
    def words(self) -> ScoreWords:
        return self._words

    @property
    def shown(self) -> str:
        """The words that there is room for."""
        return " ".join(part.text for part in self._fitted(self.width()))

    def show_words(self, words: ScoreWords, tip: str) -> None:
        """Say something else."""
        self.setToolTip(tip)
        if words == self._words:
            return
        self._words = words
        best = "best" if words.best else ""
        said = (best, words.before, words.value, words.after)
        self.setAccessibleDescription(" ".join(part for part in said if part))
        self.setVisible(bool(words.value))
        self.update()

    def width_in(self, room: int) -> int:
        """How wide it is where there is so much room; the figure itself always stays."""
        return self._width_of(self._fitted(room)) if self._words.value else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        x = 0
        for part in self._fitted(self.width()):
            if part.strong and self._words.best:
                _draw_star(painter, QPointF(x + _STAR / 2, self.height() / 2 + 0.5))
                x += _STAR + _GAP - 2
            x = self._ink.draw(painter, x, self.height(), part) + _GAP
        painter.end()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """It is the header that is clicked on."""
        event.ignore()

    def _fitted(self, room: int) -> list[Phrase]:
        words = self._words
        if not words.figure:
            return [Phrase(words.value)]
        value = Phrase(words.value, strong=True)
        full = [Phrase(words.before), value, *([Phrase(words.after)] if words.after else [])]
        for parts in (full, full[:2]) if words.after else ():
            if self._width_of(parts) <= room:
                return parts
        return [value]

    def _width_of(self, parts: Sequence[Phrase]) -> int:
        star = _STAR + _GAP - 2 if self._words.best else 0
        return star + self._ink.width(parts)


def _draw_star(painter: QPainter, middle: QPointF) -> None:
    points = []
    for corner in range(10):
        angle = math.pi * (corner / 5 - 0.5)
        radius = _STAR / 2 * (0.45 if corner % 2 else 1.0)
        points.append(middle + QPointF(radius * math.cos(angle), radius * math.sin(angle)))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ON_PICTURE.best))
    painter.drawPolygon(QPolygonF(points))
    painter.restore()


class GlyphButton(_Button):
    """A small button with an icon on a picture."""

    def __init__(self, picture: str, tip: str, parent: QWidget) -> None:
        super().__init__(tip, parent)
        self._picture = picture
        self.setToolTip(tip)

    def sizeHint(self) -> QSize:
        return QSize(_BUTTON, _BUTTON)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._paint_states(painter)
        pixels = tinted(self._picture, QColor(ON_PICTURE.text), _STAR, self.devicePixelRatioF())
        at = (self.width() - _STAR) // 2, (self.height() - _STAR) // 2
        painter.drawPixmap(*at, pixels)
        painter.end()


# -- values over the photo -----------------------------------------------------------------------

_SLIDER_STYLE: Final = f"""
QSlider {{ background: transparent; }}
QSlider::groove:horizontal {{ background: {DARK.edge}; }}
QSlider::sub-page:horizontal, QSlider::handle:horizontal {{ background: {ON_PICTURE.accent}; }}
QSlider::handle:horizontal:focus {{ border: 2px solid {ON_PICTURE.text}; }}
"""


class Scale(QWidget):
    """The colours of what lies over the photo with their ends, how strong it is, and its end.

    Signals:
        closed: It shall go.
        faded: How strongly it shall cover the photo, 0..1.
    """

    closed = Signal()
    faded = Signal(float)

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._heat: OverPhotoHeat | None = None
        self._slider: QSlider | None = None
        self.button = GlyphButton("x", "Take away what lies over the photo", self)
        self.button.clicked.connect(self.closed)
        self.setAccessibleName("Colours over the photo")

    @property
    def slider(self) -> QSlider:
        """How strongly it covers the photo; made when it is first shown."""
        if self._slider is None:
            self._slider = QSlider(Qt.Orientation.Horizontal, self)
            self._slider.setStyleSheet(_SLIDER_STYLE)
            self._slider.setRange(0, _STEPS)
            self._slider.setToolTip("How strongly it covers the photo")
            self._slider.setAccessibleName("Opacity of what lies over the photo")
            self._slider.valueChanged.connect(lambda step: self.faded.emit(step / _STEPS))
            self._slider.hide()
            before = self.button.previousInFocusChain()
            if before is not None:
                self.setTabOrder(before, self._slider)
                self.setTabOrder(self._slider, self.button)
        return self._slider

    @property
    def ends(self) -> tuple[str, str]:
        """The lowest and the highest value; "" where there are none."""
        if self._heat is None:
            return ("", "")
        return value_text(self._heat.low), value_text(self._heat.high)

    def show_heat(self, heat: OverPhotoHeat | None) -> None:
        """Explain these values, or none: class maps have the colours of their classes."""
        self._heat = heat
        if heat is not None:
            with QSignalBlocker(self.slider):
                self.slider.setValue(round(heat.opacity * _STEPS))
            low, high = self.ends
            self.setAccessibleDescription(f"{low} to {high}")
        elif self._slider is not None:
            self._slider.hide()
        self.update()

    def width_in(self, room: int) -> int:
        """How wide it is where there is so much room: without the slider where there is little."""
        if self._heat is None:
            return _BUTTON
        least = self._colours_width() + _GAP + _BUTTON
        whole = least + _SLIDER_WIDTH + _GAP
        return whole if room >= whole else least

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._heat is None:
            return
        painter = QPainter(self)
        painter.setFont(header_font(self.font()))
        painter.setPen(QColor(ON_PICTURE.text))
        low, high = self.ends
        metrics = painter.fontMetrics()
        line = QRect(0, 0, self.width(), self.height())
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, low)
        x = metrics.horizontalAdvance(low) + _GAP
        bar = QRect(x, (self.height() - _BAR_HEIGHT) // 2, _BAR_WIDTH, _BAR_HEIGHT)
        painter.drawImage(bar, _strip(self._heat.colours))
        line.setLeft(bar.right() + 1 + _GAP)
        painter.drawText(line, Qt.AlignmentFlag.AlignVCenter, high)
        painter.end()

    def _colours_width(self) -> int:
        metrics = QFontMetrics(header_font(self.font()))
        ends = sum(metrics.horizontalAdvance(text) for text in self.ends)
        return ends + _BAR_WIDTH + 2 * _GAP

    def _arrange(self) -> None:
        height = self.height()
        left = self.width() - _BUTTON
        self.button.setGeometry(left, (height - _BUTTON) // 2, _BUTTON, _BUTTON)
        if self._heat is None:
            return
        x = self._colours_width() + _GAP
        self.slider.setVisible(left - x >= _SLIDER_WIDTH)
        self.slider.setGeometry(x, (height - 16) // 2, _SLIDER_WIDTH, 16)


@functools.cache
def _strip(colours: ColourMap) -> QImage:
    """A picture of 256 x 1 pixels."""
    table = colour_table(colours.value)
    return QImage(table.tobytes(), 256, 1, 256 * 3, QImage.Format.Format_RGB888).copy()


def value_text(value: float) -> str:
    """A value with three significant digits."""
    text = f"{value:.3g}"
    return text.replace("-", "\u2212")
