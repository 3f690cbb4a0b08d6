"""The line on the upper edge of a view: what it shows, and how good that is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Final

from PySide6.QtCore import (
    QEvent,
    QPoint,
    QPointF,
    QRectF,
    QSize,
    Qt,
    QTimer,
    Signal,
)
from PySide6.QtGui import (
    QColor,
    QContextMenuEvent,
    QFontMetrics,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPolygonF,
    QResizeEvent,
)
from PySide6.QtWidgets import QToolTip, QWidget

from segstudio.canvas.overlay import model_filled, shown_layer
from segstudio.canvas.picture_display import right_of_line
from segstudio.canvas.picture_words import (
    BUTTON_PX,
    GAP,
    GLYPH_PX,
    PAD,
    TEXT_EVENTS,
    GlyphButton,
    Ink,
    PictureButton,
    header_font,
)
from segstudio.canvas.values_scale import Scale
from segstudio.canvas.view_menu import ViewMenu
from segstudio.canvas.view_words import (
    Heading,
    Phrase,
    ScoreWords,
    ViewNames,
    against_text,
    heading,
    score_words,
)
from segstudio.comparison.comparing import OF_A_RUN, Comparing, PaneScore
from segstudio.core.formatting import ratio_text, seconds_text
from segstudio.core.short_names import elided_middle
from segstudio.core.text import as_html
from segstudio.kit.plain import plain
from segstudio.kit.theme import ON_PICTURE
from segstudio.runs.batch import model_of
from segstudio.session.inspection import OverPhoto, OverPhotoHeat
from segstudio.session.session import Layer, Session

HEADER_PX: Final = 24
_LINE_PX, _DOT, _ARROW = 2, 10, 12


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
        height_changed: Its text is larger or smaller now.
    """

    closed = Signal()
    faded = Signal(float)
    menu_opening = Signal(object, object)
    height_changed = Signal()

    def __init__(
        self,
        session: Session,
        comparing: Comparing,
        number: int,
        parent: QWidget,
        key_of: Callable[[str], str],
    ) -> None:
        """Args:
        session: What is shown.
        comparing: Knows what can be shown, and how good it is.
        number: Which of the session's panes it is about.
        parent: The view.
        key_of: The key of a command as it is now; "" if it has none.
        """
        super().__init__(parent)
        self._key_of = key_of
        self._session, self._comparing, self._number = session, comparing, number
        self._accented = False
        self._over: OverPhoto | None = None
        self._fit_font = QTimer(self, singleShot=True, interval=0)
        self._fit_font.timeout.connect(self.height_changed)
        self._fit_font.timeout.connect(self._arrange)
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
        self._arrange()
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
        own = session.own_pixels.get((session.index, view.run))
        against = against_text(document, view.run, own)
        words = ScoreWords()
        if told:
            words = score_words(score, state, session.schema, against, alone=alone)
        if self.score.show_words(words, plain(_score_tip(score, words, state, against))):
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
        menu = ViewMenu(
            self._session, self._comparing, self._number, self,
            right=right, wipe_key=self._key_of("compare.wipe"),
        )  # fmt: skip
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
        right = width - PAD
        for button in (self.run, self.notes):
            if not button.isHidden():
                right -= BUTTON_PX
                button.setGeometry(right, (height - BUTTON_PX) // 2, BUTTON_PX, BUTTON_PX)
                right -= 2
        left = 0
        if not self.other.isHidden():
            half = width // 2
            asked = min(self.other.sizeHint().width(), right - half)
            self.other.setGeometry(right - asked, 0, asked, height)
            right = half - PAD  # the figure is of what lies left of the line
        if not self.scale.isHidden():
            asked = self.scale.width_in(right - left - self.name.sizeHint().width() - GAP)
            self.scale.setGeometry(right - asked, 0, asked, height)
            right -= asked + GAP
        wanted = self.name.sizeHint().width()
        asked = self.score.width_in(right - left - wanted - GAP)
        self.score.setGeometry(right - asked, 0, asked, height)
        right -= asked + (GAP if asked else 0)
        self.name.setGeometry(left, 0, max(0, min(wanted, right - left)), height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def changeEvent(self, event: QEvent) -> None:
        """The text of the system is larger or smaller: of its parts, too, a moment later."""
        super().changeEvent(event)
        if event.type() in TEXT_EVENTS:
            self._fit_font.start()

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


def _score_tip(score: PaneScore, words: ScoreWords, state: str, against: str) -> str:
    if not words.figure or score.mean_iou is None:
        return state
    figure = f"{words.before}, this image: {ratio_text(score.mean_iou)}"
    lines = [f"{figure}, {against}"]
    if score.seconds is not None:
        lines.append(f"Time of the run: {seconds_text(score.seconds)}")
    if score.best:
        lines.append("The best of these views")
    return "\n".join(lines)


class NameButton(PictureButton):
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

    def changeEvent(self, event: QEvent) -> None:
        """Text of the system may become larger."""
        super().changeEvent(event)
        if event.type() in TEXT_EVENTS:
            self._ink = Ink(self.font())
            self.updateGeometry()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(self._width_of(self._said.parts) + _ARROW, HEADER_PX)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_states(painter)
        x = PAD
        if self._said.marker:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(self._said.marker))
            painter.drawEllipse(QRectF(x, (self.height() - _DOT) / 2, _DOT, _DOT))
            x += _DOT + GAP
        for part in self._fitted():
            x = self._ink.draw(painter, x, self.height(), part) + GAP
        if x + _ARROW - GAP <= self.width():
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
        marker = _DOT + GAP if self._said.marker else 0
        return PAD + marker + sum(self._ink.advance(part) + GAP for part in parts)

    def _fitted(self) -> list[Phrase]:
        """As many words as there is room for: names stay, in their middles cut if need be."""
        parts = list(self._said.parts)
        while self._width_of(parts) > self.width() + GAP:
            weak = [at for at, part in enumerate(parts) if part.text and not part.strong]
            if not weak:
                break
            del parts[weak[-1]]
        room = self.width() + GAP - self._width_of([part for part in parts if not part.strong])
        names = [self._ink.advance(part) + GAP for part in parts if part.strong]
        most = _share(names, room) - GAP
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

    def show_words(self, words: ScoreWords, tip: str) -> bool:
        """Say something else; whether the words are others, and may need other room."""
        if tip != self.toolTip():
            self.setToolTip(tip)
        if words == self._words:
            return False
        self._words = words
        best = "best" if words.best else ""
        said = (best, words.before, words.value, words.after)
        self.setAccessibleDescription(" ".join(part for part in said if part))
        self.setVisible(bool(words.value))
        self.update()
        return True

    def changeEvent(self, event: QEvent) -> None:
        """Text of the system may become larger."""
        super().changeEvent(event)
        if event.type() in TEXT_EVENTS:
            self._ink = Ink(self.font())
            self.update()

    def width_in(self, room: int) -> int:
        """How wide it is where there is so much room; the figure itself always stays."""
        return self._width_of(self._fitted(room)) if self._words.value else 0

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        x = 0
        for part in self._fitted(self.width()):
            if part.strong and self._words.best:
                _draw_star(painter, QPointF(x + GLYPH_PX / 2, self.height() / 2 + 0.5))
                x += GLYPH_PX + GAP - 2
            x = self._ink.draw(painter, x, self.height(), part) + GAP
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
        star = GLYPH_PX + GAP - 2 if self._words.best else 0
        return star + self._ink.width(parts)


def _draw_star(painter: QPainter, middle: QPointF) -> None:
    points = []
    for corner in range(10):
        angle = math.pi * (corner / 5 - 0.5)
        radius = GLYPH_PX / 2 * (0.45 if corner % 2 else 1.0)
        points.append(middle + QPointF(radius * math.cos(angle), radius * math.sin(angle)))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(ON_PICTURE.best))
    painter.drawPolygon(QPolygonF(points))
    painter.restore()
