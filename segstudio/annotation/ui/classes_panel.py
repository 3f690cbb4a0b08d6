"""The classes and how well the shown prediction finds them, in one table."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import (
    QApplication,
    QColorDialog,
    QFileDialog,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.annotation.class_removal import ClassRemoval, ClassUse
from segstudio.annotation.objects import Objects
from segstudio.annotation.ui.class_dialogs import IgnoredClassDialog, RemoveClassDialog
from segstudio.annotation.ui.class_table import ClassTable, Figures, ShownClasses, class_columns
from segstudio.annotation.ui.score_details import FOLDER, ScoreDetails, Told
from segstudio.core.formatting import counted
from segstudio.core.schema import ClassSpec
from segstudio.core.text import as_html
from segstudio.folder.class_presets import PRESETS
from segstudio.folder.schema_keeper import SchemaKeeper
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.file_dialogs import ask_csv
from segstudio.kit.icon_button import icon_button
from segstudio.kit.icons import icon
from segstudio.kit.model_titles import telling_title
from segstudio.kit.panel_header import PanelHeader, on_panel_ground
from segstudio.kit.plain import PlainLabel, in_menu, plain
from segstudio.kit.table_model import Column, TableModel
from segstudio.metrics.confusion import Metrics
from segstudio.runs.batch import model_of
from segstudio.runs.class_mappings import ClassMappings
from segstudio.runs.score_sides import Sides, folder_sides, image_sides
from segstudio.runs.score_words import (
    NoScores,
    accuracy_text,
    calibration_text,
    image_means_text,
    means_text,
    more_means_text,
    why_no_folder_scores,
    why_no_image_scores,
)
from segstudio.runs.scoring import FolderScores, ScoreRow, Scoring
from segstudio.session.session import Change, Session, What

_NAME_FILES = "Class names (*.txt *.names *.csv *.tsv *.yaml *.yml *.json);;All files (*)"
_CALIBRATED_EVERY_S = 1.0
_SHOWN = (
    What.STATES
    | What.HISTORY
    | What.SCORES
    | What.DOCUMENT
    | What.PREDICTIONS
    | What.SCHEMA
    | What.VIEW
    | What.PROJECT
)


class ClassesPanel(QWidget):
    """Chooses the active class, edits the folder's classes, tells the scores."""

    def __init__(
        self,
        session: Session,
        schema_keeper: SchemaKeeper,
        removal: ClassRemoval,
        scoring: Scoring,
        mappings: ClassMappings,
        commands: ActionSet,
        objects: Objects,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._objects = objects
        self._commands = commands
        self._session, self._schema_keeper, self._scoring = session, schema_keeper, scoring
        self._removal, self._mappings = removal, mappings
        self._folder_sides: tuple[tuple[str, int], Sides | None] | None = None
        on_panel_ground(self)
        self.header = PanelHeader("Classes", panel=self)
        self.header.note.setAccessibleName("Whose scores these are")
        self.details = ScoreDetails()
        self.model = TableModel(self._columns({}), lambda spec: spec.id, self)
        self.view = ClassTable(self.model)
        self.means = PlainLabel()
        self.means.setTextFormat(Qt.TextFormat.RichText)
        self.means.setAccessibleName("Mean scores")
        self.missing = PlainLabel()
        self.missing.setWordWrap(True)
        self.missing.setProperty("caption", "true")
        self.missing.setAccessibleName("Why there are no scores")
        self.yes, self.no = QPushButton(), QPushButton("No")
        self.more = QToolButton()
        self.more.setProperty("link", "true")
        self.more.setCheckable(True)
        self.more.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.add = self.header.add(icon_button("plus", "Add a class"))
        self.names = self.header.add(icon_button("tags", "Read class names from a file…"))
        self.menu_button = self.header.add_menu("More of classes and scores")
        self._make_menus()
        self._lay_out()
        self.setFocusProxy(self.view)
        self._refresh = Coalescer(self, self._show)
        self._calibration_of: tuple[object, ...] = ()
        self._calibration_text = ""
        self._calibrate = Coalescer(self, self._ask_calibration, _CALIBRATED_EVERY_S)
        self._connect()
        self._show_more(False)
        self._show()

    def read_names(self) -> None:
        """Ask for a file and name the classes as it says."""
        project = self._session.project
        start = "" if project is None else str(project.root)
        path, _ = QFileDialog.getOpenFileName(self, "Read class names", start, _NAME_FILES)
        if path:
            self._schema_keeper.read_names(Path(path))

    def show_more(self, shown: bool) -> None:
        """Open what says more of the scores, or close it, and give it the keys."""
        self.more.setChecked(shown)
        self.more.setFocus(Qt.FocusReason.ShortcutFocusReason)

    # -- made once ---------------------------------------------------------------------------

    def _lay_out(self) -> None:
        line = QHBoxLayout()
        line.setContentsMargins(12, 4, 8, 4)
        line.setSpacing(4)
        line.addWidget(self.means, 1)
        line.addWidget(self.missing, 1)
        line.addWidget(self.more, 0, Qt.AlignmentFlag.AlignTop)
        for widget in (self.means, self.more):
            widget.setFixedHeight(24)
        self._answers = QWidget()
        answers = QHBoxLayout(self._answers)
        answers.setContentsMargins(12, 0, 8, 8)
        answers.setSpacing(6)
        answers.addWidget(self.yes)
        answers.addWidget(self.no)
        answers.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addLayout(line)
        column.addWidget(self._answers)
        column.addWidget(self.details)
        column.addStretch(0)
        self.view.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)

    def _connect(self) -> None:
        self.view.eye_clicked.connect(self._toggle_eye)
        self.view.lock_clicked.connect(self._toggle_lock)
        self.view.color_clicked.connect(self._choose_color)
        self.view.reached.connect(self._activate)
        self.view.menu_asked.connect(self._show_class_menu)
        self.add.clicked.connect(self._add_class)
        self.names.clicked.connect(self.read_names)
        self.more.toggled.connect(self._show_more)
        self.yes.clicked.connect(lambda: self._answer(self._mappings.confirm))
        self.no.clicked.connect(lambda: self._answer(self._mappings.deny))
        self.details.chosen.connect(self._refresh.request)
        self.details.copy_asked.connect(self._copy)
        self.details.save_asked.connect(self._save)
        self._session.changed.connect(self._on_change)
        self._commands.keymap_changed.connect(self._refresh.request)

    # -- following the session ---------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.what & (What.STATES | What.PROJECT | What.PREDICTIONS):
            self._folder_sides = None
        if change.what & (What.SCHEMA | What.PROJECT):
            self._show()
        elif change.what & _SHOWN:
            self._refresh.request()
        if change.what & What.VIEW:
            self.view.choose(self._session.view.active_class)

    def _show(self) -> None:
        """Show the classes, and what is known of the shown prediction."""
        session, of_folder = self._session, self.details.scope.text == FOLDER
        folder = self._scoring.of_folder() if of_folder else None
        if of_folder:
            metrics = None if folder is None else folder.summed
            missing = why_no_folder_scores(session, self._commands.key) if folder is None else None
        else:
            metrics = self._scoring.of_image()
            missing = why_no_image_scores(session, self._commands.key) if metrics is None else None
        rows = {} if metrics is None else {r.class_id: r for r in self._scoring.rows(metrics)}
        self.view.hidden_classes = session.view.hidden_classes
        self.view.locked_classes = session.view.locked_classes
        self.view.has_figures = bool(rows)
        self.model.show_rows(session.schema.classes, self._columns(rows))
        self.view.setMaximumHeight(self.view.whole_height())
        self.view.choose(session.view.active_class)
        self._show_missing(missing)
        self._show_means(metrics, folder)
        self._show_sides(metrics, folder)
        has_scores = self._scoring.has_scores
        self.details.copy.setEnabled(has_scores)
        self.details.save.setEnabled(has_scores)

    def _columns(self, rows: Mapping[int, ScoreRow]) -> tuple[Column[ClassSpec], ...]:
        view, figures = self._session.view, Figures(self.details.figures.text)
        shown = ShownClasses(
            view.active_class, view.hidden_classes, view.locked_classes, rows, figures
        )
        return class_columns(
            self._session.schema,
            shown,
            self._schema_keeper.rename_class,
            lambda number: self._commands.key(f"class.{number}"),
        )

    def _show_missing(self, missing: NoScores | None) -> None:
        """Say why there are no scores, with the question of which the answer is missing."""
        self.missing.setVisible(missing is not None)
        can_say = model_of(self._session.view.scored_run) in self._session.models
        asked = missing.asked if missing is not None and can_say else None
        self.missing.setText("" if missing is None else missing.why)
        self._answers.setVisible(asked is not None)
        if asked is not None:
            name, counterpart = asked
            self.yes.setText("Yes, it is")
            self.yes.setToolTip(plain(f"Score {name} as “{counterpart}”"))
            self.no.setToolTip(plain(f"“{counterpart}” is no {name}: it stays without scores"))

    def _show_means(self, metrics: Metrics | None, folder: FolderScores | None) -> None:
        self.means.setVisible(metrics is not None)
        if metrics is None:
            return
        self.means.setText(_with_strong_figures(means_text(metrics, self._session.schema)))
        schema = self._session.schema
        more = [more_means_text(metrics, schema)]
        more += [] if folder is None else [image_means_text(folder.image_means, schema)]
        self.means.setToolTip(plain(" ".join(filter(None, more))))

    def _show_sides(self, metrics: Metrics | None, folder: FolderScores | None) -> None:
        """Name the model beside the panel's name, and what it is compared with in the tip."""
        session = self._session
        sides = None
        if metrics is not None:
            sides = image_sides(session) if folder is None else self._sides_of(folder.images)
        if sides is None or metrics is None:
            self.header.note.show_text("")
            self.details.show_told(Told())
            return
        if folder is not None:
            sides = replace(sides, own=folder.own)
        over = "" if folder is None else f", {counted(folder.images, 'image')}"
        titles = {spec.title for spec in session.models.values()}
        others = sorted(titles - {sides.model})
        self.header.note.show_text(f"{telling_title(sides.model, others)}{over}")
        self.header.note.setToolTip(plain(f"IoU and Dice: {sides.text}"))
        if self.more.isChecked():
            means = [more_means_text(metrics, session.schema)]
            if folder is not None:
                means.append(image_means_text(folder.image_means, session.schema))
            self.details.show_told(
                Told(
                    f"{sides.text}{over}{' summed' if over else ''}",
                    sides.warning,
                    " ".join(filter(None, means)),
                    accuracy_text(metrics, session.schema),
                    "" if over else self._calibration(),
                )
            )

    def _calibration(self) -> str:
        """What is known of it now; asked for if that is of something else."""
        document, run = self._session.document, self._session.view.scored_run
        revision = None if document is None else document.annotation.revision
        asked = (None if document is None else document.ref, run, self._session.schema, revision)
        if asked != self._calibration_of:
            if asked[:3] != self._calibration_of[:3]:
                self._calibration_text = ""
            self._calibration_of = asked
            self._calibrate.request()
        return self._calibration_text

    def _ask_calibration(self) -> None:
        asked = self._calibration_of

        def done(error: float) -> None:
            if asked == self._calibration_of:
                self._calibration_text = calibration_text(error)
                self._refresh.request()

        self._scoring.calibrate(done)

    def _sides_of(self, images: int) -> Sides | None:
        """What the folder's scores compare; all marks are gone through only if some changed."""
        key = (self._session.view.scored_run, images)
        if self._folder_sides is None or self._folder_sides[0] != key:
            self._folder_sides = (key, folder_sides(self._session, images))
        return self._folder_sides[1]

    def _show_more(self, shown: bool) -> None:
        self.more.setText("Less" if shown else "More")
        tip = (
            "Close it"
            if shown
            else "Precision, recall, pixels, accuracy, calibration; the whole folder"
        )
        self.more.setToolTip(tip)
        self.more.setAccessibleName("Less of the scores" if shown else "More of the scores")
        self.details.setVisible(shown)
        if not shown:
            self.details.reset()
        self._refresh.request()

    # -- what the user does ------------------------------------------------------------------

    def _activate(self, spec: ClassSpec) -> None:
        view = self._session.view
        if spec.id != view.active_class:
            self._session.set_view(active_class=spec.id, previous_class=view.active_class)

    def _toggle_eye(self, spec: ClassSpec) -> None:
        hidden = self._session.view.hidden_classes
        self._session.set_view(hidden_classes=hidden ^ frozenset({spec.id}))

    def _toggle_lock(self, spec: ClassSpec) -> None:
        locked = self._session.view.locked_classes
        self._session.set_view(locked_classes=locked ^ frozenset({spec.id}))

    def _show_only(self, spec: ClassSpec) -> None:
        others = frozenset(self._session.schema.ids) - {spec.id}
        self._session.set_view(hidden_classes=others)

    @property
    def _possible_objects(self) -> frozenset[int]:
        """The classes that may be of single objects: all but the background and what is ignored."""
        return frozenset(self._session.schema.scored_ids) - {0}

    def _flip_single(self, spec: ClassSpec) -> None:
        is_on = spec.id in self._objects.classes_of_objects
        self._objects.set_of_objects((spec.id,), on=not is_on)

    def _set_all_single(self, on: bool) -> None:
        self._objects.set_of_objects(self._possible_objects, on=on)

    def _choose_color(self, spec: ClassSpec) -> None:
        color = QColorDialog.getColor(QColor(*spec.color), self, f"Colour of {spec.name}")
        if color.isValid():
            self._schema_keeper.recolor_class(spec.id, (color.red(), color.green(), color.blue()))

    def _add_class(self) -> None:
        number = self._session.schema.num_classes
        class_id = self._schema_keeper.add_class(f"class {number}")
        spec = self._session.schema.get(class_id)
        if spec is not None:
            self._activate(spec)
        self.view.edit_name(class_id)

    def _remove_class(self, spec: ClassSpec) -> None:
        """Find out where a class is used; where it is, ask what its pixels become."""
        self._removal.count(spec.id, self._ask_removal)

    def _ask_removal(self, use: ClassUse) -> None:
        if not use.pixels and not use.unread:
            self._removal.remove(use)
            return
        dialog = RemoveClassDialog(use, self._session.schema, self.window())
        dialog.confirmed.connect(lambda into: self._removal.remove(use, into))
        dialog.open()

    def _ask_ignored(self) -> None:
        dialog = IgnoredClassDialog(self._session.schema, self.window())
        dialog.confirmed.connect(self._schema_keeper.set_ignore_index)
        dialog.open()

    def _answer(self, decide: Callable[[str], None]) -> None:
        decide(model_of(self._session.view.scored_run))

    def _copy(self) -> None:
        QApplication.clipboard().setText(self._scoring.csv())

    def _save(self) -> None:
        path = ask_csv(self, "Save scores", self._session, "scores.csv")
        if path is not None:
            self._scoring.save_csv(path)

    # -- menus -------------------------------------------------------------------------------

    def _make_menus(self) -> None:
        """What can be done with the active class, in the table's menu and in the header's."""
        add = self.header.menu.addAction
        self.rename = QAction("Rename", self)
        self.recolor = QAction("Colour…", self)
        self.hide_class = QAction("Hide", self)
        self.lock = QAction("Lock", self)
        self.show_only = QAction("Show only this class", self)
        self.show_all = QAction("Show all classes", self)
        self.remove = QAction(icon("minus"), "Remove or merge…", self)
        self.single = QAction("Single objects", self, checkable=True)
        self.all_single = QAction("All classes are single objects", self, checkable=True)
        self.all_single.triggered.connect(self._set_all_single)
        for action, act in (
            (self.single, self._flip_single),
            (self.rename, lambda spec: self.view.edit_name(spec.id)),
            (self.recolor, self._choose_color),
            (self.hide_class, self._toggle_eye),
            (self.lock, self._toggle_lock),
            (self.show_only, self._show_only),
            (self.show_all, lambda _spec: self._session.set_view(hidden_classes=frozenset())),
            (self.remove, self._remove_class),
        ):
            action.triggered.connect(partial(self._with_active, act))
        self.class_menu = QMenu(self)
        for menu in (self.class_menu, self.header.menu):
            menu.addActions([self.rename, self.recolor])
            menu.addSeparator()
            menu.addActions([self.hide_class, self.show_only, self.show_all])
            menu.addSeparator()
            menu.addAction(self.lock)
            menu.addSeparator()
            menu.addActions([self.single, self.all_single])
            menu.addSeparator()
            menu.addAction(self.remove)
            menu.aboutToShow.connect(self._name_entries)
        self.header.menu.addSeparator()
        add(icon("tags"), "Read class names from a file…").triggered.connect(self.read_names)
        self.presets = self.header.menu.addMenu("Use the classes of")
        self.presets.setToolTipsVisible(True)
        for preset in PRESETS:
            entry = self.presets.addAction(preset.title)
            entry.setToolTip(preset.tip)
            entry.triggered.connect(partial(self._schema_keeper.use_preset, preset))
        self.ignored = add("Pixels that don't count…")
        self.ignored.triggered.connect(self._ask_ignored)
        self.header.menu.addSeparator()
        self.copy_scores = add(icon("copy"), "Copy the scores as CSV")
        self.copy_scores.triggered.connect(self._copy)
        self.save_scores = add(icon("download"), "Save the scores as CSV…")
        self.save_scores.triggered.connect(self._save)

    def _name_entries(self) -> None:
        """Say of which class the entries are, and what can be done now."""
        schema, view = self._session.schema, self._session.view
        spec = schema.get(view.active_class)
        name = "" if spec is None else in_menu(spec.name)
        self.rename.setText(f"Rename “{name}”\tF2")
        hidden = view.active_class in view.hidden_classes
        self.hide_class.setText(f"{'Show' if hidden else 'Hide'}\tSpace")
        locked = view.active_class in view.locked_classes
        self.lock.setText(f"{'Unlock' if locked else 'Lock'} “{name}”")
        for action in (self.rename, self.recolor, self.hide_class, self.show_only, self.lock):
            action.setEnabled(spec is not None)
        self.show_all.setEnabled(bool(view.hidden_classes))
        of_objects, possible = self._objects.classes_of_objects, self._possible_objects
        self.single.setText(f"“{name}” is of single objects")
        self.single.setChecked(view.active_class in of_objects)
        self.single.setEnabled(view.active_class in possible)
        self.all_single.setChecked(bool(possible) and possible <= of_objects)
        self.all_single.setEnabled(bool(possible))
        self.remove.setEnabled(spec is not None and spec.id != 0)
        for action in (self.copy_scores, self.save_scores):
            action.setEnabled(self._scoring.has_scores)

    def _with_active(self, act: Callable[[ClassSpec], None]) -> None:
        spec = self._session.schema.get(self._session.view.active_class)
        if spec is not None:
            act(spec)

    def _show_class_menu(self, spec: ClassSpec, place: QPoint) -> None:
        self._activate(spec)
        self.class_menu.popup(place)


def _with_strong_figures(text: str) -> str:
    """A line as rich text, its numbers semibold."""
    return re.sub(r"(\d+\.\d+)", r'<span style="font-weight:600">\1</span>', as_html(text))
