"""The controls of a named run's own options, and what they cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QSpinBox,
    QWidget,
)

from segstudio.core.prediction import RunOptions
from segstudio.kit.plain import PlainLabel, plain

SIZES = (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
"""Sizes of the input that can be averaged over."""
_FLIPS = 4
_SHORT = {
    "score_threshold": "score {:g}",
    "mask_threshold": "mask {:g}",
    "input_scale": "input {:g} x",
    "tile_px": "tiles {}",
}


class OptionControls(QWidget):
    """What a run does in its own way; what is not set follows the Model panel.

    Signals:
        changed: Another option.
    """

    changed = Signal()

    def __init__(self, usual: RunOptions) -> None:
        super().__init__()
        self.input_scale = _decimal(0.1, 4.0, 0.25, " x")
        self.input_scale.setAccessibleName("Input size")
        self.input_scale.setToolTip(
            plain(
                "Size of the image that the network sees, relative to its usual one: larger for "
                "small objects, smaller for speed"
            )
        )
        self.flips = QCheckBox("Mirror images")
        self.flips.setToolTip("Average over the image and its three mirror images")
        self.sizes = {size: _size_box(size) for size in SIZES}
        self.score = OwnNumber(_decimal(0.0, 1.0, 0.05), "Hide instances below this score")
        self.mask_ = OwnNumber(
            _decimal(0.0, 1.0, 0.05), "A pixel belongs to an instance from this probability on"
        )
        self.tile = OwnNumber(_whole(256, 8192, 256, " px"), "Longer images run in tiles of this")
        self._lay_out()
        self.show_options({}, usual)
        self.input_scale.valueChanged.connect(self.changed)
        self.flips.toggled.connect(self.changed)
        for box in self.sizes.values():
            box.toggled.connect(self.changed)
        for own in (self.score, self.mask_, self.tile):
            own.changed.connect(self.changed)

    def _lay_out(self) -> None:
        sizes = QHBoxLayout()
        sizes.setSpacing(10)
        for box in self.sizes.values():
            sizes.addWidget(box)
        sizes.addStretch(1)
        self._form = QFormLayout(self)
        self._form.setContentsMargins(0, 0, 0, 0)
        self._form.setHorizontalSpacing(14)
        self._form.setVerticalSpacing(8)
        size = QHBoxLayout()
        size.setSpacing(8)
        size.addWidget(self.input_scale)
        size.addWidget(PlainLabel("the usual one"), 1)
        self._form.addRow("Input size", size)
        self._form.addRow("Average over", self.flips)
        self._form.addRow("", sizes)
        self._form.addRow("Score threshold", self.score)
        self._form.addRow("Mask threshold", self.mask_)
        self._form.addRow("Tile size", self.tile)

    @property
    def labels(self) -> list[QLabel]:
        """The labels of the rows, for aligning them with others."""
        rows = range(self._form.rowCount())
        items = (self._form.itemAt(row, QFormLayout.ItemRole.LabelRole) for row in rows)
        return [w for item in items if item is not None and isinstance(w := item.widget(), QLabel)]

    @property
    def overrides(self) -> dict[str, Any]:
        """The options that are set, by their names in `RunOptions`."""
        found: dict[str, Any] = {}
        if self.input_scale.value() != 1.0:
            found["input_scale"] = round(self.input_scale.value(), 2)
        if self.flips.isChecked():
            found["flips"] = True
        scales = self.scales
        if scales not in ((), (1.0,)):
            found["scales"] = scales
        for name, own in self._own().items():
            if own.isEnabled() and own.value is not None:
                found[name] = own.value
        return found

    @property
    def scales(self) -> tuple[float, ...]:
        """The sizes that are averaged over."""
        return tuple(size for size, box in self.sizes.items() if box.isChecked())

    def show_options(self, overrides: Mapping[str, Any], usual: RunOptions) -> None:
        """Show a run's options; `usual` holds the others."""
        self.input_scale.setValue(overrides.get("input_scale", 1.0))
        self.flips.setChecked(overrides.get("flips", False))
        scales = overrides.get("scales", (1.0,))
        for size, box in self.sizes.items():
            box.setChecked(size in scales)
        for name, own in self._own().items():
            own.show_number(overrides.get(name), getattr(usual, name))

    def show_instances(self, shown: bool) -> None:
        """Whether the thresholds of instances mean anything."""
        for own in (self.score, self.mask_):
            own.setEnabled(shown)
            self._form.setRowVisible(own, shown)

    def _own(self) -> dict[str, OwnNumber]:
        return {
            "score_threshold": self.score,
            "mask_threshold": self.mask_,
            "tile_px": self.tile,
        }


class OwnNumber(QWidget):
    """A number that counts only if its box is checked; else the Model panel's does.

    Signals:
        changed: Another number, or none any more.
    """

    changed = Signal()

    def __init__(self, number: QSpinBox | QDoubleSpinBox, tip: str) -> None:
        super().__init__()
        self.own = QCheckBox("Own")
        self.own.setToolTip("Set it for this run; else it follows the Model panel")
        self.number = number
        self.number.setToolTip(plain(tip))
        self.number.setAccessibleName(tip)
        self.number.setEnabled(False)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.own)
        row.addWidget(self.number)
        row.addStretch(1)
        self.own.toggled.connect(self.number.setEnabled)
        self.own.toggled.connect(self.changed)
        self.number.valueChanged.connect(self.changed)

    @property
    def value(self) -> float | None:
        """The number, None if it is not set; whole where the box has whole numbers."""
        return self.number.value() if self.own.isChecked() else None

    def show_number(self, own: float | None, usual: float) -> None:
        """Show the run's own number, or the usual one."""
        self.own.setChecked(own is not None)
        number = usual if own is None else own
        if isinstance(self.number, QSpinBox):
            self.number.setValue(round(number))
        else:
            self.number.setValue(number)


def short_words(overrides: Mapping[str, Any]) -> str:
    """The options of a run, short enough for a name."""
    words = []
    for name, value in overrides.items():
        if name == "flips":
            words.append("flips")
        elif name == "scales":
            words.append("sizes " + " ".join(f"{size:g}" for size in value))
        else:
            words.append(_SHORT[name].format(value))
    return ", ".join(words)


def cost(overrides: Mapping[str, Any]) -> float:
    """About how many times the work of a plain run: the pixels that the network sees."""
    scales = overrides.get("scales", (1.0,))
    pixels = sum((overrides.get("input_scale", 1.0) * size) ** 2 for size in scales)
    return float(pixels) * (_FLIPS if overrides.get("flips") else 1)


def _size_box(size: float) -> QCheckBox:
    box = QCheckBox(f"{size:g} x")
    box.setToolTip(plain(f"Average over the image at {size:g} times the input size, among others"))
    box.setAccessibleName(f"Size {size:g}")
    return box


def _decimal(low: float, high: float, step: float, unit: str = "") -> QDoubleSpinBox:
    spin = QDoubleSpinBox()
    spin.setRange(low, high)
    spin.setDecimals(2)
    spin.setSingleStep(step)
    spin.setSuffix(unit)
    spin.setMinimumWidth(96)
    return spin


def _whole(low: int, high: int, step: int, unit: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(low, high)
    spin.setSingleStep(step)
    spin.setSuffix(unit)
    spin.setMinimumWidth(96)
    return spin
