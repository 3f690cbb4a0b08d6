"""Exporting masks: what, how, where; then the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from segstudio.annotation.exporting import (
    ANNOTATION,
    TRUTH,
    Exporting,
    ExportPlan,
    ExportReport,
    Replaced,
)
from segstudio.core.errors import told
from segstudio.core.formatting import count_text, counted
from segstudio.core.schema import LabelSchema
from segstudio.core.text import enumerated
from segstudio.kit.dialog import Dialog, clicked_button
from segstudio.kit.icons import icon
from segstudio.kit.plain import FaintLabel, PlainLabel, plain, plain_box, semibold_font
from segstudio.runs.batch import model_of
from segstudio.session.session import Session
from segstudio.storage.mask_files import exports
from segstudio.storage.panoptic_results import PANOPTIC_NAME
from segstudio.storage.state_lists import STATE_LISTS

_STATES_TIP = (
    "How far the work on each image is (unlabelled, in work, done, flagged), and the notes on them."
)

_ONE_OF_ALL = (
    "Objects of a class become one region in these files; "
    "Instance ids and COCO panoptic keep them apart."
)


@dataclass(frozen=True)
class Offered:
    """What the dialog begins with.

    Attributes:
        selected: Positions of the images selected in the list.
        filtered: Positions of those that the list shows, if these are not all.
        folder: Where masks of this data set go.
        forms: The forms of the last export, with commas; empty for the usual one.
    """

    selected: Sequence[int]
    filtered: Sequence[int]
    folder: str
    forms: str = ""


class ExportDialog(Dialog):
    """Asks for the plan of an export and starts it; the report comes in its own window.

    Signals:
        started: Folder and forms (with commas) of an export that was started.
    """

    started = Signal(str, str)

    def __init__(
        self, session: Session, exporting: Exporting, offered: Offered, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export masks")
        self._session, self._exporting, self._offered = session, exporting, offered
        self._asking = False
        self.images = _combo("Images", self._image_choices())
        self.what = _combo("What", self._what_choices())
        self.how = {how: _check(form.title, form.tip) for how, form in exports().items()}
        forms = [box for how, box in self.how.items() if how in offered.forms.split(",")]
        self.states = {
            name: _check(f"States and notes ({name})", _STATES_TIP) for name in STATE_LISTS
        }
        for name, box in self.states.items():
            box.setChecked(name in offered.forms.split(","))
        if not forms and not any(box.isChecked() for box in self.states.values()):
            forms = [self.how["instances" if self._of_objects else "palette"]]
        for box in forms:
            box.setChecked(True)
        self.folder = QLineEdit(offered.folder)
        self.folder.setAccessibleName("Folder")
        self.folder.setToolTip("Where the files are written; it is made if it is not there")
        self.problem = FaintLabel()
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Cancel)
        self.start = QPushButton(icon("file-output"), "Export")
        self.start.setDefault(True)
        self.buttons.addButton(self.start, QDialogButtonBox.ButtonRole.AcceptRole)
        self._lay_out()
        self.start.clicked.connect(self._export)
        self.buttons.rejected.connect(self.reject)
        self.folder.textChanged.connect(self._check)
        for box in (*self.how.values(), *self.states.values()):
            box.toggled.connect(self._check)
        self._check()

    @property
    def plan(self) -> ExportPlan:
        chosen = self.images.currentData()
        some = {"selected": self._offered.selected, "filtered": self._offered.filtered}
        return ExportPlan(
            list(some[chosen]) if chosen in some else chosen,
            str(self.what.currentData()),
            frozenset(how for how, box in self.how.items() if box.isChecked()),
            Path(self.folder.text()).expanduser(),
            frozenset(name for name, box in self.states.items() if box.isChecked()),
        )

    @property
    def _of_objects(self) -> bool:
        """Whether the open image's annotation tells objects apart."""
        document, schema = self._session.document, self._session.schema
        keeps_ids = document is not None and document.annotation.instances is not None
        return keeps_ids and bool(schema.object_ids(keeps_ids=True))

    def _lay_out(self) -> None:
        forms = QVBoxLayout()
        forms.setSpacing(4)
        for box in self.how.values():
            forms.addWidget(box)
        besides = QVBoxLayout()
        besides.setSpacing(4)
        for box in self.states.values():
            besides.addWidget(box)
        browse = QPushButton(icon("folder-open"), "Choose…")
        browse.setAutoDefault(False)
        browse.clicked.connect(self._browse)
        where = QHBoxLayout()
        where.addWidget(self.folder, 1)
        where.addWidget(browse)
        form = QFormLayout()
        form.setHorizontalSpacing(14)
        form.setVerticalSpacing(10)
        form.addRow("Images", self.images)
        form.addRow("What", self.what)
        form.addRow("How", forms)
        form.addRow("Besides", besides)
        form.addRow("Where", where)
        column = QVBoxLayout(self)
        column.addLayout(form)
        column.addWidget(self.problem)
        column.addWidget(self.buttons)
        self.setMinimumWidth(560)

    def _image_choices(self) -> list[tuple[str, str]]:
        project, document = self._session.project, self._session.document
        choices = []
        if document is not None:
            choices.append((f"This image ({document.ref.title})", "current"))
        selected, filtered = len(self._offered.selected), len(self._offered.filtered)
        pages = ", all pages" if self._session.has_stacks else ""
        if selected > 1:
            choices.append((f"Selected images ({selected:,}){pages}", "selected"))
        if filtered:
            choices.append((f"Images that the list shows ({filtered:,}){pages}", "filtered"))
        if project is not None:
            choices.append((f"All images ({len(project.images):,}){pages}", "all"))
        return choices

    def _what_choices(self) -> list[tuple[str, str]]:
        choices = [("Annotation (else ground truth)", ANNOTATION), ("Ground truth", TRUTH)]
        runs = dict.fromkeys(run for state in self._session.states.values() for run in state.runs)
        document = self._session.document
        titles = {}
        if document is not None:
            titles = {run: p.title for run, p in document.predictions.items()}
        for run in sorted({*runs, *titles}):
            model = self._session.models.get(model_of(run))
            title = titles.get(run) or (model.title if model is not None else run)
            choices.append((f"Prediction of {title}", run))
        return choices

    def _browse(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Export to", self.folder.text())
        if folder:
            self.folder.setText(folder)

    def _check(self) -> None:
        plan_how = [how for how, box in self.how.items() if box.isChecked()]
        has_states = any(box.isChecked() for box in self.states.values())
        text = ""
        if not plan_how and not has_states:
            text = "Choose at least one form."
        elif not self.folder.text().strip():
            text = "Choose a folder."
        elif len(plan_how) > 1:
            text = "Each form gets a folder of its own below the one chosen."
        elif plan_how == [PANOPTIC_NAME]:
            text = (
                "The masks go to panoptic below the folder chosen, panoptic.json beside it. "
                + exports()[PANOPTIC_NAME].lacks
            )
        elif not plan_how:
            text = "No masks are written, only how far each image is."
        held = {exports()[how].holds for how in plan_how}
        if "classes" in held and "instances" not in held and self._of_objects:
            text = f"{_ONE_OF_ALL} {text}".rstrip()
        self.problem.setText(text or "Every file is read again and compared after writing.")
        self.start.setEnabled(
            bool((plan_how or has_states) and self.folder.text().strip()) and not self._asking
        )

    def _export(self) -> None:
        """Ask once if files would be replaced, else begin; say why if nothing can be written."""
        plan = self.plan
        self._asking = True
        self._check()

        def asked(replaced: Replaced) -> None:
            if not isValid(self):
                return  # closed meanwhile
            self._asking = False
            self._check()
            if not replaced or self._may_replace(replaced, plan.folder):
                self._begin(plan)

        def refused(error: Exception) -> None:
            if isValid(self):
                self._asking = False
                self._check()
                self.problem.setText(told(error))

        self._exporting.count_replaced(plan, asked, refused)

    def _may_replace(self, replaced: Replaced, folder: Path) -> bool:
        box = plain_box(self)
        box.setIcon(QMessageBox.Icon.Warning)
        what = _and_lists(replaced.files, replaced.lists, replaced.states)
        box.setText(f"{what} will be replaced.")
        box.setInformativeText(f"In {folder}. Files of other names stay.")
        replace = box.addButton("Replace", QMessageBox.ButtonRole.AcceptRole)
        box.setDefaultButton(box.addButton(QMessageBox.StandardButton.Cancel))
        return clicked_button(box) is replace

    def _begin(self, plan: ExportPlan) -> None:
        session, parent = self._session, self.parentWidget()
        self.started.emit(self.folder.text(), ",".join(sorted(plan.how | plan.states)))
        self._exporting.export(
            plan, lambda report: ExportReportDialog(report, plan, session.schema, parent).open()
        )
        self.accept()


def _combo(name: str, choices: list[tuple[str, str]]) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    for text, data in choices:
        combo.addItem(text, data)
    return combo


def _check(text: str, tip: str) -> QCheckBox:
    box = QCheckBox(text)
    box.setToolTip(plain(tip))
    box.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return box


class ExportReportDialog(Dialog):
    """Shows a report; nothing written is not called a success."""

    def __init__(
        self, report: ExportReport, plan: ExportPlan, schema: LabelSchema, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Export report")
        self.headline = PlainLabel(headline(report))
        self.headline.setFont(semibold_font(self.headline.font()))
        self.headline.setWordWrap(True)
        self.text = QPlainTextEdit(report_text(report, plan, schema))
        self.text.setReadOnly(True)
        self.text.setAccessibleName("Report")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        show = QPushButton(icon("folder-open"), "Show folder")
        show.setAutoDefault(False)
        show.setEnabled(bool(report.files or report.states))
        show.clicked.connect(lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(plan.folder))))
        buttons.addButton(show, QDialogButtonBox.ButtonRole.ActionRole)
        column = QVBoxLayout(self)
        column.addWidget(self.headline)
        column.addWidget(self.text, 1)
        column.addWidget(buttons)
        self.resize(560, 420)


def _and_lists(files: int, lists: int, states: int) -> str:
    """Files of images and lists, counted apart; what there is none of is left out."""
    parts = [counted(files, "file")] if files else []
    if lists:
        parts.append(counted(lists, "list of classes", "lists of classes"))
    if states:
        parts.append(counted(states, "list of states", "lists of states"))
    return enumerated(parts) if parts else ""


def headline(report: ExportReport) -> str:
    """The outcome in one sentence, and what was written besides."""
    files = "1 file" if len(report.files) == 1 else f"{count_text(len(report.files))} files"
    images = "1 image" if report.images == 1 else f"{count_text(report.images)} images"
    others = _and_lists(0, len(report.lists), len(report.states))
    if report.states and not report.files:
        return f"{others} written."
    if not report.files:
        return (
            "Nothing was written: the export was cancelled."
            if report.cancelled
            else ("Nothing was written.")
        )
    stopped = "Cancelled after " if report.cancelled else ""
    lists = f" {others} written besides." if others else ""
    return (
        f"{stopped}{files} of {images} written; all {count_text(report.verified)} read again and "
        f"found the same.{lists}"
    )


def report_text(report: ExportReport, plan: ExportPlan, schema: LabelSchema) -> str:
    """The report in full, as plain text."""
    lines = [f"Folder: {plan.folder}", f"Time: {report.seconds:.1f} s"]
    if report.pixels_by_class:
        total = sum(report.pixels_by_class.values())
        lines += ["", "Pixels by class:"]
        lines += [
            f"  {class_id:>3}  {schema.name_of(class_id)}: {pixels:,} ({pixels / total:.2%})"
            for class_id, pixels in report.pixels_by_class.items()
        ]
    if report.skipped:
        lines += ["", f"Skipped ({len(report.skipped)}):"]
        lines += [f"  {name}: {why}" for name, why in report.skipped]
    if report.files:
        lines += ["", "Files:"]
        lines += [f"  {path}" for path in report.files]
    if report.lists:
        lines += ["", "Lists of classes and segments:"]
        lines += [f"  {path}" for path in report.lists]
    if report.states:
        lines += ["", "States and notes:"]
        lines += [f"  {path}" for path in report.states]
    lacking = [exports()[how] for how in sorted(plan.how) if exports()[how].lacks]
    if report.files and lacking:
        lines += ["", *(f"{form.title}: {form.lacks}" for form in lacking)]
    return "\n".join(lines)
