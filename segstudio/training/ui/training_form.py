"""What to train, and how crops of it will look. Everything has a sensible answer already."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import count_text, counted
from segstudio.core.labels import Image, Labels
from segstudio.core.prediction import ModelSpec
from segstudio.core.schema import LabelSchema
from segstudio.jobs import Job, JobRunner
from segstudio.kit.icon_button import icon_button, text_switch
from segstudio.kit.plain import FaintLabel, PlainLabel, plain, semibold_font
from segstudio.session.session import Session, WorkState
from segstudio.storage.image_ref import PAGE_STEP
from segstudio.training.plan import ARCHITECTURES, SCRATCH
from segstudio.training.trainings import NewTraining
from segstudio.training.ui.card_row import CardPicture, CardRow

_FEWEST: Final = 3
"""Fewer images cannot be parted into those to learn from, to choose by and to prove it on."""
_MINUTES: Final = 8.0
_INTRO: Final = (
    "Some images are set aside before it begins. In the end start and result are held against "
    "them: the better one is proposed, and the old one stays."
)
_NO_FOLDER: Final = "Open a folder of images with masks to train a network on them."
_FEW: Final = "Three images with masks are needed at least: one to learn from, one to choose the best by, one to prove it on."
DONE, ALL = "done", "all"
_COUNT = 10
_RIGHT = "as it is trained on"
_ASIDE = "Open an image with a mask to see how crops of it are changed for training."


class TrainingForm(QWidget):
    """Asks what to train, and says why it cannot be trained if so.

    Signals:
        asked: A `NewTraining` that shall begin.
    """

    asked = Signal(object)

    def __init__(self, session: Session, trainable: Callable[[ModelSpec], bool]) -> None:
        """Args:
        session: Gives models and images.
        trainable: Whether a model can be trained further.
        """
        super().__init__()
        self._session, self._trainable = session, trainable
        self.title = PlainLabel("Train a network on your corrections")
        self.title.setFont(semibold_font(self.title.font()))
        self.intro = FaintLabel(_INTRO)
        self.start = _choice("Starts from", "What its weights are before it begins")
        self.arch = _choice("Network", "How a network from scratch is built")
        self.images = _choice("Learns from", "Which of the folder's images")
        self.minutes = QDoubleSpinBox()
        self.minutes.setRange(0.5, 24 * 60)
        self.minutes.setDecimals(1)
        self.minutes.setSuffix(" min")
        self.minutes.setValue(_MINUTES)
        self.minutes.setAccessibleName("Time")
        self.minutes.setToolTip(plain("How long it learns; stop earlier and the best is kept"))
        self.train = QPushButton("Train")
        self.train.setProperty("primary", True)
        self.train.setToolTip(plain("Begin; painting stays as quick as before"))
        self.cancel = QPushButton("Back to the runs")
        self.problem = FaintLabel()
        self.problem.setAccessibleName("Why nothing can be trained")
        for row in ARCHITECTURES.values():
            self.arch.addItem(row.title, row.key)
            tip = plain(row.purpose[:1].upper() + row.purpose[1:])
            self.arch.setItemData(self.arch.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self._lay_out()
        self.start.currentIndexChanged.connect(self._show_arch)
        self.images.currentIndexChanged.connect(self._show_problem)
        self.train.clicked.connect(self._ask)
        self.refresh()

    def refresh(self) -> None:
        """Offer what there is now; what was chosen stays chosen."""
        specs = [s for s in self._session.models.values() if self._trainable(s)]
        starts = [(spec.title, spec.own_file or spec.id) for spec in specs] + [
            ("Nothing: from scratch", SCRATCH)
        ]
        chosen = next((s for s in specs if s.id == self._session.model.chosen), None)
        first = SCRATCH if chosen is None else chosen.own_file or chosen.id
        _fill(self.start, starts, first)
        done, all_ = self._counts()
        images = [
            (f"{counted(done, 'image')} marked done", DONE),
            (f"all {counted(all_, 'image')} with a mask", ALL),
        ]
        _fill(self.images, images, DONE if done >= _FEWEST else ALL)
        self._show_arch()
        self._show_problem()

    def _counts(self) -> tuple[int, int]:
        states = [s for i, s in self._session.states.items() if i < PAGE_STEP]
        done = sum(state.work is WorkState.DONE and state.has_labels for state in states)
        return done, sum(state.has_labels for state in states)

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setContentsMargins(0, 4, 0, 4)
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.FieldsStayAtSizeHint)
        self._rows = form
        for widget in (self.start, self.arch, self.images, self.minutes):
            label = PlainLabel("Time" if widget is self.minutes else widget.accessibleName())
            label.setBuddy(widget)
            form.addRow(label, widget)
        buttons = QHBoxLayout()
        buttons.addWidget(self.train)
        buttons.addWidget(self.cancel)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(6)
        for part in (self.title, self.intro):
            column.addWidget(part)
        column.addLayout(form)
        column.addWidget(self.problem)
        column.addLayout(buttons)
        column.addStretch(1)

    def _show_arch(self) -> None:
        self._rows.setRowVisible(self.arch, self.start.currentData() == SCRATCH)

    def _show_problem(self) -> None:
        done, all_ = self._counts()
        count = done if self.images.currentData() == DONE else all_
        problem = ""
        if self._session.project is None:
            problem = _NO_FOLDER
        elif count < _FEWEST:
            problem = _FEW
        self.problem.setText(problem)
        self.problem.setVisible(bool(problem))
        self.train.setEnabled(not problem)

    def _ask(self) -> None:
        project = self._session.project
        if project is None:
            return
        self.asked.emit(
            NewTraining(
                data=project.root,
                title=project.name,
                start=str(self.start.currentData()),
                arch=str(self.arch.currentData()),
                minutes=self.minutes.value(),
                only_done=self.images.currentData() == DONE,
                masks=project.masks,
            )
        )


def _choice(name: str, tip: str) -> QComboBox:
    box = QComboBox()
    box.setAccessibleName(name)
    box.setToolTip(plain(tip))
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    return box


def _fill(box: QComboBox, rows: list[tuple[str, str]], first: str) -> None:
    """Offer other rows; what was chosen stays so while it is there."""
    before = box.currentData()
    now = [(box.itemText(i), box.itemData(i)) for i in range(box.count())]
    if now == rows:
        return
    box.blockSignals(True)
    box.clear()
    for text, data in rows:
        box.addItem(text, data)
    wanted = before if any(data == before for _, data in rows) else first
    box.setCurrentIndex(max(0, box.findData(wanted)))
    box.blockSignals(False)


class CropStrip(QWidget):
    """Ten crops with their masks, others on demand, and what interpolation would do to the masks."""

    def __init__(self, session: Session, jobs: JobRunner) -> None:
        super().__init__()
        self._session, self._jobs = session, jobs
        self._seed = 0
        self._crops: list[tuple[CardPicture, CardPicture]] = []
        self._seen: tuple[object, ...] = ()
        title = PlainLabel("Crops it learns from")
        title.setFont(semibold_font(title.font()))
        self.others = icon_button("refresh-cw", "Other crops")
        self.wrong = text_switch(
            "Masks interpolated",
            "What bilinear interpolation would do to the masks: between two classes it invents "
            "a third one. Masks are cut by nearest neighbour, so that it never happens",
        )
        self.note = FaintLabel()
        self.row = CardRow(fits_all=True)
        head = QHBoxLayout()
        head.setSpacing(6)
        for widget in (title, self.others, self.wrong):
            head.addWidget(widget)
        head.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(16, 0, 16, 8)
        column.setSpacing(4)
        column.addLayout(head)
        column.addWidget(self.note)
        column.addWidget(self.row, 1)
        self.others.clicked.connect(self._draw_others)
        self.wrong.toggled.connect(lambda _on: self._show())

    def refresh(self) -> None:
        """Follow the open image, where somebody looks at it."""
        document = self._session.document
        if not self.isVisible():
            return
        if document is None or not document.has_reference:
            self._crops, self._seen = [], ()
            self._show()
            return
        seen = (document.ref, document.annotation.revision, self._seed, self._session.schema)
        if seen == self._seen:
            return
        self._seen = seen
        labels, image = document.annotation.labels.copy(), document.pixels
        self._jobs.submit(
            "Drawing crops",
            "features",
            partial(_drawn, image, labels, self._session.schema, self._seed),
            self._take,
            key="training-crops",
            visible=False,
        )

    def showEvent(self, event: object) -> None:
        super().showEvent(event)  # type: ignore[arg-type]
        self.refresh()

    def _draw_others(self) -> None:
        self._seed += 1
        self.refresh()

    def _take(self, crops: list[tuple[CardPicture, CardPicture]]) -> None:
        self._crops = crops
        self._show()

    def _show(self) -> None:
        wrong = self.wrong.isChecked()
        self.row.show_pictures([pair[int(wrong)] for pair in self._crops])
        self.wrong.setEnabled(bool(self._crops))
        self.others.setEnabled(bool(self._crops))
        self.note.setText("" if self._crops else _ASIDE)
        self.note.setVisible(not self._crops)


def _drawn(
    image: Image, labels: Labels, schema: LabelSchema, seed: int, job: Job
) -> list[tuple[CardPicture, CardPicture]]:
    """Each crop with its mask as it is, and as interpolation would have it."""
    from segstudio.training.crop_preview import crops_of  # torch

    cards = []
    for crop in crops_of(image, labels, schema, seed, _COUNT, job.check):
        said = f"{counted(crop.invented, 'pixel')} of a class that is not there"
        short = count_text(crop.invented)
        cards.append(
            (
                CardPicture("", crop.right, "", f"A crop with its mask, {_RIGHT}"),
                CardPicture("invented", crop.wrong, short, f"The mask interpolated: {said}"),
            )
        )
    return cards
