"""The controls for what lies over the photo, in the tool bar: layer, style, opacity, flavour."""

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
    STYLE_TEXTS,
    STYLES,
)
from segstudio.kit.plain import PlainLabel
from segstudio.window.contrast_popover import ContrastButton

if TYPE_CHECKING:
    from segstudio.kit.action_set import ActionSet
    from segstudio.session.session import Change, Session

_SIGN_PX, _SLIDER_PX = 16, 56
_BESIDE_PX, _SPACING_PX = 42, 6
"""Arrow and rims beside the text of a chooser."""


class ViewControls(QWidget):
    """Layer chooser, drawing style, opacity and flavour; there from the start, filled by `attach`."""

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self._session: Session | None = None
        self._flavours_offered, self._flavours_shown, self._room = False, False, 0
        self.layer = _SignedCombo("layers", "Layer")
        KeyTip(actions, self.layer, "What lies over the photo", "{view.next_layer}: next")
        for name in LAYERS:
            self.layer.addItem(LAYER_TEXTS[name], name)
            self.layer.setItemData(
                self.layer.count() - 1, LAYER_TIPS[name], Qt.ItemDataRole.ToolTipRole
            )
        self.style_ = _SignedCombo("", "Overlay style")
        KeyTip(actions, self.style_, "Fill, outline or both", "{view.next_style}: next")
        for name in STYLES:
            self.style_.addItem(STYLE_TEXTS[name], name)
        self.flavour = _SignedCombo("", "Objects")
        KeyTip(
            actions, self.flavour, "How objects are shown in the view that was clicked on last",
            "{view.next_flavour}: next",
        )  # fmt: skip
        for name in FLAVOURS:
            self.flavour.addItem(FLAVOUR_TEXTS[name], name)
            self.flavour.setItemData(
                self.flavour.count() - 1, FLAVOUR_TIPS[name], Qt.ItemDataRole.ToolTipRole
            )
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setFixedWidth(_SLIDER_PX)
        self.opacity.setToolTip("Opacity of the overlay (Alt+wheel)")
        self.opacity.setAccessibleName("Overlay opacity")
        self.contrast = ContrastButton(actions)
        self.row = FittingRow("More of what lies over the photo", lines=False, spacing=_SPACING_PX)
        opacity = captioned("", IconLabel("blend", _SIGN_PX), self.opacity)
        self._always = (self.layer, self.style_, opacity, self.contrast)
        for group in (*self._always, self.flavour):
            self.row.add(group)
        self.row.want(self._always)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.row)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setEnabled(False)

    def fit(self, room: int) -> int:
        """Take at most so many pixels, and put the rest behind a button; returns how many."""
        self._show_flavours_in(room)
        used = max(BUTTON_PX, self.row.fit(min(room, self.row.width_of_all())))
        self.setFixedWidth(used)
        return used

    def attach(self, session: Session) -> None:
        """Show and change the view of this session."""
        self._session = session
        self._show()
        self.layer.activated.connect(self._pick_layer)
        self.style_.activated.connect(self._pick_style)
        self.flavour.activated.connect(self._pick_flavour)
        self.opacity.valueChanged.connect(self._pick_opacity)
        self.contrast.attach(session)
        session.changed.connect(self._on_change)
        self.setEnabled(True)

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What

        if change.what & What.VIEW:
            self._show()
        if change.what & What.PROJECT:
            self._offer_flavours(offered=False)
        if change.what & (What.DOCUMENT | What.PREDICTIONS):
            self._offer_flavours(offered=self._flavours_offered or self._has_objects())

    def _has_objects(self) -> bool:
        document = None if self._session is None else self._session.document
        if document is None:
            return False
        if document.annotation.instances is not None:
            return True
        found = document.predictions.values()
        return any(prediction.instance_ids is not None for prediction in found)

    def _offer_flavours(self, *, offered: bool) -> None:
        """Offer them from the first prediction of a folder on that has objects.

        The key, the menus and the menu of a view have them always.
        """
        if offered != self._flavours_offered:
            self._flavours_offered = offered
            self._show_flavours_in(self._room)
            self.updateGeometry()

    def _show_flavours_in(self, room: int) -> None:
        """Show their chooser where it sends none of the others behind the button."""
        self._room = room
        before, own = self._flavours_shown, self.flavour.sizeHint().width() + _SPACING_PX
        needed = self.row.width_of_all() + (0 if before else own)
        shown = self._flavours_offered and needed <= room
        if shown != before:
            self._flavours_shown = shown
            self.row.want((*self._always, *([self.flavour] if shown else [])))

    def _show(self) -> None:
        if self._session is None:
            return
        view = self._session.view
        shown = view.all_panes[min(view.active_pane, len(view.panes))]
        self.layer.setCurrentIndex(self.layer.findData(str(shown.layer)))
        self.style_.setCurrentIndex(self.style_.findData(str(view.style)))
        panes = view.all_panes
        flavour = panes[min(view.active_pane, len(panes) - 1)].flavour
        self.flavour.setCurrentIndex(self.flavour.findData(str(flavour)))
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

    def _pick_style(self) -> None:
        from segstudio.session.session import OverlayStyle

        if self._session is not None:
            self._session.set_view(style=OverlayStyle(self.style_.currentData()))

    def _pick_flavour(self) -> None:
        from segstudio.session.session import Flavour

        if self._session is not None:
            view, flavour = self._session.view, Flavour(self.flavour.currentData())
            self._session.set_pane(min(view.active_pane, len(view.panes)), flavour=flavour)

    def _pick_opacity(self, value: int) -> None:
        if self._session is not None:
            self._session.set_view(opacity=value / 100)


class _SignedCombo(ElidedCombo):
    """A list to choose from that shows what it is about by an icon before the chosen entry."""

    def __init__(self, sign: str, name: str) -> None:
        super().__init__()
        self._sign = icon(sign) if sign else QIcon()
        self.setIconSize(QSize(_SIGN_PX, _SIGN_PX))
        self.setAccessibleName(name)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def shown_icon(self) -> QIcon:
        return self._sign

    def sizeHint(self) -> QSize:
        """Wide enough for the longest entry as a whole."""
        advance = self.fontMetrics().horizontalAdvance
        widest = max((advance(self.itemText(i)) for i in range(self.count())), default=0)
        sign = 0 if self._sign.isNull() else _SIGN_PX + 4
        return QSize(widest + sign + _BESIDE_PX, super().sizeHint().height())

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
