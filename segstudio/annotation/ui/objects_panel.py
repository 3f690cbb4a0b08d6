"""The objects of the open image in a table, chosen here as on the picture."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Final

import numpy as np
from PySide6.QtCore import QItemSelectionModel, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QIcon, QKeyEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.object_csv import ObjectCsv
from segstudio.annotation.object_table import ANNOTATION, ObjectTable
from segstudio.annotation.objects import Objects
from segstudio.canvas.overlay import objects_run
from segstudio.core.formatting import count_text, counted, ratio_text
from segstudio.core.object_figures import ObjectFigures, ObjectRow, no_figures
from segstudio.core.object_filter import ObjectFilter
from segstudio.core.object_tones import Tones, tone_color
from segstudio.core.pixel_size import PixelSize
from segstudio.core.schema import LabelSchema
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.elided import ElidedLabel
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.file_dialogs import ask_csv
from segstudio.kit.icons import icon
from segstudio.kit.key_tips import CommandTip
from segstudio.kit.panel_header import PanelHeader, on_panel_ground
from segstudio.kit.plain import FaintLabel, plain
from segstudio.kit.row_menu import Verb
from segstudio.kit.swatch import swatch
from segstudio.kit.table import TableView
from segstudio.kit.table_model import Column, Side, TableModel
from segstudio.session.document import Document
from segstudio.session.session import Change, Flavour, Session, ViewState, What

_SHOWN: Final = (
    What.OBJECTS | What.DOCUMENT | What.PREDICTIONS | What.SCHEMA | What.VIEW | What.PROJECT
)
_NO_IMAGE: Final = "Open an image to see its objects."
_NO_OBJECTS: Final = "No objects are told apart in this image."
_WORKING: Final = "Looking at the objects…"
_NONE_MEANT: Final = "The filter leaves out all objects."
_FILTER_TIP: Final = (
    "Words of the class or kind of error, and conditions: area<50, mean>=100, score<0.5, id=7.\n"
    "Enter goes to the table, Esc empties the field."
)
_TO_TABLE: Final = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Down)
_DELETE: Final = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_ROW_PX, _ICON_PX = 24, 14
_MOST_APART: Final = 300
"""So many rows that do not follow each other are selected; for more Qt takes a tenth of a second."""
ID, CLASS, AREA, MEAN, SCORE = range(5)
"""The columns; of an error comes last, without scores in their place."""


@dataclass(frozen=True, eq=False)
class ShownObjects:
    """What the table is about.

    Attributes:
        figures: The objects.
        name_of: The name of a class.
        color_of: The colour in which an object is drawn.
        errors: Kinds of errors by number.
        size: How large a pixel is; None if nobody knows.
    """

    figures: ObjectFigures
    name_of: Callable[[int], str]
    color_of: Callable[[ObjectRow], QColor]
    errors: Mapping[int, str]
    size: PixelSize | None = None


_NOTHING: Final = ShownObjects(no_figures(), str, lambda _row: QColor(), {})


class ObjectsPanel(QWidget):
    """The objects that the view clicked on last tells apart: its annotation's, or its model's.

    What is selected in the table is selected on the picture, and the other way round. Objects of a
    model can be looked at only.

    Signals:
        object_opened: The `Rect` of the object that the user wants to see.
        counted: There are objects, of which the folded panel shows only how many.
    """

    object_opened = Signal(object)
    counted = Signal()

    def __init__(
        self,
        session: Session,
        table: ObjectTable,
        objects: Objects,
        files: ObjectCsv,
        actions: ActionSet,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._table, self._objects, self._files = session, table, objects, files
        self._run: str = ANNOTATION
        self._seen: tuple[object, ...] = ()
        self._places: dict[int, int] = {}
        self._is_showing = False
        self._deleted: tuple[int, set[int]] | None = None
        """The first row of what is being deleted, and its numbers."""
        on_panel_ground(self)
        self.header = PanelHeader("Objects", folds=True, panel=self)
        self.header.note.setAccessibleName("How many objects there are")
        self.filter = _FilterField()
        self.problem = FaintLabel()
        self.problem.setAccessibleName("What is wrong with the filter")
        self.problem.setContentsMargins(12, 0, 12, 4)
        self.problem.hide()
        self.model: TableModel[ObjectRow] = TableModel(
            object_columns(_NOTHING), attrgetter("id"), self
        )
        self.table = _ObjectView(
            self.model, "Objects of this image", row_height=_ROW_PX,
            sorting=(ID, Qt.SortOrder.AscendingOrder),
            choosing=QAbstractItemView.SelectionMode.ExtendedSelection,
        )  # fmt: skip
        self.make = QPushButton("Make objects of the regions")
        make = actions["objects.from_regions"]
        CommandTip(make, self.make)
        self.make.clicked.connect(make.trigger)
        self.chosen = ElidedLabel()
        self.chosen.setAccessibleName("What is selected")
        self.chosen.setProperty("caption", "true")
        self.verbs = [
            _Verb(actions[name], text)
            for name, text in (
                ("tool.split", "Split"), ("objects.merge", "Merge"), ("objects.delete", "Delete"),
            )
        ]  # fmt: skip
        self._fill_menu(actions)
        self._lay_out()
        self.setFocusProxy(self.table)
        self._refresh = Coalescer(self, self._show)
        self.filter.textChanged.connect(self._refresh.request)
        self.filter.list_wanted.connect(self._enter_table)
        self.table.selectionModel().selectionChanged.connect(self._take_choice)
        self.table.reached.connect(self._open)
        self.table.delete_asked.connect(self._delete)
        self.table.verbs = self._verbs_of
        session.changed.connect(self._on_change)
        self._show()

    @property
    def empty_text(self) -> str:
        """The line shown instead of objects, "" while there are some."""
        return self._switch.empty_text

    def save(self, *, every: bool) -> None:
        """Ask for a file and write the objects to it: of this image, or of all images."""
        name = self._files.default_name(every=every)
        title = "Save the objects of all images" if every else "Save the objects of this image"
        path = ask_csv(self, title, self._session, name)
        if path is not None:
            self._files.save(path, every=every)

    def search(self) -> None:
        """Go to the filter."""
        self.filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filter.selectAll()

    def fold(self, folded: bool) -> None:
        """Show the line with how many objects there are, or the table too."""
        self.header.show_folded(folded)
        self._refresh.request()

    # -- made once -----------------------------------------------------------------------------

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setContentsMargins(12, 0, 12, 4)
        top.addWidget(self.filter)
        self._foot = QWidget()
        foot = QHBoxLayout(self._foot)
        foot.setContentsMargins(12, 6, 8, 6)
        foot.setSpacing(2)
        foot.addWidget(self.chosen, 1)
        for verb in self.verbs:
            foot.addWidget(verb)
        contents = QWidget()
        column = QVBoxLayout(contents)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self.problem)
        column.addWidget(self.table, 1)
        column.addWidget(self._foot)
        self._switch = Switch(EmptyState("", self.make), contents, inside=self)

    def _fill_menu(self, actions: ActionSet) -> None:
        self.header.add_menu("More of objects")
        menu = self.header.menu
        for name in ("objects.select_all", "objects.renumber", "objects.from_regions"):
            menu.addAction(actions[name])
        menu.addSeparator()
        for name in ("objects.csv", "objects.csv_all", "image.pixel_size"):
            menu.addAction(actions[name])

    # -- following the session -----------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        # the rows follow an edit when their figures are known, which is said with OBJECTS
        counts = change.what & What.LABELS and self.header.folded
        if change.what & _SHOWN or counts:
            self._refresh.request()

    def showEvent(self, event: object) -> None:
        """What was not looked at while nobody saw it is looked at now."""
        super().showEvent(event)  # type: ignore[arg-type]
        self._refresh.request()

    def _show(self) -> None:
        document = self._session.document
        run = None if document is None else objects_run(document, self._view)
        self._run = run or ANNOTATION
        if self.header.folded or not self.isVisible():
            index = None if self._run else self._objects.index
            self.header.note.show_text("" if not index else count_text(len(index)))
            if index and self.header.folded:
                self.counted.emit()
            return
        figures = self._table.of(self._run)
        if document is None or figures is None or not figures.rows:
            self._show_nothing(document, figures)
            return
        seen = (
            figures, self._table.errors, self._session.schema, self.filter.text(),
            self._view.flavour, self._session.view.pixel_sizes,
        )  # fmt: skip
        if not _is_same(seen, self._seen):
            self._seen = seen
            self._show_rows(document, figures)
        else:
            self.table.viewport().update()  # near objects may have got other colours
        self._show_selection()

    @property
    def _view(self) -> ViewState:
        view = self._session.view
        return view.of_pane(view.active_pane)

    def _show_nothing(self, document: Document | None, figures: ObjectFigures | None) -> None:
        text = _NO_IMAGE if document is None else _WORKING if figures is None else _NO_OBJECTS
        self._seen, self._places = (), {}
        if not (figures is None and self.model.rows):  # else the table stays until they are known
            self._is_showing = True
            self.model.show_rows((), object_columns(_NOTHING))
            self._is_showing = False
            self.make.setVisible(
                document is not None and document.has_reference and text == _NO_OBJECTS
            )
            self._switch.show_contents(False, text)
            self.header.note.show_text("")

    def _show_rows(self, document: Document, figures: ObjectFigures) -> None:
        errors = {} if self._run else self._table.errors
        schema = self._schema_of(document)
        wanted = ObjectFilter.of(self.filter.text())
        size = document.pixel_size(self._session.view.pixel_sizes)
        kept = wanted.kept(figures, schema.name_of, errors, 1.0 if size is None else size.area)
        figures = figures if kept.all() else figures.some(kept)
        rows = figures.rows
        colors = self._colors(document, schema)
        shown = ShownObjects(figures, schema.name_of, colors, errors, size)
        self._is_showing = True
        self.model.show_rows(rows, object_columns(shown))
        self._is_showing = False
        self._places = {row.id: place for place, row in enumerate(self.model.rows)}
        problem = wanted.problem or ("" if rows else _NONE_MEANT)
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self._foot.setVisible(not self._run)
        total = count_text(len(kept))
        self.header.note.show_text(
            total if len(rows) == len(kept) else f"{count_text(len(rows))} of {total}"
        )
        self._switch.show_contents(True)

    def _schema_of(self, document: Document) -> LabelSchema:
        """The classes of the map that is shown: a model's own where none of them is the folder's."""
        prediction = document.predictions.get(self._run)
        is_own = prediction is not None and prediction.own is not None
        return prediction.schema if is_own and prediction is not None else self._session.schema

    def _colors(self, document: Document, schema: LabelSchema) -> Callable[[ObjectRow], QColor]:
        ids = document.predictions[self._run].instance_ids if self._run else None
        ids = document.annotation.instances if ids is None else ids
        by_class = {spec.id: QColor(*spec.color) for spec in schema.classes}
        if ids is None or self._view.flavour is not Flavour.INSTANCE:
            return lambda row: by_class.get(row.class_id, QColor(128, 128, 128))
        tones: Tones = self._objects.tones.of(ids)
        return lambda row: QColor(*tone_color(int(tones[row.id])))

    # -- choosing ------------------------------------------------------------------------------

    def _show_selection(self) -> None:
        """Select the rows of what is selected on the picture."""
        objects = () if self._run else self._session.selection.objects
        wanted = sorted(self._places[i] for i in objects if i in self._places)
        if sum(b - a > 1 for a, b in pairwise(wanted)) > _MOST_APART:
            wanted = []
        self._show_chosen(objects)
        if self._deleted is not None and not objects:
            self._go_on(*self._deleted)
            return
        self._deleted = None
        if self._run or wanted == self.table.chosen_places():
            return
        self._is_showing = True
        if wanted:
            place = self._places[next(i for i in reversed(objects) if i in self._places)]
            index = self.model.index(place, ID)
            keep = QItemSelectionModel.SelectionFlag.NoUpdate
            self.table.selectionModel().setCurrentIndex(index, keep)
            self.table.scrollTo(index)
        self.table.choose_places(wanted)
        self._is_showing = False

    def _show_chosen(self, objects: tuple[int, ...]) -> None:
        text = f"#{objects[0]}" if len(objects) == 1 else f"{count_text(len(objects))} objects"
        self.chosen.show_text(text if objects else "")

    def _take_choice(self) -> None:
        """Select on the picture what was selected in the table."""
        if self._is_showing or self._run:
            return
        ids = [self.model.rows[place].id for place in self.table.chosen_places()]
        before, new = self._session.selection.objects, set(ids)
        kept = [object_id for object_id in before if object_id in new]
        self._objects.select(dict.fromkeys((*kept, *ids)))

    def _open(self, row: ObjectRow) -> None:
        """Show an object that was clicked on or reached by a key."""
        if len(self.table.chosen_places()) <= 1:
            self.object_opened.emit(row.rect)

    def _delete(self) -> None:
        """Delete what is selected, and go on to the row that takes its place."""
        places, chosen = self.table.chosen_places(), self._session.selection.objects
        if self._run or not chosen or self._session.read_only:
            return
        self._deleted = min(places, default=0), {*chosen}
        self._objects.delete()

    def _go_on(self, place: int, gone: set[int]) -> None:
        """Once the rows of what was deleted are gone, the one that follows is next."""
        if gone & self._places.keys():
            return
        self._deleted = None
        if self.model.rows:
            row = self.model.rows[min(place, len(self.model.rows) - 1)]
            self.table.choose(row.id)
            self.object_opened.emit(row.rect)

    def _enter_table(self) -> None:
        """Go from the filter to the table, to its first row unless one is chosen."""
        self._refresh.call()
        self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)
        if self.model.rows and not self.table.chosen_places():
            self.table.choose(self.model.rows[0].id)
            self._open(self.model.rows[0])

    def _verbs_of(self, row: ObjectRow) -> list[Verb]:
        shown: Verb = ("scan", "Show the object", lambda: self.object_opened.emit(row.rect))
        if self._run or self._session.read_only:
            return [shown]
        count = len(self._session.selection.objects)
        merge: list[Verb] = [("merge", f"Merge {count} objects", self._objects.merge)]
        what = "the object" if count < 2 else f"{count_text(count)} objects"
        return [shown, *merge[: count > 1], ("trash-2", f"Delete {what}", self._delete)]


def object_columns(shown: ShownObjects) -> tuple[Column[ObjectRow], ...]:
    """Number and colour, class, area, mean; score and error where there are any."""
    names = {int(c): shown.name_of(int(c)) for c in np.unique(shown.figures.classes)}
    errors, ranks = shown.errors, np.zeros(256)
    for rank, class_id in enumerate(sorted(names, key=lambda c: names[c].casefold())):
        ranks[class_id] = rank

    def picture(row: ObjectRow) -> QIcon:
        return swatch(shown.color_of(row))

    columns: list[Column[ObjectRow]] = [
        Column("Id", lambda row: str(row.id), "The object's number", lambda row: row.id,
               icon=picture, keys=lambda: shown.figures.ids),
        Column("Class", lambda row: names[row.class_id], "The class of most of its pixels",
               stretch=56, keys=lambda: ranks[shown.figures.classes]),
        _area_column(shown),
        Column("Mean", lambda row: _mean_text(row.mean),
               "Mean intensity: of the stored values of the channel that is shown",
               lambda row: row.mean, side=Side.RIGHT, spare=True,
               keys=lambda: shown.figures.means),
    ]  # fmt: skip
    if not np.isnan(shown.figures.scores).all():
        columns.append(
            Column("Score", lambda row: "" if row.score != row.score else ratio_text(row.score, 2),
                   "How sure the model is that found it; empty for what was drawn by hand",
                   lambda row: row.score, side=Side.RIGHT, spare=True,
                   keys=lambda: shown.figures.scores)
        )  # fmt: skip
    if errors:
        columns.append(
            Column("Error", lambda row: errors.get(row.id, ""),
                   "What is wrong with it, against what it is compared with",
                   key=lambda row: errors.get(row.id) or None)
        )  # fmt: skip
    return (*columns, _diameter_column(shown))


def _area_column(shown: ShownObjects) -> Column[ObjectRow]:
    """In pixels, or in the unit that suits them where their size is known."""
    size = shown.size
    if size is None:
        return Column(
            "Area, px", lambda row: count_text(row.area), "How many pixels it has",
            lambda row: row.area, side=Side.RIGHT, keys=lambda: shown.figures.areas,
        )  # fmt: skip
    return Column(
        f"Area, {size.area_unit}", lambda row: size.area_text(row.area),
        f"Its pixels, each of {size.size_text()}", lambda row: row.area * size.area,
        side=Side.RIGHT, keys=lambda: shown.figures.areas,
        cell_tip=lambda row: counted(row.area, "pixel"),
    )  # fmt: skip


def _diameter_column(shown: ShownObjects) -> Column[ObjectRow]:
    size = shown.size
    area, unit = (1.0, "px") if size is None else (size.area, size.unit)

    def diameter(row: ObjectRow) -> float:
        return 2 * math.sqrt(row.area * area / math.pi)

    return Column(
        f"Diameter, {unit}", lambda row: f"{diameter(row):.3g}",
        "Of a circle with its area", diameter, side=Side.RIGHT, spare=True,
        keys=lambda: shown.figures.areas,
    )  # fmt: skip


def _mean_text(mean: float) -> str:
    if mean != mean:
        return ""
    return f"{mean:,.1f}" if abs(mean) < 9_999.95 else f"{mean:,.0f}"


def _is_same(one: tuple[object, ...], other: tuple[object, ...]) -> bool:
    return len(one) == len(other) and all(
        a is b or (isinstance(a, str) and a == b) for a, b in zip(one, other, strict=True)
    )


class _ObjectView(TableView[ObjectRow]):
    """The table.

    Signals:
        delete_asked: What is selected shall be deleted.
    """

    delete_asked = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Delete deletes."""
        if event.key() in _DELETE and not event.modifiers():
            self.delete_asked.emit()
        else:
            super().keyPressEvent(event)


class _FilterField(QLineEdit):
    """Enter and the arrow down go to the table, Esc empties the field or, empty, leaves it too.

    Signals:
        list_wanted: The user is done with typing.
    """

    list_wanted = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setPlaceholderText("Filter: class, area<50")
        self.setToolTip(plain(_FILTER_TIP))
        self.setAccessibleName("Filter objects")
        self.setClearButtonEnabled(True)
        self.addAction(icon("search"), QLineEdit.ActionPosition.LeadingPosition)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        is_escape = event.key() == Qt.Key.Key_Escape
        if is_escape and self.text():
            self.clear()
        elif is_escape or event.key() in _TO_TABLE:
            self.list_wanted.emit()
        else:
            super().keyPressEvent(event)


class _Verb(QToolButton):
    """A short word that does what a command does, and can be pressed when that can be done."""

    def __init__(self, action: QAction, text: str) -> None:
        super().__init__()
        self._action = action
        self.setIcon(action.icon())
        self.setIconSize(QSize(_ICON_PX, _ICON_PX))
        self.setText(text)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setProperty("small", True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.clicked.connect(action.trigger)
        CommandTip(action, self)
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        self.setEnabled(self._action.isEnabled())
