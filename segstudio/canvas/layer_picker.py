"""Chooses a layer and the predictions that it is about."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from segstudio.comparison.comparing import OF_A_RUN, Comparing
from segstudio.kit.elided import ElidedCombo
from segstudio.kit.layer_names import LAYER_SHORT, LAYER_TIPS, LAYERS
from segstudio.kit.model_titles import short_model_titles
from segstudio.kit.plain import plain
from segstudio.session.session import Layer, Pane

_HEIGHT = 22
_ARROW_PX, _LEAST_PX, _NARROW_PX = 34, 52, 70
_NOT_RUN = "  (not run yet)"
Choices = Sequence[tuple[str, str, bool]]


class LayerPicker(QWidget):
    """Up to three lists: the layer, its prediction, and the one that is compared with.

    Signals:
        picked: {"layer": Layer}, {"run": key} or {"second": key}.
    """

    picked = Signal(object)

    def __init__(self, comparing: Comparing, name: str) -> None:
        """Args:
        comparing: Knows what can be shown.
        name: Of what is chosen, for screen readers ("View 2").
        """
        super().__init__()
        self._comparing = comparing
        self.layer = _list(
            f"{name}: layer", "What lies over the photo here (T: next)", yields=False
        )
        self.run = _list(f"{name}: prediction", "Which prediction")
        self.run.setPlaceholderText("Choose a model")
        self.second = _list(f"{name}: compared with", "The prediction it is compared with")
        self._shorts: dict[str, str] = {}
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(3)
        for combo in (self.layer, self.run, self.second):
            self._row.addWidget(combo)
        self.layer.activated.connect(
            lambda: self.picked.emit({"layer": Layer(self.layer.currentData())})
        )
        self.run.activated.connect(lambda: self.picked.emit({"run": self.run.currentData()}))
        self.second.activated.connect(
            lambda: self.picked.emit({"second": self.second.currentData()})
        )

    def show_pane(self, pane: Pane, second: str, choices: Choices) -> None:
        """Show what is chosen.

        Args:
            pane: The layer and its prediction.
            second: The prediction that really is compared with.
            choices: (key, title, whether it is there) of what can be chosen.
        """
        self._show_layers(pane.layer)
        of_run = pane.layer in OF_A_RUN
        two = pane.layer is Layer.MODELS
        self.run.setVisible(of_run)
        self.second.setVisible(two)
        for combo in (self.run, self.second):
            combo.brief = two
            self._row.setStretchFactor(combo, int(two))  # equal shares, where there are two
        if of_run:
            shorts = short_model_titles([title for _, title, _ in choices])
            self._shorts = {key: s for (key, _, _), s in zip(choices, shorts, strict=True)}
            items = [(key, title if there else title + _NOT_RUN) for key, title, there in choices]
            # that the shown one is not there yet is said beside it
            titles = {key: title for key, title, _ in choices}
            at_run = [(key, titles[key] if key == pane.run else text) for key, text in items]
            self._fill(self.run, at_run, pane.run)
            self._fill(self.second, items, second)

    def _show_layers(self, now: Layer) -> None:
        can = {*self._comparing.layers(), now}
        names = [name for name in LAYERS if Layer(name) in can]
        self._fill(self.layer, [(name, LAYER_SHORT[name]) for name in names], str(now))
        for row, name in enumerate(names):
            self.layer.setItemData(row, LAYER_TIPS[name], Qt.ItemDataRole.ToolTipRole)

    def _fill(self, combo: _SlimCombo, items: list[tuple[str, str]], now: str) -> None:
        if now and all(key != now for key, _ in items):
            items = [*items, (now, self._comparing.title(now))]
        held = [(combo.itemData(i), combo.itemText(i)) for i in range(combo.count())]
        if held != items:
            combo.clear()
            for key, text in items:
                combo.addItem(text, key)
            combo.view().setMinimumWidth(combo.view().sizeHintForColumn(0) + 24)
        combo.setCurrentIndex(combo.findData(now))
        combo.short = self._shorts.get(now, "")
        if now and combo is not self.layer:
            combo.setToolTip(plain(f"{combo.tip}: {combo.currentText()}"))
        combo.updateGeometry()


class _SlimCombo(ElidedCombo):
    """A list that is as wide as what is chosen; it may give way to others in a narrow row."""

    def __init__(self, *, yields: bool) -> None:
        super().__init__()
        self._yields = yields
        self.short = ""
        self.brief = False
        self.tip = ""

    def minimumSizeHint(self) -> QSize:
        """Some letters are enough where it yields."""
        return QSize(_LEAST_PX, _HEIGHT) if self._yields else self.sizeHint()

    def sizeHint(self) -> QSize:
        """As wide as what is chosen, or as its short form where two share the room."""
        shown = self.short if self.brief and self.short else self._whole_text()
        text = self.fontMetrics().horizontalAdvance(shown)
        return QSize(text + _ARROW_PX, _HEIGHT)

    def _whole_text(self) -> str:
        return self.currentText() or self.placeholderText()

    def shown_text(self, width: int) -> str:
        """The chosen entry, or its short form where it does not fit."""
        metrics, whole = self.fontMetrics(), self._whole_text()
        fits = not self.short or metrics.horizontalAdvance(whole) <= width
        # of a few letters the first ones tell most
        narrow = width < _NARROW_PX
        mode = Qt.TextElideMode.ElideRight if narrow else Qt.TextElideMode.ElideMiddle
        return metrics.elidedText(whole if fits else self.short, mode, width)


def _list(name: str, tip: str, *, yields: bool = True) -> _SlimCombo:
    combo = _SlimCombo(yields=yields)
    combo.setAccessibleName(name)
    combo.tip = tip
    combo.setToolTip(tip)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    combo.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
    combo.setFixedHeight(_HEIGHT)
    return combo
