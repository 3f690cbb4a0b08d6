"""The controls for what lies over the photo, in the tool bar: layer, style, opacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QWidget

from segstudio.kit.icons import icon
from segstudio.kit.layer_names import LAYER_TEXTS, LAYER_TIPS, LAYERS
from segstudio.kit.plain import PlainLabel
from segstudio.window.action_table import STYLE_TEXTS, STYLES

if TYPE_CHECKING:
    from segstudio.session.session import Change, Session


class ViewControls(QWidget):
    """Layer chooser, drawing style and opacity; there from the start, filled by `attach`."""

    def __init__(self) -> None:
        super().__init__()
        self._session: Session | None = None
        self.layer = _combo("Layer", "What lies over the photo (T: next)")
        for name in LAYERS:
            self.layer.addItem(LAYER_TEXTS[name], name)
            self.layer.setItemData(
                self.layer.count() - 1, LAYER_TIPS[name], Qt.ItemDataRole.ToolTipRole
            )
        self.style_ = _combo("Overlay style", "Fill, outline or both (O: next)")
        for name in STYLES:
            self.style_.addItem(STYLE_TEXTS[name], name)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setFixedWidth(72)
        self.opacity.setToolTip("Opacity of the overlay (Alt+wheel)")
        self.opacity.setAccessibleName("Overlay opacity")
        row = QHBoxLayout(self)
        row.setContentsMargins(4, 0, 4, 0)
        row.setSpacing(6)
        row.addWidget(_sign("layers", self))
        row.addWidget(self.layer)
        row.addWidget(self.style_)
        row.addWidget(_sign("blend", self))
        row.addWidget(self.opacity)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        self.setEnabled(False)

    def attach(self, session: Session) -> None:
        """Show and change the view of this session."""
        self._session = session
        self._show()
        self.layer.activated.connect(self._pick_layer)
        self.style_.activated.connect(self._pick_style)
        self.opacity.valueChanged.connect(self._pick_opacity)
        session.changed.connect(self._on_change)
        self.setEnabled(True)

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What

        if change.what & What.VIEW:
            self._show()

    def _show(self) -> None:
        if self._session is None:
            return
        view = self._session.view
        shown = view.all_panes[min(view.active_pane, len(view.panes))]
        self.layer.setCurrentIndex(self.layer.findData(str(shown.layer)))
        self.style_.setCurrentIndex(self.style_.findData(str(view.style)))
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

    def _pick_opacity(self, value: int) -> None:
        if self._session is not None:
            self._session.set_view(opacity=value / 100)


def _combo(name: str, tip: str) -> QComboBox:
    combo = QComboBox()
    combo.setAccessibleName(name)
    combo.setToolTip(tip)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    combo.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return combo


def _sign(name: str, parent: QWidget) -> QLabel:
    return IconLabel(name, 18, parent)


class IconLabel(PlainLabel):
    """An icon beside a control; drawn anew when the theme changes."""

    def __init__(self, name: str, size: int, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._icon = icon(name)
        self._size = size
        self.setFixedSize(size, size)

    def paintEvent(self, event: object) -> None:
        from PySide6.QtGui import QPainter

        painter = QPainter(self)
        self._icon.paint(painter, self.rect())
        painter.end()
