"""Chooses the two models that are compared."""

from __future__ import annotations

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QWidget

from segstudio.core.series_colors import run_color
from segstudio.evaluation.figures_table import EvaluationTable
from segstudio.evaluation.ui.pair_choice import PairChoice
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.icon_button import icon_button
from segstudio.kit.plain import PlainLabel
from segstudio.kit.swatch import swatch

_LETTERS = 14


class PairBar(QWidget):
    """Asks "is [B] better than [A]?"; a button that swaps them."""

    def __init__(self, table: EvaluationTable, pair: PairChoice) -> None:
        super().__init__()
        self._table, self._pair = table, pair
        self.second = _combo("Model that is judged")
        self.first = _combo("Model it is compared with")
        self.swap = icon_button("arrow-left-right", "Swap the two models")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(PlainLabel("Is"))
        row.addWidget(self.second, 1)
        row.addWidget(PlainLabel("better than"))
        row.addWidget(self.first, 1)
        row.addWidget(PlainLabel("?"))
        row.addWidget(self.swap)
        self.second.activated.connect(self._choose)
        self.first.activated.connect(self._choose)
        self.swap.clicked.connect(lambda: pair.choose(pair.second, pair.first))

    def refresh(self) -> None:
        """Show the models there are, and the two that are compared."""
        self.setVisible(bool(self._pair.first))
        for combo, run in ((self.second, self._pair.second), (self.first, self._pair.first)):
            titles = [(self._table.title(r), r) for r in self._table.runs]
            if [(combo.itemText(i), combo.itemData(i)) for i in range(combo.count())] != titles:
                combo.clear()
                for title, key in titles:
                    combo.addItem(swatch(QColor(run_color(self._table.runs, key))), title, key)
            combo.setCurrentIndex(combo.findData(run))

    def _choose(self) -> None:
        self._pair.choose(str(self.first.currentData()), str(self.second.currentData()))


def _combo(name: str) -> ElidedCombo:
    combo = ElidedCombo()
    combo.setAccessibleName(name)
    combo.setToolTip(name)
    combo.setMinimumContentsLength(_LETTERS)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    return combo
