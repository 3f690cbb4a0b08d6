"""The settings dialog, made from the fields of `Settings`; changes count at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFormLayout,
    QGroupBox,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from segstudio.kit.dialog import Dialog
from segstudio.kit.layer_names import FLAVOUR_TEXTS, STYLE_TEXTS
from segstudio.kit.plain import plain
from segstudio.storage.settings import BRUSH_PX, DEVICES, THEMES, Settings

Changed = Callable[[str, Any], None]


@dataclass(frozen=True)
class Row:
    """How a field of `Settings` is shown; its kind of control follows from its type.

    Attributes:
        group: Heading it stands under.
        title: The label.
        tip: One sentence for the tool tip.
        low: Least value of a number.
        high: Greatest value of a number.
        unit: Written after a number.
        choices: (value, text) for a string.
    """

    group: str
    title: str
    tip: str = ""
    low: float = 0.0
    high: float = 1.0
    unit: str = ""
    choices: tuple[tuple[str, str], ...] = ()


_SAVING, _LOOK, _MODELS = "Saving", "Appearance", "Models"
_DEVICE_TEXTS = {"auto": "Automatic", "cpu": "CPU", "cuda": "CUDA GPU", "mps": "Apple GPU"}

ROWS: dict[str, Row] = {
    "autosave": Row(
        _SAVING, "Save automatically", "After the last stroke, and when you leave the image"
    ),
    "autosave_seconds": Row(_SAVING, "Save after", "Time from the last stroke", 0.2, 60.0, " s"),
    "theme": Row(_LOOK, "Theme", choices=tuple((t, t.capitalize()) for t in THEMES)),
    "keep_view": Row(_LOOK, "Keep zoom and place from image to image"),
    "overlay_style": Row(
        _LOOK,
        "Overlay",
        choices=tuple(STYLE_TEXTS.items()),
    ),
    "flavour": Row(
        _LOOK,
        "Colours of objects",
        "How annotations and predictions with objects are coloured",
        choices=tuple(FLAVOUR_TEXTS.items()),
    ),
    "opacity": Row(_LOOK, "Overlay opacity", "0 is invisible, 1 covers the photo", 0.0, 1.0),
    "pixel_grid": Row(_LOOK, "Pixel grid when zoomed in"),
    "navigator": Row(_LOOK, "Navigator when zoomed in"),
    "brush_size": Row(
        _LOOK, "Brush size", "Diameter in pixels of the image", *BRUSH_PX, unit=" px"
    ),
    "device": Row(
        _MODELS,
        "Device",
        "Where models run",
        choices=tuple((d, _DEVICE_TEXTS.get(d, d)) for d in DEVICES),
    ),
    "fast_routes": Row(
        _MODELS,
        "Run models the fastest way",
        "Each model is tested once; only a way that answers alike is taken",
    ),
    "score_threshold": Row(_MODELS, "Score threshold", "Instances below it are hidden"),
    "mask_threshold": Row(_MODELS, "Mask threshold", "From this probability on a pixel counts"),
    "tile_px": Row(
        _MODELS, "Tile size", "Images with a longer side run in tiles", 256, 8192, " px"
    ),
}
"""The settings that the dialog shows, in order."""


class SettingsDialog(Dialog):
    """One control for each row; `changed(field, value)` is told of every change."""

    def __init__(self, settings: Settings, changed: Changed, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Settings")
        self._changed = changed
        self.controls: dict[str, QWidget] = {}
        column = QVBoxLayout(self)
        forms: dict[str, QFormLayout] = {}
        known = {f.name for f in fields(Settings)}
        for name, row in ROWS.items():
            if name not in known:
                continue
            if row.group not in forms:
                box = QGroupBox(row.group)
                forms[row.group] = QFormLayout(box)
                column.addWidget(box)
            self._add(forms[row.group], name, row, getattr(settings, name))
        _align(list(forms.values()))
        delay, autosave = self.controls["autosave_seconds"], self.controls["autosave"]
        if isinstance(autosave, QCheckBox):
            delay.setEnabled(autosave.isChecked())
            autosave.toggled.connect(delay.setEnabled)
        column.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        column.addWidget(buttons)
        self.setMinimumWidth(420)

    def _add(self, form: QFormLayout, name: str, row: Row, value: Any) -> None:
        control = self._control(name, row, value)
        control.setToolTip(plain(row.tip))
        control.setAccessibleName(row.title)
        self.controls[name] = control
        if isinstance(control, QCheckBox):
            control.setText(row.title)
            form.addRow(control)
        else:
            form.addRow(row.title, control)

    def _control(self, name: str, row: Row, value: Any) -> QWidget:
        if isinstance(value, bool):
            check = QCheckBox()
            check.setChecked(value)
            check.toggled.connect(lambda on: self._changed(name, on))
            return check
        if isinstance(value, str):
            combo = QComboBox()
            for data, text in row.choices:
                combo.addItem(text, data)
            combo.setCurrentIndex(combo.findData(value))
            combo.activated.connect(lambda: self._changed(name, combo.currentData()))
            return combo
        return self._number(name, row, value)

    def _number(self, name: str, row: Row, value: float) -> QWidget:
        spin: QSpinBox | QDoubleSpinBox
        if isinstance(value, int):
            spin = QSpinBox()
            spin.setRange(round(row.low), round(row.high))
            spin.setValue(value)
        else:
            spin = QDoubleSpinBox()
            spin.setRange(row.low, row.high)
            spin.setDecimals(2 if row.high <= 1 else 1)
            spin.setSingleStep(0.05 if row.high <= 1 else 0.5)
            spin.setValue(value)
        spin.setSuffix(row.unit)
        spin.setKeyboardTracking(False)
        spin.valueChanged.connect(lambda number: self._changed(name, number))
        return spin


def _align(forms: list[QFormLayout]) -> None:
    """Let the controls of all groups begin at the same place."""
    labels = [
        label
        for form in forms
        for row in range(form.rowCount())
        if (item := form.itemAt(row, QFormLayout.ItemRole.LabelRole)) is not None
        and (label := item.widget()) is not None
    ]
    widest = max((label.sizeHint().width() for label in labels), default=0)
    for label in labels:
        label.setMinimumWidth(widest)
