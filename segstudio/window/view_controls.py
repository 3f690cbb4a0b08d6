"""The controls for what lies over the photo, in the tool bar: layer, colours, opacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QIcon, QPainter, QPaintEvent
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSizePolicy, QSlider, QWidget

from segstudio.kit.elided import ElidedCombo
from segstudio.kit.fitting_row import BUTTON_PX, FittingRow, captioned
from segstudio.kit.icons import icon
from segstudio.kit.key_tips import KeyTip
from segstudio.kit.layer_names import (
    FLAVOUR_TEXTS,
    FLAVOUR_TIPS,
    FLAVOURS,
    LAYER_TEXTS,
    LAYER_TIPS,
    LAYERS,
    OUTLINES,
    OUTLINES_TIP,
)
from segstudio.kit.plain import PlainLabel, plain
from segstudio.window.contrast_popover import ContrastButton

if TYPE_CHECKING:
    from segstudio.kit.action_set import ActionSet
    from segstudio.session.session import Change, Session

_SIGN_PX, _SLIDER_PX = 16, 56
_BESIDE_PX, _SPACING_PX = 42, 6
"""Arrow and rims beside the text of a chooser."""


class ViewControls(QWidget):
    """Layer, colours by object or class, opacity; there from the start, filled by `attach`."""

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self._session: Session | None = None
        self.layer = _SignedCombo("layers", "Layer")
        KeyTip(actions, self.layer, "What lies over the photo", "{view.next_layer}: next")
        for name in LAYERS:
            self.layer.addItem(LAYER_TEXTS[name], name)
            self.layer.setItemData(
                self.layer.count() - 1, LAYER_TIPS[name], Qt.ItemDataRole.ToolTipRole
            )
        self.colours = _SignedCombo("", "Colours")
        KeyTip(
            actions, self.colours, "Colour by object or by class in the view clicked on last",
            "{view.next_flavour}: next",
        )  # fmt: skip
        for name in FLAVOURS:
            self._add_colours(FLAVOUR_TEXTS[name], name, FLAVOUR_TIPS[name])
        self._add_colours(OUTLINES, OUTLINES, OUTLINES_TIP)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setFixedWidth(_SLIDER_PX)
        self.opacity.setToolTip("Opacity of the overlay (Alt+wheel)")
        self.opacity.setAccessibleName("Overlay opacity")
        self.contrast = ContrastButton(actions)
        self.row = FittingRow("More of what lies over the photo", lines=False, spacing=_SPACING_PX)
        opacity = captioned("", IconLabel("blend", _SIGN_PX), self.opacity)
        groups = (self.layer, self.colours, opacity, self.contrast)
        for group in groups:
            self.row.add(group)
        self.row.want(groups)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.row)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setEnabled(False)

    def fit(self, room: int) -> int:
        """Take at most so many pixels, and put the rest behind a button; returns how many."""
        used = max(BUTTON_PX, self.row.fit(min(room, self.row.width_of_all())))
        self.setFixedWidth(used)
        return used

    def attach(self, session: Session) -> None:
        """Show and change the view of this session."""
        self._session = session
        self._show()
        self.layer.activated.connect(self._pick_layer)
        self.colours.activated.connect(self._pick_colours)
        self.opacity.valueChanged.connect(self._pick_opacity)
        self.contrast.attach(session)
        session.changed.connect(self._on_change)
        self.setEnabled(True)

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What

        if change.what & What.VIEW:
            self._show()

    def _add_colours(self, text: str, name: str, tip: str) -> None:
        self.colours.addItem(text, name)
        self.colours.setItemData(self.colours.count() - 1, plain(tip), Qt.ItemDataRole.ToolTipRole)

    def _show(self) -> None:
        if self._session is None:
            return
        view = self._session.view
        shown = view.all_panes[min(view.active_pane, len(view.panes))]
        self.layer.setCurrentIndex(self.layer.findData(str(shown.layer)))
        lines = str(view.style) == "outline"
        self.colours.setCurrentIndex(
            self.colours.findData(OUTLINES if lines else str(shown.flavour))
        )
        self.opacity.blockSignals(True)
        self.opacity.setValue(round(view.opacity * 100))
        self.opacity.blockSignals(False)

    def _pick_layer(self) -> None:
        from segstudio.session.session import Layer

        if self._session is not None:
            layer = Layer(self.layer.currentData())
            view = self._session.view
            self._session.set_pane(min(view.active_pane, len(view.panes)), layer=layer)
            self._session.set_view(overlay_visible=True)

    def _pick_colours(self) -> None:
        """Lines alone hold for all views, as every drawing style does; colours for the one."""
        from segstudio.session.session import Flavour, OverlayStyle

        if self._session is None:
            return
        view, name = self._session.view, self.colours.currentData()
        if name == OUTLINES:
            self._session.set_view(style=OverlayStyle.OUTLINE)
            return
        if view.style is OverlayStyle.OUTLINE:
            self._session.set_view(style=OverlayStyle.BOTH)
        self._session.set_pane(min(view.active_pane, len(view.panes)), flavour=Flavour(name))

    def _pick_opacity(self, value: int) -> None:
        if self._session is not None:
            self._session.set_view(opacity=value / 100)


class _SignedCombo(ElidedCombo):
    """A list to choose from that shows what it is about by an icon before the chosen entry."""

    def __init__(self, sign: str, name: str) -> None:
        super().__init__()
        self._sign = icon(sign) if sign else QIcon()
        self._measured: tuple[str, int, int] | None = None
        self.setIconSize(QSize(_SIGN_PX, _SIGN_PX))
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def shown_icon(self) -> QIcon:
        return self._sign

    def sizeHint(self) -> QSize:
        """Wide enough for the longest entry as a whole."""
        sign = 0 if self._sign.isNull() else _SIGN_PX + 4
        return QSize(self._widest() + sign + _BESIDE_PX, super().sizeHint().height())

    def _widest(self) -> int:
        """Width of the longest entry, measured once a font: the bar asks whenever it is laid out."""
        font, count = self.font().key(), self.count()
        if self._measured is None or self._measured[:2] != (font, count):
            advance = self.fontMetrics().horizontalAdvance
            widest = max((advance(self.itemText(i)) for i in range(count)), default=0)
            self._measured = font, count, widest
        return self._measured[2]

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


class IconLabel(PlainLabel):
    """An icon beside a control; drawn anew when the theme changes."""

    def __init__(self, name: str, size: int, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._icon = icon(name)
        self.setFixedSize(size, size)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self._icon.paint(painter, self.rect())
        painter.end()
