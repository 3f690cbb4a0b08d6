"""The limits of painting: a button that counts them, toggles below it, and what is on in words."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSpinBox,
    QToolButton,
    QWidget,
)

from segstudio.annotation.ui.limit_actions import OPEN, RESET
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.fitting_row import BUTTON_PX, WORD_ICON, GroupLine
from segstudio.kit.frame_names import STATUS_HEIGHT
from segstudio.kit.icon_button import icon_button
from segstudio.kit.icons import icon
from segstudio.kit.key_tips import CommandTip, KeyTip
from segstudio.kit.plain import PlainLabel, plain
from segstudio.kit.popover import Popover
from segstudio.kit.swatch import swatch

if TYPE_CHECKING:
    from segstudio.kit.action_set import ActionSet
    from segstudio.session.session import Change, Session

_WORDS = "Limits of painting"
_USUAL_CONFIDENCE, _USUAL_TOLERANCE = 80, 24
_LEAST_SAID_PX, _MOST_SAID_PX = 60, 300
_WIDE_PX, _INDENT_PX = 96, 8


def _follows(change: Change) -> bool:
    """Whether something may have changed that is said of limits."""
    from segstudio.session.session import What

    of_image = What.DOCUMENT | What.PHOTO | What.PREDICTIONS
    return bool(change.what & (What.VIEW | What.SCHEMA | What.PROJECT | of_image))


class LimitsButton(QToolButton):
    """Opens the toggles; says how many limits are on, and is lit up while any is."""

    def __init__(self, session: Session, actions: ActionSet) -> None:
        super().__init__()
        self._session = session
        self._actions = actions
        self._brief = False
        self.popover: LimitsPopover | None = None
        self.setIcon(icon("lock"))
        self.setIconSize(WORD_ICON)
        self.setFixedHeight(BUTTON_PX)
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        KeyTip(actions, self, _WORDS, f"{{{OPEN}}}", f"{{{RESET}}} resets them")
        self.clicked.connect(self.open_popover)
        session.changed.connect(self._on_change)
        self._show()

    def be_brief(self, *, brief: bool) -> None:
        """Show the count without the word, where there is little room."""
        self._brief = brief
        self._show()

    def nextCheckState(self) -> None:
        """A click opens the toggles; only limits that are on light the button up."""

    def open_popover(self) -> None:
        """Show the toggles below the button."""
        if self._session.document is None:
            return
        if self.popover is None:
            self.popover = LimitsPopover(self._session, self._actions, self)
        self.popover.show_now()
        self.popover.open_below(self, self.popover.unlabelled, at_left=True)

    def _on_change(self, change: Change) -> None:
        if _follows(change):
            self._show()

    def _show(self) -> None:
        from segstudio.session.session import NO_LIMITS

        view = self._session.view
        count = sum(getattr(view, field) != off for field, off in NO_LIMITS.items())
        text = f"Limits: {count}" if count else "Limits"
        if self._brief:
            text = str(count or "")
        if self.text() != text or not self.accessibleName():
            self.setText(text)
            style = Qt.ToolButtonStyle
            with_word = style.ToolButtonTextBesideIcon if text else style.ToolButtonIconOnly
            self.setToolButtonStyle(with_word)
            self.setAccessibleName(f"{_WORDS}: {count or 'none'}")
        self.setChecked(bool(count))


class LimitsPopover(Popover):
    """The toggles and their numbers."""

    def __init__(self, session: Session, actions: ActionSet, parent: QWidget) -> None:
        super().__init__(parent, _WORDS)
        self._session = session
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._grid.setColumnStretch(1, 1)
        self._make_of_classes(actions)
        self._make_of_photo()
        self.reset = QPushButton("Reset all")
        self.reset.setAutoDefault(False)
        self.reset.clicked.connect(actions[RESET].trigger)
        CommandTip(actions[RESET], self.reset)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.reset)
        self.column.addLayout(self._grid)
        self.column.addLayout(row)
        session.changed.connect(self._on_change)

    # -- made once -----------------------------------------------------------------------------

    def _make_of_classes(self, actions: ActionSet) -> None:
        key = actions.key("brush.only_unlabelled")
        tip = "Leave pixels alone that already have a class"
        self.unlabelled = self._toggle(
            "Only over unlabelled", f"{tip} ({key})" if key else tip, "only_unlabelled"
        )
        self.over_class = self._toggle(
            "Only over class", "Paint over this class, and erase it, and no other", "only_class"
        )
        self.which = QComboBox()
        self.which.setAccessibleName("Class that is painted over")
        self.which.setMinimumWidth(2 * _WIDE_PX)
        self.which.activated.connect(lambda _at: self._set(only_class=self.which.currentData()))
        self._beside(self.which)
        self.locked = self._toggle(
            "Not over locked classes",
            "Locks are set in the table of classes; off unlocks all",
            "locked_classes",
        )
        self.locks = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.locks.setProperty("caption", True)
        self.locks.setAccessibleName("Locked classes")
        self._grid.addWidget(self.locks, self._grid.rowCount() - 1, 1)

    def _make_of_photo(self) -> None:
        self.values = self._toggle(
            "Only where values are", "Stored values of the channel that is shown", "value_range"
        )
        self.lowest, self.highest = QDoubleSpinBox(), QDoubleSpinBox()
        for box, name in ((self.lowest, "Lowest value"), (self.highest, "Highest value")):
            box.setAccessibleName(name)
            box.setKeyboardTracking(False)
            box.setFixedWidth(_WIDE_PX)
            box.valueChanged.connect(lambda _value: self._set(value_range=self._range))
        self._beside(self.lowest, PlainLabel("to"), self.highest)
        self.channel = PlainLabel()
        self.channel.setProperty("caption", True)
        self._grid.addWidget(self.channel, self._grid.rowCount(), 1)
        self.unsure = self._toggle(
            "Only where the model is less sure than",
            "Confidence of the shown prediction; where none is shown, everywhere",
            "below_confidence",
        )
        self.below = QSpinBox()
        self.below.setRange(1, 100)
        self.below.setSuffix(" %")
        self.below.setAccessibleName("Confidence below")
        self.below.setKeyboardTracking(False)
        self.below.setValue(_USUAL_CONFIDENCE)
        self.below.valueChanged.connect(lambda value: self._set(below_confidence=value / 100))
        self._beside(self.below)
        self.snaps = self._toggle(
            "Snap to the photo's edges",
            "Brush, eraser and fill paint what is connected to where they begin and looks like it",
            "snap_tolerance",
        )
        self.tolerance = QSpinBox()
        self.tolerance.setRange(0, 255)
        self.tolerance.setAccessibleName("Tolerance of colours")
        self.tolerance.setToolTip("By how much each colour may differ, 0 to 255")
        self.tolerance.setKeyboardTracking(False)
        self.tolerance.setValue(_USUAL_TOLERANCE)
        self.tolerance.valueChanged.connect(lambda value: self._set(snap_tolerance=value))
        self._beside(PlainLabel("Tolerance"), self.tolerance)

    def _toggle(self, text: str, tip: str, field: str) -> QCheckBox:
        toggle = QCheckBox(text)
        toggle.setToolTip(plain(tip))
        toggle.clicked.connect(lambda on: self._flip(field, on))
        self._grid.addWidget(toggle, self._grid.rowCount(), 0)
        return toggle

    def _beside(self, *widgets: QWidget) -> None:
        """Put something to the right of the toggle that was made last."""
        row = QHBoxLayout()
        row.setSpacing(6)
        for widget in widgets:
            row.addWidget(widget)
        row.addStretch(1)
        self._grid.addLayout(row, self._grid.rowCount() - 1, 1)

    # -- what is shown -------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if self.isVisible() and _follows(change):
            self.show_now()

    def show_now(self) -> None:
        """Set the toggles as the session has it."""
        view, schema = self._session.view, self._session.schema
        self.unlabelled.setChecked(view.only_unlabelled)
        self.over_class.setChecked(view.only_class is not None)
        self._show_classes()
        locked = [schema.name_of(i) for i in sorted(view.locked_classes)]
        self.locked.setChecked(bool(locked))
        self.locked.setEnabled(bool(locked))
        self.locks.show_text(", ".join(locked) or "None is locked")
        self._show_values()
        self.unsure.setChecked(view.below_confidence is not None)
        self.snaps.setChecked(view.snap_tolerance is not None)
        if view.below_confidence is not None:
            _put(self.below, round(view.below_confidence * 100))
        if view.snap_tolerance is not None:
            _put(self.tolerance, view.snap_tolerance)

    def _show_classes(self) -> None:
        view = self._session.view
        wanted = view.only_class if view.only_class is not None else self.which.currentData()
        self.which.blockSignals(True)
        self.which.clear()
        from PySide6.QtGui import QColor

        for spec in self._session.schema.classes:
            self.which.addItem(swatch(QColor(*spec.color)), spec.name, spec.id)
        usual = view.active_class if wanted is None else wanted
        self.which.setCurrentIndex(max(0, self.which.findData(usual)))
        self.which.blockSignals(False)

    def _show_values(self) -> None:
        from segstudio.annotation.limits import values_name, whole_range

        document, chosen = self._session.document, self._session.view.value_range
        self.values.setChecked(chosen is not None)
        if document is None:
            return
        name = values_name(document)
        self.channel.setText(f"{name[0].upper()}{name[1:]}")
        low, high = whole_range(document) if chosen is None else chosen
        raw = None if document.picture is None else document.picture.raw
        decimals = 4 if raw is not None and raw.dtype.kind == "f" else 0
        for box, value in ((self.lowest, low), (self.highest, high)):
            box.blockSignals(True)
            box.setDecimals(decimals)
            box.setRange(-1e9, 1e9)
            box.setValue(value)
            box.blockSignals(False)

    @property
    def _range(self) -> tuple[float, float]:
        one, other = sorted((self.lowest.value(), self.highest.value()))
        return (one, other)

    # -- what is chosen ------------------------------------------------------------------------

    def _flip(self, field: str, on: bool) -> None:
        from segstudio.session.session import NO_LIMITS

        chosen: dict[str, Callable[[], object]] = {
            "only_unlabelled": lambda: True,
            "only_class": self.which.currentData,
            "locked_classes": lambda: self._session.view.locked_classes,
            "value_range": lambda: self._range,
            "below_confidence": lambda: self.below.value() / 100,
            "snap_tolerance": self.tolerance.value,
        }
        self._set(**{field: chosen[field]() if on else NO_LIMITS[field]})

    def _set(self, **values: object) -> None:
        self._session.set_view(**values)


class LimitsSaid(QWidget):
    """Says in the status bar which limits are on, with a button that resets them all."""

    def __init__(self, reset: QAction) -> None:
        super().__init__()
        self.setAccessibleName(_WORDS)
        self.text = ElidedLabel(Qt.TextElideMode.ElideRight)
        self.text.setProperty("value", True)
        self.text.setAccessibleName("Limits that are on")
        self.text.setMinimumWidth(_LEAST_SAID_PX)
        self.button = icon_button("x", "Reset", name=reset.text(), px=14)
        self.button.setFixedSize(STATUS_HEIGHT - 1, STATUS_HEIGHT - 1)
        self.button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.button.clicked.connect(reset.trigger)
        CommandTip(reset, self.button)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(0)
        row.addWidget(GroupLine())
        row.addWidget(self.text)
        row.addWidget(self.button)
        self.hide()

    def attach(self, session: Session) -> None:
        """Say the limits of this session."""
        self._session = session
        session.changed.connect(self._on_change)
        self._show()

    def _on_change(self, change: Change) -> None:
        if _follows(change):
            self._show()

    def _show(self) -> None:
        from segstudio.annotation.limits import limit_words

        words = limit_words(self._session)
        if words:
            text = "; ".join(words)
            said = f"{text[0].upper()}{text[1:]}"
            if said != self.text.whole:
                self.text.show_text(said)
                wide = self.fontMetrics().horizontalAdvance(said) + 8
                self.text.setFixedWidth(min(wide, _MOST_SAID_PX))
                self.setToolTip(plain("Painting is limited: " + ". ".join(words)))
        self.setVisible(bool(words))


def _put(box: QSpinBox, value: int) -> None:
    box.blockSignals(True)
    box.setValue(value)
    box.blockSignals(False)
