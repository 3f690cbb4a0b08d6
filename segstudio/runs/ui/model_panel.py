"""The model card: what is known of the chosen model, its weights, how it is run."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.core.formatting import bytes_text, counted, ratio_text, short_text
from segstudio.core.prediction import ModelSpec, Variant, effective_options, parts_of
from segstudio.core.text import as_html
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.model_titles import short_model_titles
from segstudio.kit.panel_header import PanelHeader, on_panel_ground
from segstudio.kit.plain import LinkLabel, PlainLabel, plain
from segstudio.models.registry import RECOGNISED
from segstudio.runs.class_mappings import ClassMappings
from segstudio.runs.mapping_doubt import Fit, Suggestion, fit_of
from segstudio.runs.segmenting import Segmenting
from segstudio.runs.ui.model_chooser import family_purpose, family_title
from segstudio.session.session import Change, Session, What

_DEVICES = (("Automatic", "auto"), ("CPU", "cpu"), ("CUDA GPU", "cuda"), ("Apple GPU", "mps"))
_MODEL_LINK = "model:"
_SCORE_LINK = "score"
_OPEN_LINK = "open"
_OWN_WEIGHTS = (
    "trained elsewhere on these classes, such as with torchvision (DeepLabV3, Mask R-CNN) or as a "
    "U-Net with the layers inc, down1 ..., up1 ..., outc; .pth, .pt or .safetensors; or any network as TorchScript or ONNX."
)
_NONE = "Choose a model in the tool bar."
_MENU = (
    "runs.new", "runs.ensemble", "runs.remove", "",
    "model.load", "model.describe", "model.find", "model.forget", "model.download", "",
    "evaluation.mapping",
)  # fmt: skip
"""Commands in the header's menu, by id."""
_SHOWN = What.MODELS | What.PROJECT | What.DOCUMENT | What.PREDICTIONS | What.SCHEMA


class ModelPanel(QWidget):
    """Tells of the model that the tool bar chose; folds to a line, and what to know before a run."""

    def __init__(
        self,
        session: Session,
        segmenting: Segmenting,
        mappings: ClassMappings,
        actions: ActionSet,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._segmenting, self._mappings = session, segmenting, mappings
        on_panel_ground(self)
        self.header = PanelHeader("Model", folds=True, panel=self)
        self.header.note.setAccessibleName("The model in short")
        self.header.add_menu("Runs, weights and classes of the model", "settings")
        for action_id in _MENU:
            if action_id:
                self.header.menu.addAction(actions[action_id])
            else:
                self.header.menu.addSeparator()
        self.new_run = ActionButton(actions["runs.new"], "New run…", has_icon=False)
        self.ensemble = ActionButton(actions["runs.ensemble"], "New ensemble…", has_icon=False)
        self.remove = QToolButton()
        self.remove.setDefaultAction(actions["runs.remove"])
        self.remove.setAutoRaise(True)
        self.doubt = LinkLabel()
        self.doubt.setAccessibleName("Doubt about the classes")
        self.doubt.linkActivated.connect(
            lambda link: self._follow(link, actions["evaluation.mapping"], actions["model.load"])
        )
        self.about = _text("About the model")
        self.more = _more_button()
        self.about.setForegroundRole(QPalette.ColorRole.PlaceholderText)
        self.weights = _text("Weights")
        self.download = _action_button(actions, "model.download", "Download")
        self.load = _action_button(actions, "model.load", "Choose file…")
        self.describe = ActionButton(actions["model.describe"], "Describe…", has_icon=False)
        self.find_ = _action_button(actions, "model.find", "Find it…")
        self.forget = ActionButton(actions["model.forget"], "Remove", has_icon=False)
        self.device = QComboBox()
        for title, value in _DEVICES:
            self.device.addItem(title, value)
        self.device.setAccessibleName("Device")
        self.device.setToolTip("Where the model runs")
        self.score = ThresholdSlider("Score", "Hide instances below this score", self)
        self.mask_ = ThresholdSlider(
            "Mask", "A pixel belongs to an instance from this probability on", self
        )
        self._lay_out()
        self._refresh = Coalescer(self, self._show)
        self.device.activated.connect(
            lambda: segmenting.set_options(device=self.device.currentData())
        )
        self.score.moved.connect(lambda v: segmenting.set_options(score_threshold=v))
        self.mask_.moved.connect(lambda v: segmenting.set_options(mask_threshold=v))
        self.more.toggled.connect(self._show)
        session.changed.connect(self._on_change)
        self._show()

    def _lay_out(self) -> None:
        options = QGridLayout()
        options.setHorizontalSpacing(8)
        options.setVerticalSpacing(6)
        device_label = PlainLabel("Device")
        device_label.setBuddy(self.device)
        options.addWidget(device_label, 0, 0)
        options.addWidget(self.device, 0, 1, 1, 5)
        self.score.add_to(options, 1)
        self.mask_.add_to(options, 1, 3)
        options.setColumnStretch(1, 1)
        options.setColumnStretch(4, 1)
        about = QHBoxLayout()
        about.addWidget(self.about, 1)
        about.addWidget(self.more, 0, Qt.AlignmentFlag.AlignTop)
        models = QHBoxLayout()
        models.setSpacing(6)
        models.addWidget(self.new_run)
        models.addWidget(self.ensemble)
        models.addStretch(1)
        models.addWidget(self.remove)
        self._first = QWidget()
        first = QVBoxLayout(self._first)
        first.setContentsMargins(12, 4, 8, 8)
        first.setSpacing(6)
        first.addWidget(self.doubt)
        self._weights_row = QWidget()
        weights = QVBoxLayout(self._weights_row)
        weights.setContentsMargins(0, 0, 0, 0)
        weights.setSpacing(4)
        weights.addWidget(self.weights)
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        for button in (self.download, self.find_, self.load, self.describe, self.forget):
            buttons.addWidget(button)
        buttons.addStretch(1)
        weights.addLayout(buttons)
        first.addWidget(self._weights_row)
        self._rest = QWidget()
        rest = QVBoxLayout(self._rest)
        rest.setContentsMargins(12, 0, 8, 10)
        rest.setSpacing(8)
        rest.addLayout(about)
        rest.addLayout(options)
        rest.addLayout(models)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._first)
        column.addWidget(self._rest)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def fold(self, folded: bool) -> None:
        """Show the line and what must be seen before a run, or all."""
        self.header.show_folded(folded)
        self._rest.setVisible(not folded)
        self._show()

    def _follow(self, link: str, mapping: QAction, load: QAction) -> None:
        """Do what a link of the doubt says: another model, weights of one's own, the mapping."""
        if link.startswith(_MODEL_LINK):
            self._segmenting.choose(link.removeprefix(_MODEL_LINK))
        elif link == _OPEN_LINK:
            self.header.fold_asked.emit()
        elif link == _SCORE_LINK:
            self._mappings.confirm(self._session.model.chosen)
        else:
            (load if link == "load" else mapping).trigger()

    def _on_change(self, change: Change) -> None:
        if change.what & _SHOWN:
            self._refresh.request()

    def _show(self) -> None:
        model = self._session.model
        spec = self._session.models.get(model.chosen)
        whole = self.more.isChecked()
        self.more.setAccessibleName("Show less" if whole else "Show more")
        self.more.setArrowType(Qt.ArrowType.UpArrow if whole else Qt.ArrowType.DownArrow)
        self.more.setVisible(spec is not None)
        is_here = spec is None or spec.id in model.available
        is_own = spec is not None and bool(spec.own_file)
        to_fetch = not is_here and not is_own
        known = [] if spec is None else [_weights_text(spec, model.available)]
        known += [] if spec is None else filter(None, [self._segmenting.routes.text(spec)])
        self.weights.setText("\n".join(known))
        self.download.setVisible(to_fetch)
        fit = Fit() if spec is None else fit_of(spec, self._session)
        folded = self.header.folded
        self.doubt.setText(brief_fit_text(fit) if folded else fit_text(fit))
        self.doubt.setToolTip(plain(fit_tip(fit)))
        self.doubt.setVisible(bool(fit.doubt))
        self.load.setVisible(not folded)
        self.describe.setVisible(is_own and is_here and not folded)
        self.find_.setVisible(is_own and not is_here)
        self.forget.setVisible(is_own and not is_here)
        self.header.note.show_text(_NONE if spec is None else _line(spec))
        self._weights_row.setVisible(spec is not None and (not is_here or not folded))
        self._first.setVisible(bool(fit.doubt) or not self._weights_row.isHidden())
        scores = None if whole else 0 if fit.doubt else 1
        self.about.setText(_NONE if spec is None else _describe(spec, scores))
        self.device.setCurrentIndex(max(0, self.device.findData(model.options.device)))
        document = self._session.document
        shown = document.predictions.get(self._session.view.run) if document else None
        has_instances = (spec is not None and spec.finds_objects) or (
            shown is not None and shown.instances is not None
        )
        self.score.set_visible(has_instances)
        self.mask_.set_visible(has_instances)
        self.remove.setVisible(spec is not None and spec.made_of is not None)
        own = own_options(spec)
        in_force = model.options if spec is None else effective_options(spec, model.options)
        self.score.show_value(in_force.score_threshold, own="score_threshold" in own)
        self.mask_.show_value(in_force.mask_threshold, own="mask_threshold" in own)


class ThresholdSlider(QObject):
    """A label, a slider 0..1 in hundredths, and its value as a number.

    Signals:
        moved: The user chose another value.
    """

    moved = Signal(float)

    def __init__(self, title: str, tip: str, parent: QObject) -> None:
        super().__init__(parent)
        self.label = PlainLabel(title)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setRange(0, 100)
        self.slider.setPageStep(5)
        self._tip = tip
        self.slider.setToolTip(tip)
        self.slider.setAccessibleName(f"{title} threshold")
        self.label.setBuddy(self.slider)
        self.value = PlainLabel()
        self.value.setMinimumWidth(self.value.fontMetrics().horizontalAdvance("0.00") + 2)
        self.slider.valueChanged.connect(self._on_value)

    def add_to(self, grid: QGridLayout, row: int, first: int = 0) -> None:
        """Lay the three out in a row of a grid, from a column on."""
        for column, widget in enumerate((self.label, self.slider, self.value), first):
            grid.addWidget(widget, row, column)

    def set_visible(self, visible: bool) -> None:
        """Show or hide all three."""
        for widget in (self.label, self.slider, self.value):
            widget.setVisible(visible)

    def show_value(self, value: float, *, own: bool = False) -> None:
        """Show a value without telling anyone; a named run's own one cannot be changed here."""
        self.slider.setEnabled(not own)
        self.slider.setToolTip("Set by the named run" if own else self._tip)
        if not self.slider.isSliderDown():
            self.slider.blockSignals(True)
            self.slider.setValue(round(value * 100))
            self.slider.blockSignals(False)
            self.value.setText(f"{self.slider.value() / 100:.2f}")

    def _on_value(self, value: int) -> None:
        self.value.setText(f"{value / 100:.2f}")
        self.moved.emit(value / 100)


_TASKS = {
    "semantic": "labels every pixel",
    "instance": "finds single objects",
    "panoptic": "finds single objects and labels what is around them",
}


def _describe(spec: ModelSpec, scores: int | None) -> str:
    """What the model is for and so many of its scores; None adds its data, size and licence.

    Without scores (those of another task tell nothing) it is the shortest.
    """
    purpose, _, rest = spec.description.partition(". ")
    purpose = purpose if scores != 0 else purpose.partition(";")[0]
    purpose = f"{purpose.rstrip('.')}." if purpose else ""
    lines = [purpose, _scores_text(spec.metrics, scores)]
    if scores is None:
        task = _TASKS[spec.task]
        lines += [
            family_purpose(spec.family) or f"{family_title(spec.family)}.",
            f"It {task}, {len(spec.schema.classes)} classes.",
            rest,
            _size_text(spec.metrics),
            f"Licence: {spec.licence}." if spec.licence else "",
        ]
    return "\n".join(line for line in lines if line)


_SCORES = {
    "ap50": "AP at IoU 0.5:",
    "ap": "AP",
    "iou": "IoU",
    "dice": "Dice",
    "miou": "mIoU",
    "pixel_acc": "pixel accuracy",
    "mask_map": "mask AP",
    "box_map": "box AP",
}
"""Names of the scores worth a line, the most telling first; the model card has the others."""


def _scores_text(metrics: Mapping[str, float], at_most: int | None) -> str:
    """The published scores, the telling ones first, all from 0 to 1 (torchvision's are given in percent)."""
    percent = any(metrics.get(name, 0.0) > 1.0 for name in _SCORES)
    shown = [
        f"{text} {ratio_text(metrics[name] / 100 if percent else metrics[name])}"
        for name, text in _SCORES.items()
        if name in metrics
    ]
    images = metrics.get("images")
    of = f" on {images:.0f} held-out images" if images else ""
    return f"{', '.join(shown[:at_most])}{of}." if shown[:at_most] else ""


def _line(spec: ModelSpec) -> str:
    """What is known of a model in a few words: its first published score, else what it is for."""
    if spec.description.startswith(RECOGNISED):
        return f"Own weights, {counted(len(spec.schema.classes), 'class', 'classes')}"
    scores = _scores_text(spec.metrics, 1).replace("held-out ", "").rstrip(".")
    return scores or spec.description.partition(". ")[0].partition(";")[0].rstrip(".")


def _size_text(metrics: Mapping[str, float]) -> str:
    count = metrics.get("num_params")
    return f"{short_text(count)} parameters." if count else ""


def _weights_text(spec: ModelSpec, available: frozenset[str]) -> str:
    if spec.embedded:
        return "Weights: built in"
    if spec.made_of is not None and spec.id in available:
        parts = parts_of(spec)
        one = short_model_titles([parts[0].title])[0] if len(parts) == 1 else "its models"
        return f"Weights: those of {one}"
    if spec.id in available:
        return f"Weights: {spec.own_file or 'on disk'}"
    if spec.own_file:
        return f"Not there any more: {spec.own_file}"
    size = spec.weights.size if spec.weights is not None else 0
    return f"To download: {bytes_text(size)}" if size else "Weights: not on disk"


def _text(name: str) -> QLabel:
    label = PlainLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setAccessibleName(name)
    label.setForegroundRole(QPalette.ColorRole.WindowText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def brief_fit_text(fit: Fit) -> str:
    """What to say of a model that may not fit, in a line or two: rich text with links."""
    text = f"{as_html(fit.doubt, quote=False)} "
    if fit.asked is not None:
        name, counterpart = (as_html(one, quote=False) for one in fit.asked)
        text += f'<a href="{_SCORE_LINK}">Score {name} as \u201c{counterpart}\u201d</a> · '
    text += '<a href="mapping">Change…</a>'
    if fit.fitting or fit.others:
        text += f' · <a href="{_OPEN_LINK}">{"What fits" if fit.fitting else "Other models"}</a>'
    return text


def fit_text(fit: Fit) -> str:
    """The same at length, with links to the models that would fit."""
    text = brief_fit_text(fit).partition(f' · <a href="{_OPEN_LINK}"')[0]
    if not (fit.fitting or fit.others):
        return text
    heading = "Trained for these classes:" if fit.fitting else "For something else:"
    rows = ", ".join(_suggested(found) for found in fit.fitting or fit.others)
    return f'{text}<br>{heading} {rows}, or <a href="load">own weights</a> from training on these elsewhere.'


def _suggested(found: Suggestion) -> str:
    trained_on = f"{found.trained_on[:1].lower()}{found.trained_on[1:]}"
    facts = [as_html(trained_on, quote=False), bytes_text(found.size) if found.size else ""]
    told = ", ".join(fact for fact in facts if fact)
    link = f"{_MODEL_LINK}{as_html(found.model_id)}"
    return f'<a href="{link}">{as_html(found.title, quote=False)}</a>{f" ({told})" if told else ""}'


def fit_tip(fit: Fit) -> str:
    """What the suggested models were trained for, and what else can be loaded; plain text."""
    found = fit.fitting or fit.others
    lines = [
        f"{one.title}: {one.purpose}"
        + (f", {bytes_text(one.size)} to download" if one.size else "")
        for one in found
    ]
    return "\n".join([*lines, f"Own weights: {_OWN_WEIGHTS}"] if found else [])


def own_options(spec: ModelSpec | None) -> frozenset[str]:
    """The fields of `RunOptions` that a named run sets itself."""
    found: set[str] = set()
    while spec is not None and isinstance(spec.made_of, Variant):
        found |= spec.made_of.overrides.keys()
        spec = spec.made_of.base
    return frozenset(found)


def _more_button() -> QToolButton:
    button = QToolButton()
    button.setCheckable(True)
    button.setAutoRaise(True)
    button.setToolTip("Data, size and licence of the model")
    return button


def _action_button(actions: ActionSet, action_id: str, text: str) -> ActionButton:
    return ActionButton(actions[action_id], text)


class ActionButton(QPushButton):
    """A push button that is as enabled as its action and does the same."""

    def __init__(self, action: QAction, text: str, *, has_icon: bool = True) -> None:
        super().__init__(text)
        if has_icon:
            self.setIcon(action.icon())
        self._action = action
        self.clicked.connect(action.trigger)
        action.changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        self.setEnabled(self._action.isEnabled())
        self.setToolTip(self._action.toolTip())
