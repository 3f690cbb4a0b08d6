"""Validation images after any epoch, side by side, with a slider through the epochs."""

from __future__ import annotations

from functools import partial
from typing import Final

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QSlider, QVBoxLayout, QWidget

from segstudio.core.formatting import ratio_text
from segstudio.jobs import Job, JobRunner
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import FaintLabel, PlainLabel, plain, semibold_font
from segstudio.kit.swatch import swatch
from segstudio.training.epoch_pictures import LEGEND, EpochPicture, pictures_of
from segstudio.training.trainings import Training
from segstudio.training.ui.card_row import CardPicture, CardRow

_MOST: Final = 8


class EpochStrip(QWidget):
    """The pictures of one epoch, and what they are about.

    Signals:
        moved: Number of the epoch that the user went to.
    """

    moved = Signal(int)

    def __init__(self, jobs: JobRunner) -> None:
        super().__init__()
        self._jobs = jobs
        self._run: Training | None = None
        self._loaded: tuple[object, ...] = ()
        self._first: dict[str, float] = {}
        self.title = PlainLabel("Overlays")
        self.title.setFont(semibold_font(self.title.font()))
        self.back = icon_button("chevron-left", "Epoch before")
        self.forth = icon_button("chevron-right", "Next epoch")
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Epoch")
        self.slider.setToolTip(plain("Go back through the epochs"))
        self.slider.setMaximumWidth(220)
        self.text = FaintLabel(wraps=False)
        self.pictures = CardRow()
        self._lay_out()
        self.slider.valueChanged.connect(self._go)
        self.back.clicked.connect(lambda: self.slider.setValue(self.slider.value() - 1))
        self.forth.clicked.connect(lambda: self.slider.setValue(self.slider.value() + 1))

    @property
    def epoch(self) -> int:
        """The one that is looked at; 0 while there is none."""
        return self.slider.value() if self._run is not None and self._run.epochs else 0

    def show_run(self, run: Training | None) -> None:
        """Show another training, or what it has come to; at its end it goes along."""
        other = self._run is None or run is None or run.name != self._run.name
        follows = other or self.slider.value() >= self.slider.maximum()
        self._run = run
        epochs = run.epochs if run is not None else ()
        self.slider.blockSignals(True)
        self.slider.setRange(1 if epochs else 0, epochs[-1].epoch if epochs else 0)
        if follows:
            self.slider.setValue(self.slider.maximum())
        self.slider.blockSignals(False)
        if other:
            self._first, self._loaded = {}, ()
            self.pictures.show_pictures(())
        self._show()

    def _lay_out(self) -> None:
        top = QHBoxLayout()
        top.setSpacing(6)
        for widget in (self.title, self.back, self.slider, self.forth, self.text):
            top.addWidget(widget)
        top.addStretch(1)
        legend = QHBoxLayout()
        legend.setSpacing(6)
        for color, name in LEGEND:
            sign = PlainLabel()
            sign.setPixmap(swatch(QColor(color)).pixmap(12, 12))
            legend.addWidget(sign)
            legend.addWidget(FaintLabel(name, wraps=False))
            legend.addSpacing(8)
        legend.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addLayout(top)
        column.addWidget(self.pictures, 1)
        column.addLayout(legend)

    def _go(self) -> None:
        self._show()
        self.moved.emit(self.epoch)

    def _show(self) -> None:
        run, epoch = self._run, self.epoch
        last = self.slider.maximum()
        self.back.setEnabled(epoch > 1)
        self.forth.setEnabled(0 < epoch < last)
        self.slider.setEnabled(last > 1)
        if run is None or not epoch:
            self.text.setText("after the first epoch")
            return
        best = run.best
        is_best = best is not None and best.epoch == epoch
        self.text.setText(f"epoch {epoch} of {last}{', the best so far' if is_best else ''}")
        wanted = (run.name, epoch)
        if wanted == self._loaded:
            return
        self._loaded = wanted

        def done(found: tuple[list[EpochPicture], dict[str, float]]) -> None:
            pictures, first = found
            self._first = first or self._first
            before = {} if epoch == 1 else self._first
            self.pictures.show_pictures([_card(p, before.get(p.name)) for p in pictures])

        self._jobs.submit(
            f"Overlays of epoch {epoch}",
            "features",
            partial(_loaded, run, epoch, not self._first),
            done,
            key="training-overlays",
            visible=False,
        )


def _loaded(
    run: Training, epoch: int, needs_first: bool, job: Job
) -> tuple[list[EpochPicture], dict[str, float]]:
    """The pictures of an epoch, and if they are wanted the scores after the first."""
    pictures = pictures_of(run.folder, epoch, check=job.check)[:_MOST]
    first = pictures if epoch == 1 else pictures_of(run.folder, 1, check=job.check)[:_MOST]
    return pictures, {p.name: p.iou for p in first} if needs_first else {}


def _card(picture: EpochPicture, before: float | None) -> CardPicture:
    now = ratio_text(picture.iou, 2)
    tip = f"{picture.name}: mean IoU {now}"
    if before is None:
        return CardPicture(picture.name, picture.pixels, now, tip)
    first = ratio_text(before, 2)
    tip += f"; after the first epoch {first}"
    return CardPicture(picture.name, picture.pixels, f"{first} → {now}", tip)
