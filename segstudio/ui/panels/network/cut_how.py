"""Words and choosers for what stands in for features that are cut."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox

from segstudio.core.features import CutHow

HOW_TEXTS = {
    CutHow.ZERO: "Zero",
    CutHow.MEAN: "Mean",
    CutHow.SHUFFLE: "Shuffle",
}
_HOW_TIPS = {
    CutHow.ZERO: "Nothing: every value becomes zero",
    CutHow.MEAN: "Each channel's mean over the image: how much, but not where",
    CutHow.SHUFFLE: "The same values at other positions: what, but not where",
}


def how_combo() -> QComboBox:
    """A list of the three ways to cut."""
    combo = QComboBox()
    combo.setAccessibleName("What stands in for what is cut")
    combo.setToolTip("What stands in for what is cut")
    for row, (how, text) in enumerate(HOW_TEXTS.items()):
        combo.addItem(text, how)
        combo.setItemData(row, _HOW_TIPS[how], Qt.ItemDataRole.ToolTipRole)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return combo


def chosen_how(combo: QComboBox) -> CutHow:
    """What a list of `how_combo` is set to."""
    return CutHow(combo.currentData())
