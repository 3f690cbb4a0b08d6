"""The menu of a view: its layer, its prediction, the style, and comparing by a line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QActionGroup, QGuiApplication
from PySide6.QtWidgets import QMenu, QWidget

from segstudio.canvas.flavours import has_objects
from segstudio.canvas.overlay import second_prediction
from segstudio.comparison.comparing import OF_A_RUN, Comparing
from segstudio.core.text import with_notes
from segstudio.kit.layer_names import (
    FLAVOUR_TEXTS,
    FLAVOUR_TIPS,
    FLAVOURS,
    LAYER_TEXTS,
    LAYER_TIPS,
    LAYERS,
    MARK_TIPS,
    MARKS,
    SCALE_BAR,
    SCALE_BAR_TIP,
    STYLE_TEXTS,
)
from segstudio.kit.plain import in_menu
from segstudio.session.session import Flavour, Layer, OverlayStyle, Pane, Session

_STRENGTHS: Final = (25, 50, 75, 100)
_FEW: Final = 8
"""So many predictions stand in the menu itself; more have a menu of their own."""
_SHIFT: Final = Qt.KeyboardModifier.ShiftModifier


class ViewMenu(QMenu):
    """What can be chosen for one view; with Shift it is chosen for all of them."""

    def __init__(
        self,
        session: Session,
        comparing: Comparing,
        number: int,
        parent: QWidget,
        *,
        right: bool = False,
        wipe_key: str = "",
    ) -> None:
        """Args:
        session: What is shown.
        comparing: Knows what can be shown, and shows it.
        number: Which of the session's panes it is about.
        parent: The view's header.
        right: Whether it is about what a wiped view shows right of its line.
        wipe_key: The key that wipes, if there is one.
        """
        super().__init__(parent)
        self._session, self._comparing, self._number = session, comparing, number
        self._right, self._wipe_key = right, wipe_key
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setToolTipsVisible(True)
        view = session.view
        pane = view.all_panes[number]
        if right and view.against is not None:
            pane = view.against
        self._add_layers(pane)
        if pane.layer in OF_A_RUN:
            self._add_runs(pane)
        self.addSeparator()
        self._add_styles()
        if self._has_objects(pane):
            self._add_flavours(pane)
            self._add_marks()
        if self._knows_pixels():
            self._add_switch("scale_bar", SCALE_BAR, SCALE_BAR_TIP)
        self._add_wipe()
        if view.panes and not right:
            self.addSeparator()
            hint = self.addAction("With Shift: for all views")
            hint.setEnabled(False)

    def add_over_photo(
        self, opacity: float | None, close: Callable[[], None], fade: Callable[[float], None]
    ) -> None:
        """Offer to take away what the inspector lays over the photo, or to make it stronger.

        Args:
            opacity: How strong it is, 0..1; None if that is that of all layers.
            close: Takes it away.
            fade: Makes it so strong, 0..1.
        """
        first = self.actions()[0]
        taken = QAction("Take away what lies over the photo", self)
        taken.triggered.connect(close)
        self.insertAction(first, taken)
        if opacity is not None:
            strengths = QMenu("How strongly it covers the photo", self)
            group = QActionGroup(strengths)
            for percent in _STRENGTHS:
                action = self._choice(
                    strengths, group, f"{percent} %", round(100 * opacity) == percent
                )
                action.triggered.connect(lambda _=False, share=percent / 100: fade(share))
            self.insertMenu(first, strengths)
        self.insertSeparator(first)

    def _add_layers(self, pane: Pane) -> None:
        can = {*self._comparing.layers(), pane.layer}
        group = QActionGroup(self)
        for name in LAYERS:
            layer = Layer(name)
            if layer in can:
                action = self._choice(self, group, LAYER_TEXTS[name], layer is pane.layer)
                action.setToolTip(LAYER_TIPS[name])
                action.triggered.connect(lambda _=False, layer=layer: self._pick(layer=layer))

    def _add_runs(self, pane: Pane) -> None:
        self.addSeparator()
        choices = self._comparing.choices()
        two = pane.layer is Layer.MODELS
        self._add_predictions("Prediction", "run", pane.run, choices, own=two)
        if two:
            self._add_predictions("Against", "second", self._second_of(pane), choices, own=True)

    def _add_predictions(
        self, title: str, field: str, now: str, choices: list[tuple[str, str, bool]], *, own: bool
    ) -> None:
        """One action for each prediction that can be shown."""
        menu = self.addMenu(title) if own or len(choices) > _FEW else self
        group = QActionGroup(menu)
        for run, name, there in choices:
            text = name if there else f"{name}  (not run yet)"
            action = self._choice(menu, group, in_menu(text), run == now)
            action.triggered.connect(lambda _=False, run=run: self._pick(**{field: run}))

    def _add_styles(self) -> None:
        menu = self.addMenu("Style")
        group = QActionGroup(menu)
        for style in OverlayStyle:
            is_on = style is self._session.view.style
            action = self._choice(menu, group, STYLE_TEXTS[style.value], is_on)
            action.triggered.connect(
                lambda _=False, style=style: self._session.set_view(style=style)
            )

    def _add_flavours(self, pane: Pane) -> None:
        menu = self.addMenu("Colours")
        group = QActionGroup(menu)
        for flavour in map(Flavour, FLAVOURS):
            is_on = flavour is pane.flavour
            action = self._choice(menu, group, FLAVOUR_TEXTS[flavour.value], is_on)
            action.setToolTip(FLAVOUR_TIPS[flavour.value])
            action.triggered.connect(lambda _=False, flavour=flavour: self._pick(flavour=flavour))

    def _add_marks(self) -> None:
        """Switches of what stands on the picture, in all views."""
        for field, text in MARKS.items():
            self._add_switch(field, text, MARK_TIPS[field])

    def _add_switch(self, field: str, text: str, tip: str) -> None:
        """A yes-or-no field of the session's view."""
        action = self.addAction(text)
        action.setToolTip(tip)
        action.setCheckable(True)
        action.setChecked(getattr(self._session.view, field))
        action.triggered.connect(lambda on: self._session.set_view(**{field: on}))

    def _knows_pixels(self) -> bool:
        """Whether it is known how large a pixel is."""
        document, said = self._session.document, self._session.view.pixel_sizes
        return document is not None and document.pixel_size(said) is not None

    def _add_wipe(self) -> None:
        self.addSeparator()
        wipe = self.addAction(with_notes("Wipe: two layers beside a line", self._wipe_key))
        wipe.setCheckable(True)
        wipe.setChecked(self._session.view.wiped == self._number)
        wipe.triggered.connect(lambda: self._comparing.toggle_wipe(self._number))

    def _choice(self, menu: QMenu, group: QActionGroup, text: str, on: bool) -> QAction:
        action = menu.addAction(text)
        action.setCheckable(True)
        action.setChecked(on)
        group.addAction(action)
        return action

    def _pick(self, **values: object) -> None:
        if self._right:
            self._comparing.compare_with(**values)
        elif QGuiApplication.keyboardModifiers() & _SHIFT:
            self._comparing.choose_for_all(**values)  # type: ignore[arg-type]
        else:
            self._comparing.activate(self._number)
            self._comparing.choose(self._number, **values)  # type: ignore[arg-type]

    def _has_objects(self, pane: Pane) -> bool:
        document = self._session.document
        if document is None:
            return False
        painted = (document.annotation, document.truth, document.older)
        return has_objects(document.predictions.get(pane.run)) or any(
            drawn is not None and drawn.instances is not None for drawn in painted
        )

    def _second_of(self, pane: Pane) -> str:
        document = self._session.document
        if document is None:
            return pane.second
        view = replace(self._session.view, run=pane.run, second=pane.second)
        other = second_prediction(document, view)
        return pane.second if other is None else other.run
