"""The row on top of the page of two models: which second one, over which images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from PySide6.QtCore import QSize
from PySide6.QtWidgets import (
    QApplication,
    QButtonGroup,
    QComboBox,
    QHBoxLayout,
    QProgressBar,
    QToolButton,
    QWidget,
)

from segstudio.core.formatting import count_text
from segstudio.inspection.pairing import Pairing
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import PlainLabel
from segstudio.session.session import Session

_SETS: Final = (10, 50)
_ALL: Final = 1_000_000_000


class PairControls(QWidget):
    """Chooses the second model, the images and the view; shows progress, stops, copies."""

    def __init__(self, session: Session, pairing: Pairing) -> None:
        super().__init__()
        self._session, self._pairing = session, pairing
        self.second = ElidedCombo()
        self.images = QComboBox()
        self.progress = QProgressBar()
        self.stop = icon_button("circle-stop", "Stop comparing; what was compared so far stays")
        self.copy = icon_button("copy", "Copy the similarities as a table")
        self.by_similarity = _view_button("grid-3x3", "Similarity of all pairs of stages")
        self.by_stride = _view_button("layers-2", "Stages beside each other, rows by stride")
        self._lay_out()
        self.second.activated.connect(
            lambda: pairing.choose_second(str(self.second.currentData() or ""))
        )
        self.images.activated.connect(lambda: pairing.compare(int(self.images.currentData())))
        self.stop.clicked.connect(pairing.cancel)
        self.copy.clicked.connect(self._copy)

    def refresh(self) -> None:
        """Show the state as it is now."""
        state = self._pairing.state
        self._fill_models()
        self._fill_images()
        self.progress.setVisible(state.total > 1)
        self.progress.setRange(0, max(1, state.total))
        self.progress.setValue(state.done)
        self.stop.setVisible(state.total > 1)
        self.copy.setEnabled(state.similarity is not None)

    def _lay_out(self) -> None:
        self.second.setAccessibleName("Second model")
        self.second.setToolTip("The model to compare with")
        self.second.setMinimumContentsLength(14)
        self.second.setSizeAdjustPolicy(
            QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon
        )
        self.images.setAccessibleName("Images to compare over")
        self.images.setToolTip("Over which images the stages are compared")
        self.progress.setTextVisible(False)
        self.progress.setFixedSize(QSize(64, 8))
        self.progress.setAccessibleName("Images compared")
        views = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for button in (self.by_similarity, self.by_stride):
            views.addButton(button)
            row.addWidget(button)
        self.by_similarity.setChecked(True)
        label = PlainLabel("Compare with")
        label.setBuddy(self.second)
        row.addWidget(label)
        row.addWidget(self.second, 1)
        row.addWidget(self.images)
        row.addWidget(self.progress)
        row.addWidget(self.stop)
        row.addWidget(self.copy)

    def _fill_models(self) -> None:
        model = self._session.model
        entries = [("No second model", "")]
        entries += [
            (spec.title, spec.id)
            for spec in self._session.models.values()
            if spec.id in model.available
        ]
        _fill(self.second, entries)
        self.second.setCurrentIndex(max(0, self.second.findData(self._pairing.state.model)))

    def _fill_images(self) -> None:
        project = self._session.project
        there = 0 if project is None else len(project.images)
        pages = ", all pages" if self._session.has_stacks else ""
        entries: list[tuple[str, object]] = [("This image", 1)]
        entries += [(f"{count} images{pages}", count) for count in _SETS if count < there]
        if there > 1:
            entries.append((f"All {count_text(there)} images{pages}", _ALL))
        elif pages:
            entries.append(("All pages", _ALL))
        _fill(self.images, entries)
        self.images.setEnabled(self._session.inspection.second is not None)
        state = self._pairing.state
        of_one = state.similarity is None or state.similarity.document is not None
        if of_one and not state.running:
            self.images.setCurrentIndex(0)

    def _copy(self) -> None:
        similarity = self._pairing.state.similarity
        if similarity is not None:
            QApplication.clipboard().setText(similarity.csv())


def _fill(combo: QComboBox, entries: Sequence[tuple[str, object]]) -> None:
    """Fill a list anew if its entries are others now; the choice stays where it can."""
    shown = [(combo.itemText(i), combo.itemData(i)) for i in range(combo.count())]
    if shown == list(entries):
        return
    chosen = combo.currentData()
    combo.clear()
    for text, data in entries:
        combo.addItem(text, data)
    combo.setCurrentIndex(max(0, combo.findData(chosen)))


def _view_button(name: str, tip: str) -> QToolButton:
    button = icon_button(name, tip)
    button.setCheckable(True)
    return button
