"""The errors of the annotation: how many of each kind, the list, and what is done about the opened one."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QActionGroup, QColor, QPalette
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.comparison.error_targets import NO_MODEL, ErrorTargets
from segstudio.comparison.object_repairs import act_of
from segstudio.core.formatting import count_text, counted
from segstudio.core.schema import LabelSchema
from segstudio.core.series_colors import SKY, VERMILION
from segstudio.kit.action_set import ActionSet
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.flow import FlowLayout
from segstudio.kit.icons import icon
from segstudio.kit.key_tips import CommandTip
from segstudio.kit.plain import FaintLabel, PlainLabel, in_menu, plain
from segstudio.kit.row_menu import Verb
from segstudio.kit.swatch import swatch
from segstudio.kit.table import TableView
from segstudio.kit.table_model import UNSORTED, Column, Side, TableModel
from segstudio.metrics.object_errors import ErrorKey, ErrorKind, ObjectError
from segstudio.session.error_state import SHOWN, TRUTH, AnnotationErrors, text_of
from segstudio.session.session import Session

KIND, CLASS, PIXELS, IOU = range(4)
"""The columns."""
KIND_ICONS = {
    ErrorKind.MERGED: "merge",
    ErrorKind.SPLIT: "split",
    ErrorKind.MISSED: "circle-dashed",
    ErrorKind.INVENTED: "plus",
    ErrorKind.WRONG_CLASS: "tags",
    ErrorKind.BAD_SHAPE: "blend",
    ErrorKind.REGION: "square-dashed",
}
KIND_TIPS = {
    ErrorKind.MERGED: "One of your objects covers several of the other side's",
    ErrorKind.SPLIT: "Several of your objects lie in one of the other side's",
    ErrorKind.MISSED: "The other side has an object where you have none",
    ErrorKind.INVENTED: "The other side has no object where you have one",
    ErrorKind.WRONG_CLASS: "The other side gives the object another class",
    ErrorKind.BAD_SHAPE: "The object is there, but its IoU is below what is asked for",
    ErrorKind.REGION: "The other side gives a region of a class without objects another class",
}
_IOUS = (0.5, 0.6, 0.7, 0.75, 0.8, 0.9)
_SIZES = (1, 10, 25, 50, 100, 250)
_SWATCH = 12
_WAITING = "Comparing…"
_MOST_TITLE = 28
_MOST_LISTED = 5_000
"""So many errors stand in the list; keys go on to the others."""
_HINT = "Click an error to go there and decide."


class ErrorsPage(QWidget):
    """Counts by kind, which filter the list; the list; below it what to do about the opened one.

    Signals:
        reached: The `Rect` of the error that the user wants to see.
    """

    reached = Signal(object)

    def __init__(
        self, session: Session, targets: ErrorTargets, actions: ActionSet, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._session, self._targets = session, targets
        self._opened: ErrorKey | None = None
        self._listed: tuple[AnnotationErrors | None, ErrorKind | None, LabelSchema] | None = None
        """What the list shows: the errors, which kind of them, in which classes."""
        self.legend = SidesLegend()
        self.chips = KindChips()
        self.model: TableModel[ObjectError] = TableModel(
            error_columns(session.schema), lambda error: error.key, self
        )
        self.table = TableView(self.model, "Errors of the annotation", sorting=UNSORTED)
        self.table.show_more_or_less((3, 7))
        self.left_out = PlainLabel()
        self.left_out.setProperty("caption", True)
        self.left_out.setContentsMargins(12, 4, 12, 4)
        self.left_out.setWordWrap(True)
        self.left_out.hide()
        self.decision = DecisionBar(actions)
        self.run_model = QPushButton(actions["model.run"].icon(), "Run")
        CommandTip(actions["model.run"], self.run_model)
        self.run_model.clicked.connect(actions["model.run"].trigger)
        self._switch = Switch(EmptyState("", self.run_model), self._contents(), inside=self)
        self.chips.chosen.connect(targets.list_only)
        self.table.reached.connect(lambda error: self._open(error.key))
        self.table.verbs = self._verbs
        self.decision.repair.clicked.connect(targets.repair)
        self.decision.keep.clicked.connect(targets.keep)

    def _verbs(self, error: ObjectError) -> list[Verb]:
        """What can be done about a row."""
        found = self._session.errors
        verbs: list[Verb] = [("scan", "Show the error", lambda: self._open(error.key))]
        if found is None:
            return verbs
        if not self._session.read_only:
            act = act_of(error, found.against)
            verbs.append(
                ("clipboard-check", act, lambda: self._decide(error, self._targets.repair))
            )
        verbs.append(
            ("circle-check", "Mine is right", lambda: self._decide(error, self._targets.keep))
        )
        return verbs

    def _decide(self, error: ObjectError, decision: Callable[[], None]) -> None:
        self._targets.open(error.key)
        decision()

    @property
    def empty_text(self) -> str:
        """The line shown instead of errors, "" while there are some."""
        return self._switch.empty_text

    def _contents(self) -> QWidget:
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for widget, stretch in (
            (self.legend, 0), (self.chips, 0), (self.table, 1), (self.left_out, 0),
            (self.decision, 0),
        ):  # fmt: skip
            column.addWidget(widget, stretch)
        return contents

    def follow(self) -> None:
        """Another error is looked at: have it seen."""
        session = self._session
        opened = session.correcting.opened
        if opened == self._opened:
            return
        self._opened = opened
        error = None if session.errors is None else session.errors.error(opened)
        if error is not None:
            self.reached.emit(error.rect)

    def _open(self, key: ErrorKey) -> None:
        self._opened = None  # a second click goes there again
        self._targets.open(key)
        self.follow()

    def show_errors(self) -> None:
        """Show what is known now."""
        session = self._session
        found, state = session.errors, session.correcting
        filled, text = self._what_to_say()
        self._switch.show_contents(filled, text)
        self.run_model.setVisible(text == NO_MODEL)
        self.chips.show_counts(found, state.kind)
        self._show_list(found, state.kind)
        self.table.choose(state.opened)
        error = None if found is None else found.error(state.opened)
        self.decision.show_error(found, error, session.schema, read_only=bool(session.read_only))

    def _show_list(self, found: AnnotationErrors | None, kind: ErrorKind | None) -> None:
        """List the errors, unless these are listed already: from error to error none changes."""
        schema, before = self._session.schema, self._listed
        if before is not None and found is before[0] and (kind, schema) == before[1:]:
            return
        self._listed = found, kind, schema
        self.legend.show_sides(found)
        listed = () if found is None else found.listed(kind)
        self.model.show_rows(listed[:_MOST_LISTED], error_columns(schema))
        self.left_out.setText(
            f"The first {count_text(_MOST_LISTED)} of {count_text(len(listed))}; keys go on to the others."
        )
        self.left_out.setVisible(len(listed) > _MOST_LISTED)

    def _what_to_say(self) -> tuple[bool, str]:
        """Whether there are errors to show, else what to say."""
        session = self._session
        found, state = session.errors, session.correcting
        if found is not None:
            return bool(found.errors), _all_right(found)
        if state.waiting:
            return False, _WAITING
        return False, state.problem or NO_MODEL

    def fill(self, menu: QMenu) -> None:
        """List what can count as right, and what an error is."""
        session, state = self._session, self._session.correcting
        document = session.document
        menu.addSection("Against")
        against = QActionGroup(menu)
        sides = [(SHOWN, "The shown prediction")]
        if document is not None:
            sides += [(run, in_menu(p.title)) for run, p in document.predictions.items()]
            if document.truth is not None:
                sides.append((TRUTH, "Ground truth as it was loaded"))
        for key, title in sides:
            _add(menu, against, title, key == state.against, partial(self._against, key))
        menu.addSection("An object is badly shaped")
        shapes = QActionGroup(menu)
        for iou in _IOUS:
            text = f"below an IoU of {iou:.2f}"
            _add(menu, shapes, text, iou == state.good_shape, partial(self._shape, iou))
        menu.addSection("List regions of classes")
        sizes = QActionGroup(menu)
        for size in _SIZES:
            text = "of every size" if size == 1 else f"from {size} pixels on"
            _add(menu, sizes, text, size == state.min_pixels, partial(self._size, size))
        menu.addSeparator()
        settled = 0 if session.errors is None else session.errors.settled
        again = menu.addAction(f"List again what I kept ({count_text(settled)})")
        again.setEnabled(settled > 0)
        again.triggered.connect(lambda: self._targets.list_kept_again())

    def _against(self, key: str, _checked: bool = False) -> None:
        self._targets.choose_against(key)

    def _shape(self, iou: float, _checked: bool = False) -> None:
        self._targets.set_good_shape(iou)

    def _size(self, size: int, _checked: bool = False) -> None:
        self._targets.set_min_pixels(size)


def _add(menu: QMenu, group: QActionGroup, text: str, on: bool, run: partial[None]) -> None:
    action = menu.addAction(text)
    action.setCheckable(True)
    action.setChecked(on)
    action.triggered.connect(run)
    group.addAction(action)


class KindChips(QWidget):
    """A button for each kind that there is, with how many; one that is on filters the list.

    Signals:
        chosen: The only `ErrorKind` to list, or None for all.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAccessibleName("Kinds of errors")
        row = FlowLayout(4)
        row.setContentsMargins(12, 2, 12, 6)
        self.buttons: dict[ErrorKind | None, QToolButton] = {}
        for kind in (None, *ErrorKind):
            button = QToolButton()
            button.setCheckable(True)
            button.setProperty("chip", "true")
            button.setToolTip(plain("All errors" if kind is None else KIND_TIPS[kind]))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if kind is not None:
                button.setIcon(icon(KIND_ICONS[kind]))
                button.setIconSize(QSize(14, 14))
                button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.clicked.connect(lambda _=False, k=kind: self._choose(k))
            self.buttons[kind] = button
            row.addWidget(button)
        self.setLayout(row)

    def _choose(self, kind: ErrorKind | None) -> None:
        self.chosen.emit(kind if self.buttons[kind].isChecked() else None)

    def show_counts(self, found: AnnotationErrors | None, chosen: ErrorKind | None) -> None:
        """Show the kinds that there are; the one that is listed stays, also where none is left."""
        counts = {} if found is None else found.counts
        for kind, button in self.buttons.items():
            number = sum(counts.values()) if kind is None else counts.get(kind, 0)
            name = "All" if kind is None else kind.value.capitalize()
            button.setText(f"{name} {count_text(number)}")
            button.setAccessibleName(f"{name}: {counted(number, 'error')}")
            button.setChecked(kind == chosen)
            button.setVisible(kind is None or number > 0 or kind == chosen)


class SidesLegend(QWidget):
    """Which colour is whose outline, and how many objects are right."""

    def __init__(self) -> None:
        super().__init__()
        self.title, self.right = ElidedLabel(), PlainLabel()
        self.title.setAccessibleName("What counts as right")
        self.right.setAccessibleName("How many objects are right")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 2)
        row.setSpacing(4)
        row.addWidget(_square(SKY))
        row.addWidget(PlainLabel("Yours"))
        row.addSpacing(6)
        row.addWidget(_square(VERMILION))
        row.addWidget(self.title, 1)
        row.addWidget(self.right)
        self.right.setForegroundRole(QPalette.ColorRole.PlaceholderText)

    def show_sides(self, found: AnnotationErrors | None) -> None:
        """Name the other side."""
        if found is not None:
            self.title.show_text(_capital(found.title))
            self.right.setText(f"{count_text(found.matched)} right" if found.matched else "")
            self.setToolTip(plain(summary_of(found)))


class DecisionBar(QWidget):
    """What the opened error is, in words, and buttons: the other side is right, or mine is."""

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self.words = FaintLabel(_HINT)
        self.words.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self.words.setFixedHeight(2 * self.words.fontMetrics().lineSpacing() + 2)
        self.repair, self.keep = QPushButton("Take"), QPushButton("Mine is right")
        row = QHBoxLayout()
        row.setSpacing(6)
        for button, command in ((self.repair, "disagreement.take"), (self.keep, "errors.keep")):
            button.setAutoDefault(False)
            button.setEnabled(False)
            CommandTip(actions[command], button)
            row.addWidget(button)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(12, 4, 8, 6)
        column.setSpacing(4)
        column.addWidget(self.words)
        column.addLayout(row)

    def show_error(
        self,
        found: AnnotationErrors | None,
        error: ObjectError | None,
        schema: LabelSchema,
        *,
        read_only: bool,
    ) -> None:
        """Show what is to be decided, or how to choose an error."""
        is_open = found is not None and error is not None
        self.repair.setEnabled(is_open and not read_only)
        self.keep.setEnabled(is_open)
        if found is None or error is None:
            self.words.setText(_HINT)
            return
        self.words.setText(sentence_of(found, error, schema))
        self.words.setToolTip(plain(f"{error.kind.value.capitalize()}: {KIND_TIPS[error.kind]}"))
        self.repair.setText(act_of(error, found.against))


def _square(color: str) -> PlainLabel:
    label = PlainLabel()
    label.setPixmap(swatch(QColor(color)).pixmap(QSize(_SWATCH, _SWATCH)))
    return label


def error_columns(schema: LabelSchema) -> tuple[Column[ObjectError], ...]:
    """Kind with its icon, class, pixels, IoU."""

    def classes(error: ObjectError) -> str:
        mine, theirs = schema.name_of(error.class_id), schema.name_of(error.their_class)
        return mine if error.class_id == error.their_class else f"{mine} → {theirs}"

    return (
        Column("Error", text_of, "What is wrong with your annotation if the other side is right",
               key=lambda e: [*ErrorKind].index(e.kind), icon=lambda e: icon(KIND_ICONS[e.kind]),
               cell_tip=lambda e: KIND_TIPS[e.kind]),
        Column("Class", classes, "Your class; where the other side's is another one, both",
               stretch=90),
        Column("Pixels", lambda e: count_text(e.pixels), "Pixels of both sides together",
               value=lambda e: e.pixels, side=Side.RIGHT),
        Column("IoU", _iou_text, "Of your pixels and the other side's",
               value=lambda e: e.iou if _iou_text(e) else math.nan, side=Side.RIGHT, spare=True),
    )  # fmt: skip


def _iou_text(error: ObjectError) -> str:
    """The IoU, where both sides have objects."""
    return f"{error.iou:.2f}" if error.mine and error.theirs else ""


def sentence_of(found: AnnotationErrors, error: ObjectError, schema: LabelSchema) -> str:
    """What is wrong, in a sentence that says which side says what."""
    whose = found.title if len(found.title) <= _MOST_TITLE else found.title[: _MOST_TITLE - 1] + "…"
    mine, theirs = schema.name_of(error.class_id), schema.name_of(error.their_class)
    number = f"#{error.mine[0]}" if error.mine and not found.mine.from_regions else ""
    yours = f"Your object {number}".rstrip()
    sentences = {
        ErrorKind.MERGED: f"{yours} is {len(error.theirs)} for {whose}.",
        ErrorKind.SPLIT: f"{len(error.mine)} of your objects are one for {whose}.",
        ErrorKind.MISSED: f"{_capital(whose)} has an object here ({theirs}), you have none.",
        ErrorKind.INVENTED: f"{_capital(whose)} has no object where {yours[0].lower()}{yours[1:]} is.",
        ErrorKind.WRONG_CLASS: f"{yours} is {mine}; {whose} says {theirs}.",
        ErrorKind.BAD_SHAPE: f"{yours} and that of {whose} have an IoU of {error.iou:.2f}.",
        ErrorKind.REGION: f"You say {mine}; {whose} says {theirs}.",
    }
    return sentences[error.kind]


def summary_of(found: AnnotationErrors | None) -> str:
    """How many errors there are against what, and how many objects are right."""
    if found is None:
        return ""
    right = f", {counted(found.matched, 'object')} right" if found.matched else ""
    return f"{counted(len(found.errors), 'error')}{right}, against {found.title}"


def _all_right(found: AnnotationErrors) -> str:
    kept = f", but for {counted(found.settled, 'place')} that you kept" if found.settled else ""
    return f"Your annotation agrees with {found.title}{kept}."


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
