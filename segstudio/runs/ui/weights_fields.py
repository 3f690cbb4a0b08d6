"""The fields of the form of weights: what goes into the network, and what its output means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QWidget,
)

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Output, OutputKind, Question
from segstudio.kit.plain import PlainLabel, plain
from segstudio.runs.describing import (
    BY_NUMBER,
    CHANNEL_TITLES,
    OUTPUT_TITLES,
    OWN,
    SIZE_TITLES,
    VALUE_PRESETS,
    channels_of,
    numbers_text,
    only_size,
    parse_channels,
    parse_numbers,
    possible_outputs,
    preset_of,
)

_SCALING_TITLES = {
    "unit": "Divide by 255",
    "none": "Leave as they are",
    "percentile": "Percentiles 1 % and 99.8 % to 0 and 1",
    "standard": "Own mean and deviation",
}
_SHORT_LABEL, _WIDEST_LABEL = 20, 30  # letters


class InputFields(QWidget):
    """How an image becomes numbers for the network.

    Signals:
        changed: Something else.
    """

    changed = Signal()

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.hide()  # its fields stand in the form
        preprocess = spec.preprocess
        self._count = channels_of(preprocess)
        self.channels = QComboBox()
        for key, title in CHANNEL_TITLES.items():
            if channels_of({"channels": key}) == self._count:
                self.channels.addItem(title, key)
        self.channels.addItem("By number", BY_NUMBER)
        chosen = preprocess.get("channels", "rgb")
        numbers = [*range(1, self._count + 1)] if isinstance(chosen, str) else chosen
        self.numbers = QLineEdit(" ".join(map(str, numbers)))
        _choose(self.channels, chosen if isinstance(chosen, str) else BY_NUMBER)
        self._show_numbers()
        self.preset = QComboBox()
        for preset in VALUE_PRESETS:
            self.preset.addItem(preset.title, preset.key)
        self.preset.addItem("Own numbers", OWN)
        self.scaling = QComboBox()
        for key, title in _SCALING_TITLES.items():
            self.scaling.addItem(title, key)
        _choose(self.scaling, preprocess.get("scaling", "unit"))
        self.mean = QLineEdit(numbers_text(preprocess.get("mean", [0.0])))
        self.std = QLineEdit(numbers_text(preprocess.get("std", [1.0])))
        self.sizes = SizeFields(preprocess)
        if only_size(spec) is not None:
            self.sizes.setEnabled(False)
            self.sizes.setToolTip("The network takes images of this size only")
        self._show_preset()
        self.preset.activated.connect(self._take_preset)
        self.channels.currentIndexChanged.connect(self._show_numbers)
        for changed in (
            self.channels.currentIndexChanged, self.numbers.textChanged, self.scaling.currentIndexChanged,
            self.mean.textChanged, self.std.textChanged,
        ):  # fmt: skip
            changed.connect(self._on_change)
        self.sizes.changed.connect(self.changed)

    def add_to(self, form: QFormLayout) -> None:
        """Lay the rows out in a form."""
        tip = "What the network's input holds, in its order"
        _named(self.channels, "Channels", tip)
        numbers = "Numbers of the image's stored channels, from 1, in the network's order"
        _named(self.numbers, "Numbers of channels", numbers)
        row = QHBoxLayout()
        row.setSpacing(6)
        row.addWidget(self.channels, 1)
        row.addWidget(self.numbers, 1)
        form.addRow("Channels", row)
        labelled_row(
            form,
            "Values",
            self.preset,
            "How pixels become numbers: the usual ways; channels by number "
            "are divided by the largest that their type holds: 255, 65,535",
        )
        labelled_row(form, "Scaling", self.scaling, "What is done with the values 0 to 255 first")
        numbers = "One number, or one for each channel: "
        labelled_row(form, "Mean", self.mean, f"{numbers}it is subtracted after the scaling")
        labelled_row(form, "Deviation", self.std, f"{numbers}the values are divided by it then")
        form.addRow("Size", self.sizes)

    @property
    def preprocess(self) -> dict[str, Any]:
        """What the fields say, as `models.preprocess.Preprocess` has it.

        Raises:
            SegstudioError: if a number is none; in plain words.
        """
        return {**self._values, "channels": self._chosen_channels, **self.sizes.preprocess}

    @property
    def _values(self) -> dict[str, Any]:
        return {
            "scaling": self.scaling.currentData(),
            "mean": parse_numbers(self.mean.text(), self._count, "Mean"),
            "std": parse_numbers(self.std.text(), self._count, "Deviation"),
        }

    @property
    def _chosen_channels(self) -> str | list[int]:
        chosen: str = self.channels.currentData()
        return chosen if chosen != BY_NUMBER else parse_channels(self.numbers.text(), self._count)

    def _show_numbers(self) -> None:
        self.numbers.setVisible(self.channels.currentData() == BY_NUMBER)

    def _take_preset(self) -> None:
        preset = next((p for p in VALUE_PRESETS if p.key == self.preset.currentData()), None)
        if preset is None:
            return
        mean, std = preset.numbers(self._count)
        for field in (self.scaling, self.mean, self.std):
            field.blockSignals(True)
        _choose(self.scaling, preset.scaling)
        self.mean.setText(numbers_text(mean))
        self.std.setText(numbers_text(std))
        for field in (self.scaling, self.mean, self.std):
            field.blockSignals(False)
        self.changed.emit()

    def _on_change(self) -> None:
        self._show_preset()
        self.changed.emit()

    def _show_preset(self) -> None:
        try:
            key = preset_of({**self._values, "channels": [*range(1, self._count + 1)]})
        except SegstudioError:
            key = OWN
        _choose(self.preset, key)


class SizeFields(QWidget):
    """The size of the network's input: as it is, times a factor, by its shorter side, or exact.

    Signals:
        changed: Another size.
    """

    changed = Signal()

    def __init__(self, preprocess: Any) -> None:
        super().__init__()
        self.kind = QComboBox()
        for key, title in SIZE_TITLES.items():
            self.kind.addItem(title, key)
        self.kind.setAccessibleName("Size")
        self.kind.setToolTip("What becomes of an image's size before the network sees it")
        self.factor = QDoubleSpinBox()
        self.factor.setRange(0.05, 16.0)
        self.factor.setSingleStep(0.25)
        self.factor.setValue(preprocess.get("factor") or 1.0)
        _named(self.factor, "Factor", "So many times as large as the image")
        size = preprocess.get("size") or (512, 512)
        self.short_side = _pixels(preprocess.get("short_side") or 512, "Shorter side")
        self.height_ = _pixels(size[0], "Height")
        self.width_ = _pixels(size[1], "Width")
        self.times = PlainLabel("x")
        kind = next((k for k in ("factor", "short_side", "size") if preprocess.get(k)), "")
        _choose(self.kind, kind)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        for widget in (
            self.kind, self.factor, self.short_side, self.width_, self.times, self.height_
        ):  # fmt: skip
            row.addWidget(widget)
        row.addStretch(1)
        self._show()
        self.kind.currentIndexChanged.connect(self._show)
        self.kind.currentIndexChanged.connect(self.changed)
        for spin in (self.factor, self.short_side, self.height_, self.width_):
            spin.valueChanged.connect(self.changed)

    @property
    def preprocess(self) -> dict[str, Any]:
        """The size as `models.preprocess.Preprocess` has it."""
        kind = self.kind.currentData()
        if kind == "factor":
            return {"factor": round(self.factor.value(), 2)}
        if kind == "short_side":
            return {"short_side": self.short_side.value()}
        return {"size": [self.height_.value(), self.width_.value()]} if kind == "size" else {}

    def _show(self) -> None:
        kind = self.kind.currentData()
        self.factor.setVisible(kind == "factor")
        self.short_side.setVisible(kind == "short_side")
        for widget in (self.width_, self.times, self.height_):
            widget.setVisible(kind == "size")


class OutputFields(QWidget):
    """What the channels of the output mean.

    Signals:
        changed: Something else.
    """

    changed = Signal()

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__()
        self.kind = QComboBox()
        for kind in possible_outputs(spec):
            self.kind.addItem(OUTPUT_TITLES[kind], kind)
        _choose(self.kind, spec.output.kind)
        self.kind.setEnabled(self.kind.count() > 1)
        self.threshold = QDoubleSpinBox()
        self.threshold.setRange(0.01, 0.99)
        self.threshold.setSingleStep(0.05)
        self.threshold.setValue(spec.output.threshold)
        self._show()
        self.kind.currentIndexChanged.connect(self._show)
        self.kind.currentIndexChanged.connect(self.changed)
        self.threshold.valueChanged.connect(self.changed)

    def add_to(self, form: QFormLayout) -> None:
        """Lay the row out in a form; networks that find objects have no such choice."""
        self.kind.setAccessibleName("Output")
        self.kind.setToolTip("How the class of a pixel follows from what the network gives")
        _named(self.threshold, "Threshold", "A pixel is the class from this probability on")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self.kind, 1)
        row.addWidget(self.threshold)
        if self.kind.count():
            form.addRow("Output", self)
        else:
            self.hide()

    @property
    def output(self) -> Output:
        """What the fields say."""
        kind: OutputKind = self.kind.currentData() or "softmax"
        return Output() if kind == "softmax" else Output(kind, round(self.threshold.value(), 2))

    def _show(self) -> None:
        self.threshold.setVisible(self.kind.currentData() in ("sigmoid", "logit"))


class Answer:
    """A question that the file leaves open, with its possible answers; the usual one is marked."""

    def __init__(self, question: Question, spec: ModelSpec) -> None:
        self.question = question
        self.box = QComboBox()
        for choice in question.choices:
            usual = " (usual)" if choice == question.default else ""
            self.box.addItem(f"{choice}{usual}", choice)
        _choose(self.box, spec.options.get(question.option, question.default))


def labelled_row(form: QFormLayout, title: str, field: QWidget, tip: str) -> None:
    """Add a field with its label, name and tip to a form."""
    label = PlainLabel(title)
    if len(title) > _SHORT_LABEL:
        label.setWordWrap(True)
        # else the longest question makes the column of labels wide, and all fields narrow
        label.setMaximumWidth(_WIDEST_LABEL * label.fontMetrics().averageCharWidth())
    label.setBuddy(field)
    _named(field, title, tip)
    form.addRow(label, field)


def _named(field: QWidget, name: str, tip: str) -> None:
    field.setAccessibleName(name)
    field.setToolTip(plain(tip))


def _pixels(value: int, name: str) -> QSpinBox:
    spin = QSpinBox()
    spin.setRange(16, 8192)
    spin.setSingleStep(32)
    spin.setSuffix(" px")
    spin.setValue(value)
    _named(spin, name, f"{name} of the network's input")
    return spin


def _choose(box: QComboBox, value: object) -> None:
    """Choose what has this value, compared as Python does: Qt would take True for 1."""
    values: Sequence[object] = [box.itemData(row) for row in range(box.count())]
    if value in values:
        box.setCurrentIndex(values.index(value))
