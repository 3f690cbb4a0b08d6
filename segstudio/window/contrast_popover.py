"""Brightness, contrast and gamma of the photo: a button that tells them, and sliders below it."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QToolButton,
    QWidget,
)

from segstudio.kit.icons import icon
from segstudio.kit.key_tips import KeyTip
from segstudio.kit.plain import PlainLabel
from segstudio.kit.popover import Popover

if TYPE_CHECKING:
    from segstudio.core.tones import Contrast, ToneCurve
    from segstudio.kit.action_set import ActionSet
    from segstudio.session.session import Change, Session

CONTRAST = "view.contrast"
_WORDS = "Brightness and contrast of the photo"
_STEPS = 100
"""Of a slider, from the middle to each end."""
_BRIGHTEST, _STRONGEST = 1.0, 1.5
_ICON_PX, _BUTTON_PX, _SLIDER_PX, _VALUE_PX = 16, 28, 180, 40


class ContrastButton(QToolButton):
    """Opens the sliders; lit up where the photo is not shown as it is."""

    def __init__(self, actions: ActionSet) -> None:
        super().__init__()
        self._session: Session | None = None
        self.popover: ContrastPopover | None = None
        self.setIcon(icon("contrast"))
        self.setIconSize(QSize(_ICON_PX, _ICON_PX))
        self.setFixedSize(_BUTTON_PX, _BUTTON_PX)
        self.setCheckable(True)
        self.setAutoRaise(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.setAccessibleName(_WORDS)
        KeyTip(actions, self, _WORDS, f"{{{CONTRAST}}}", "{view.auto_contrast}: automatic")
        self.clicked.connect(self.open_popover)

    def attach(self, session: Session) -> None:
        """Tell how the photo of this session is shown."""
        self._session = session
        session.changed.connect(self._on_change)
        self._show()

    def nextCheckState(self) -> None:
        """A click opens the sliders; only what is shown lights the button up."""

    def open_popover(self) -> None:
        """Show the sliders below the button."""
        if self._session is None or self._session.document is None:
            return
        if self.popover is None:
            self.popover = ContrastPopover(self._session, self)
        self.popover.open_from(self)

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What

        if change.what & (What.VIEW | What.DOCUMENT | What.PHOTO | What.PROJECT):
            self._show()

    def _show(self) -> None:
        session = self._session
        document = None if session is None else session.document
        self.setEnabled(document is not None)
        if session is None or document is None:
            return
        from segstudio.core.tones import PLAIN, tones_for

        chosen = session.view.contrast
        tones, found = tones_for(document.tones, chosen)
        looks = document.shown_for(session.view.channel, session.view.channels)[1]
        self.setChecked(tones != PLAIN or chosen.inverted or bool(looks))
        if not found or tones == PLAIN:
            self.setAccessibleDescription("")
        elif chosen.automatic is None:
            self.setAccessibleDescription("A dark image, shown brighter by itself")
        else:
            self.setAccessibleDescription("Automatic")


class ContrastPopover(Popover):
    """The sliders."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        from segstudio.window.channel_rows import ChannelRows

        super().__init__(parent, _WORDS)
        self._session = session
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(8)
        self._grid.setVerticalSpacing(6)
        self._values: dict[str, PlainLabel] = {}
        self.brightness = self._slider("Brightness", self._choose_brightness)
        self.contrast = self._slider("Contrast", self._choose_contrast)
        self.gamma = self._slider("Gamma", self._choose_gamma)
        self.automatic = QCheckBox("Automatic")
        self.automatic.setToolTip("Find brightness and contrast for each image of this folder")
        self.automatic.clicked.connect(self._choose_automatic)
        self.inverted = QCheckBox("Inverted")
        self.inverted.setToolTip("Show bright as dark and dark as bright")
        self.inverted.clicked.connect(self._choose_inverted)
        self.reset = QPushButton("As it is")
        self.reset.setToolTip("Show the image as it is")
        self.reset.clicked.connect(self._reset)
        self.note = PlainLabel()
        self.note.setProperty("caption", True)
        self.note.setWordWrap(True)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.automatic)
        row.addWidget(self.inverted)
        row.addStretch(1)
        row.addWidget(self.reset)
        self.channels = ChannelRows(session)
        self.column.addWidget(self.channels)
        self.column.addLayout(self._grid)
        self.column.addLayout(row)
        self.column.addWidget(self.note)
        session.changed.connect(self._on_change)

    def open_from(self, button: QWidget) -> None:
        """Show it, its right edge at the button's, and give the keys to the first slider."""
        self.show_now()
        self.channels.when_built(lambda: self.open_below(button, self.brightness))

    def _slider(self, name: str, choose: Callable[[float], None]) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal)
        slider.setRange(-_STEPS, _STEPS)
        slider.setFixedWidth(_SLIDER_PX)
        slider.setAccessibleName(name)
        slider.setToolTip(f"{name} of the photo, as it is shown")
        slider.valueChanged.connect(lambda value: choose(value / _STEPS))
        value = PlainLabel()
        value.setFixedWidth(_VALUE_PX)
        value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._values[name] = value
        at = self._grid.rowCount()
        self._grid.addWidget(PlainLabel(name), at, 0)
        self._grid.addWidget(slider, at, 1)
        self._grid.addWidget(value, at, 2)
        return slider

    # -- what is shown -------------------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        from segstudio.session.session import What

        if self.isVisible() and change.what & (What.VIEW | What.DOCUMENT | What.PHOTO):
            self.show_now()

    def show_now(self) -> None:
        """Set the sliders as the session has it."""
        self.channels.show_now()
        tones, found, chosen = self._now()
        placed = (
            (self.brightness, "Brightness", tones.brightness / _BRIGHTEST, f"{tones.brightness:+.2f}"),
            (self.contrast, "Contrast", tones.contrast / _STRONGEST, f"{1 / tones.width:.2g} x"),
            (self.gamma, "Gamma", math.log10(tones.gamma), f"{tones.gamma:.2f}"),
        )  # fmt: skip
        for slider, name, share, text in placed:
            slider.blockSignals(True)
            slider.setValue(round(min(max(share, -1.0), 1.0) * _STEPS))
            slider.blockSignals(False)
            self._values[name].setText(text)
        self.automatic.setChecked(found)
        self.inverted.setChecked(chosen.inverted)
        by_itself = found and chosen.automatic is None
        self.note.setText(
            "This image is dark, so it is shown brighter. Models get it as it is."
            if by_itself
            else "For this folder. Models get the image as it is."
        )

    def _now(self) -> tuple[ToneCurve, bool, Contrast]:
        from segstudio.core.tones import PLAIN, tones_for

        chosen, document = self._session.view.contrast, self._session.document
        if document is None:
            return PLAIN, False, chosen
        return (*tones_for(document.tones, chosen), chosen)

    # -- what is chosen ------------------------------------------------------------------------

    def _choose_brightness(self, share: float) -> None:
        self._choose(self._now()[0].with_brightness(share * _BRIGHTEST))

    def _choose_contrast(self, share: float) -> None:
        self._choose(self._now()[0].with_contrast(share * _STRONGEST))

    def _choose_gamma(self, share: float) -> None:
        self._choose(self._now()[0].with_gamma(10**share))

    def _choose(self, tones: ToneCurve) -> None:
        chosen = replace(self._session.view.contrast, tones=tones, automatic=False)
        self._session.set_view(contrast=chosen)

    def _choose_automatic(self, on: bool) -> None:
        self._session.set_view(contrast=replace(self._session.view.contrast, automatic=on))

    def _choose_inverted(self, on: bool) -> None:
        self._session.set_view(contrast=replace(self._session.view.contrast, inverted=on))

    def _reset(self) -> None:
        from segstudio.core.channel_looks import AS_IN_FILES
        from segstudio.core.tones import Contrast

        self._session.set_view(contrast=Contrast(automatic=False), channels=AS_IN_FILES)
