"""The bar over the views: what the tool in hand is called, and its options with words."""

from __future__ import annotations

import math
from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QSlider,
    QSpinBox,
    QToolButton,
    QWidget,
)

from segstudio.annotation.ui.object_actions import STROKE_MAKES, STROKE_TIPS
from segstudio.annotation.ui.tools.prompt_tool import PROMPT, PROMPT_WEIGHTS, prompt_words
from segstudio.annotation.ui.tools.take_tool import TAKE
from segstudio.canvas.tool import PAN, Tool
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.fitting_row import BUTTON_PX, WORD_ICON, FittingRow, GroupLine, captioned
from segstudio.kit.key_tips import KeyTip
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.segment_row import Segments
from segstudio.session.session import (
    Change,
    Session,
    StrokeMakes,
    What,
)
from segstudio.storage.settings import BRUSH_PX
from segstudio.window.limits_popover import LimitsButton

_SHOWN = (
    What.PROJECT | What.DOCUMENT | What.PREDICTIONS | What.VIEW | What.TRACE | What.INSPECTION
    | What.MODELS | What.SCHEMA | What.OBJECTS
)  # fmt: skip
_SLIDER_STEPS = 200
_SPIN_PX = 36
"""Arrows and rims beside a number."""
_SCORE_TIP = "Objects by their score, regions by their mean confidence; 0 % takes all"
_COMPARE = "compare.models"
_PINS = "A click pins a pixel, a drag moves the image"
"""What the hand does while the inside of the network is shown."""
_LINKED = "All views move together"


class OptionsBar(QFrame):
    """Names the tool in hand and sets its options; what has no room goes into its drawer.

    Attributes:
        name: The tool in hand.
        row: The options, the last of which may stand in a drawer.
        hint: What the tool does, or why there is no image, where there is room for it.
    """

    def __init__(
        self,
        session: Session,
        actions: ActionSet,
        tools: Iterable[type[Tool]],
    ) -> None:
        super().__init__()
        self.setProperty("bar", True)
        self.setAccessibleName("Options of the tool")
        self._tools = {tool.name: tool for tool in tools}
        self._session = session
        self._shown: tuple[object, ...] | None = None
        self.name = PlainLabel()
        self.name.setProperty("heading", True)
        self.name.setAccessibleName("Tool in hand")
        self.hint = PlainLabel()
        self.hint.setProperty("caption", True)
        self.brush = BrushSize(session, actions)
        self.rule = StrokeRule(session, actions)
        self.score = TakeScore(session)
        self.limits: LimitsButton = LimitsButton(session, actions)
        self.views = PlainLabel()
        self._unpin = actions["network.unpin"]
        self.pinned = _button(self._unpin)
        self._prompter = actions[PROMPT_WEIGHTS.id]
        self._compared = captioned("", self.views, _button(actions[_COMPARE]))
        ids = dict.fromkeys(o.id for tool in self._tools.values() for o in tool.options)
        self._options = {option_id: _button(actions[option_id]) for option_id in ids}
        self.row = FittingRow("More options of the tool", lines=True)
        options = self._options.values()
        for group in (
            self._compared,
            self.pinned,
            self.brush,
            self.score,
            self.limits,
            self.rule,
            *options,
        ):
            self.row.add(group)
        self.row.set_tail(self.hint)
        self._line = GroupLine()
        self._right = QHBoxLayout()
        self._right.setSpacing(8)
        row = QHBoxLayout(self)
        row.setContentsMargins(8, 0, 8, 0)
        row.setSpacing(0)
        row.addWidget(self.name)
        row.addWidget(self._line)
        row.addWidget(self.row, 1)
        row.addLayout(self._right)
        self._refresh = Coalescer(self, self._show)
        session.changed.connect(self._on_change)
        self._show()

    def add_right(self, widget: QWidget) -> None:
        """Put something at the right end that is about all views, such as a legend."""
        self._right.addWidget(widget)

    def _on_change(self, change: Change) -> None:
        if change.what & _SHOWN:
            self._refresh.request()

    def _show(self) -> None:
        session, view = self._session, self._session.view
        tool, views = self._tools[view.tool], len(view.all_panes)
        has_document = session.document is not None
        is_comparing = views > 1 and tool.name == PAN
        self.name.setText("Compare" if is_comparing else tool.title)
        self.views.setText(f"{views} views")
        self.hint.setText(self._hint(tool))
        shown = {option.id for option in tool.options}
        wanted: list[QWidget] = [b for option_id, b in self._options.items() if option_id in shown]
        if tool.shows_brush or tool.has_size:
            wanted.append(self.brush)
        if tool.makes_objects and self.rule.applies:
            wanted.append(self.rule)
        if tool.makes_objects or tool.erases:
            wanted.append(self.limits)
        if tool.name == TAKE:
            wanted += [self.score, self.limits]
        self.limits.be_brief(brief=self.rule in wanted)
        if is_comparing:
            wanted.append(self._compared)
        if tool.name == PAN and (point := session.inspection.point) is not None:
            self._unpin.setIconText(f"{point[0]}, {point[1]}")
            wanted.append(self.pinned)
        self._prompter.setIconText(session.prompting.title or "Choose weights…")
        wanted = wanted if has_document else []
        labels = self.name.text(), self.hint.text(), self.views.text()
        shown_now = (
            *wanted,
            *labels,
            self.limits.text(),
            self._unpin.iconText(),
            self._prompter.iconText(),
        )
        if shown_now == self._shown:
            return  # most changes of the view are about something else
        self._shown = shown_now
        self.hint.setContentsMargins(12 if wanted else 0, 0, 0, 0)
        self.row.want(wanted)
        self._line.setVisible(bool(wanted or self.hint.text()))

    def _hint(self, tool: type[Tool]) -> str:
        """What the tool does; while there is no image, why."""
        session = self._session
        if session.loading:
            return f"Reading {session.loading}…"
        if session.unreadable is not None:
            return f"{session.unreadable.name} cannot be shown"
        if session.document is None:
            return ""
        if tool.name == PROMPT:
            return prompt_words(session.prompting)
        if tool.name == PAN and session.inspection.active:
            return _PINS
        if tool.name == PAN and session.view.panes:
            return _LINKED
        return tool.tip


class TakeScore(QWidget):
    """How sure a model is at least of what is taken from it."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self.number = QSpinBox()
        self.number.setRange(0, 100)
        self.number.setSuffix(" %")
        self.number.setFixedHeight(BUTTON_PX)
        self.number.setKeyboardTracking(False)
        self.number.setAccessibleName("Least score of what is taken")
        self.number.setToolTip(plain(_SCORE_TIP))
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(captioned("Score from", self.number, spacing=8))
        self._show()
        self.number.valueChanged.connect(lambda value: session.set_view(take_score=value / 100))
        session.changed.connect(self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.what & What.VIEW:
            self._show()

    def _show(self) -> None:
        self.number.blockSignals(True)
        self.number.setValue(round(100 * self._session.view.take_score))
        self.number.blockSignals(False)


class StrokeRule(QWidget):
    """Which object a stroke, a fill or a polygon becomes."""

    def __init__(self, session: Session, actions: ActionSet) -> None:
        super().__init__()
        self._session = session
        tips = {word: STROKE_TIPS[rule] for rule, word in STROKE_MAKES.items()}
        self.segments = Segments("Stroke makes", tips)
        for rule, word in STROKE_MAKES.items():
            button = self.segments.button(word)
            KeyTip(actions, button, STROKE_TIPS[rule], "{stroke.next} goes to the next")
        self.segments.chosen.connect(self._chosen)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(captioned("Stroke makes", self.segments, spacing=8))
        session.changed.connect(self._on_change)

    @property
    def applies(self) -> bool:
        """Whether the active class is of single objects."""
        session, document = self._session, self._session.document
        keeps_ids = document is not None and document.annotation.instances is not None
        return session.view.active_class in session.schema.object_ids(keeps_ids=keeps_ids)

    def _on_change(self, change: Change) -> None:
        if change.what & What.VIEW:
            self.segments.choose(STROKE_MAKES[self._session.view.stroke_makes.value])

    def _chosen(self) -> None:
        word = self.segments.text
        rule = next(rule for rule, shown in STROKE_MAKES.items() if shown == word)
        self._session.set_view(stroke_makes=StrokeMakes(rule))


class BrushSize(QWidget):
    """Diameter of the brush in pixels: a slider that feels even over all sizes, and a number."""

    def __init__(self, session: Session, actions: ActionSet) -> None:
        super().__init__()
        self._session = session
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, _SLIDER_STEPS)
        self.slider.setFixedWidth(56)
        self.slider.setAccessibleName("Brush size")
        self.number = QSpinBox()
        self.number.setRange(*BRUSH_PX)
        self.number.setSuffix(" px")
        self.number.setFixedHeight(BUTTON_PX)
        wide = self.number.fontMetrics().horizontalAdvance(f"{BRUSH_PX[1]} px")
        self.number.setFixedWidth(wide + _SPIN_PX)
        self.number.setAccessibleName("Brush size in pixels")
        for widget in (self.slider, self.number):
            keys = "{brush.smaller} and {brush.larger}"
            KeyTip(actions, widget, "Brush size", keys, "Shift+wheel")
        self.number.setKeyboardTracking(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(captioned("Size", self.slider, spacing=8))
        row.addWidget(self.number)
        self._show()
        self.slider.valueChanged.connect(self._slid)
        self.number.valueChanged.connect(lambda size: session.set_view(brush_size=size))
        session.changed.connect(self._on_change)

    def _on_change(self, change: Change) -> None:
        if change.what & What.VIEW:
            self._show()

    def _show(self) -> None:
        size = self._session.view.brush_size
        for widget, value in ((self.number, size), (self.slider, _to_slider(size))):
            if isinstance(widget, QSlider) and _from_slider(widget.value()) == size:
                continue
            widget.blockSignals(True)
            widget.setValue(value)
            widget.blockSignals(False)

    def _slid(self, value: int) -> None:
        self._session.set_view(brush_size=_from_slider(value))


def _to_slider(size: int) -> int:
    least, most = BRUSH_PX
    return round(_SLIDER_STEPS * math.log(size / least) / math.log(most / least))


def _from_slider(value: int) -> int:
    least, most = BRUSH_PX
    return round(least * math.pow(most / least, value / _SLIDER_STEPS))


def _button(action: QAction) -> QToolButton:
    button = QToolButton()
    button.setDefaultAction(action)
    button.setIconSize(WORD_ICON)
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setFixedHeight(BUTTON_PX)
    button.setAccessibleName(action.text().rstrip("…"))
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return button
