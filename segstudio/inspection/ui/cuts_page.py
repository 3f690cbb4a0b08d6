"""What the mask would be without what is cut, beside the mask as it is."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QHBoxLayout,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.inspection.cutting import Cutting
from segstudio.inspection.photo_overlay import PhotoOverlay
from segstudio.inspection.ui.ablation_table import AblationTable
from segstudio.inspection.ui.cut_list_view import chosen_how, how_combo
from segstudio.inspection.ui.cut_masks import CutMasks
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.empty import Stacked
from segstudio.kit.icon_button import icon_button, text_switch
from segstudio.kit.plain import in_menu
from segstudio.kit.turns import Parts
from segstudio.session.inspection import Overlay, TracedNetwork
from segstudio.session.session import Change, Session, What

BY_HAND, EACH_SKIP = range(2)


class CutsPage(QWidget):
    """Either the cuts that were chosen and what they do together, or the table of each skip alone.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a picture, or None.
    """

    masks: CutMasks
    ablation: AblationTable

    pointed = Signal(object)

    def __init__(
        self,
        session: Session,
        cutting: Cutting,
        overlay: PhotoOverlay,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._cutting, self._overlay = session, cutting, overlay
        self.by_hand = text_switch("Cuts", "What is cut now, and the mask without it")
        self.each_skip = text_switch("Each skip", "What cutting each skip alone costs, in numbers")
        self._modes = QButtonGroup(self)
        self.add = QPushButton("Cut")
        self.add.setToolTip("Cut a skip, or the channel that is looked at")
        self.add.setMenu(QMenu(self.add))
        self.how = how_combo()
        self.on_photo = icon_button("layers", "Show the mask with cuts over the photo")
        self.on_photo.setCheckable(True)
        self.reset = icon_button("undo-2", "Remove all cuts")
        self._refresh = Coalescer(self, self._show)

    def build(self) -> Parts[None]:
        """Make the rest of it, in the order in which Tab goes."""
        column = self._lay_out()
        yield
        self.masks = CutMasks(self._session, self._cutting, self)
        yield
        self.ablation = AblationTable(self._session, self._cutting, self)
        yield
        self._stack = Stacked(self.masks, self.ablation)
        column.addLayout(self._stack, 1)
        self._connect()
        self._session.changed.connect(self._on_change)
        self._show()

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """Mark the place of a pixel (x, y) of the photo in the pictures, or none."""
        self.masks.show_point(pixel_xy)

    def _lay_out(self) -> QVBoxLayout:
        """The row above; what is below it comes later."""
        for number, button in enumerate((self.by_hand, self.each_skip)):
            self._modes.addButton(button, number)
        self.by_hand.setChecked(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(8, 6, 8, 6)
        column.setSpacing(6)
        top = QHBoxLayout()
        column.addLayout(top)
        self._tools = QWidget()
        tools = QHBoxLayout(self._tools)
        tools.setContentsMargins(0, 0, 0, 0)
        tools.setSpacing(4)
        for widget in (self.how, self.add, self.on_photo, self.reset):
            tools.addWidget(widget)
        top.setSpacing(2)
        top.addWidget(self.by_hand)
        top.addWidget(self.each_skip)
        top.addStretch(1)
        top.addWidget(self._tools)
        return column

    def _connect(self) -> None:
        self._modes.idToggled.connect(self._choose_mode)
        self.on_photo.clicked.connect(
            lambda on: self._overlay.show(Overlay.CUTS if on else Overlay.NOTHING)
        )
        self.reset.clicked.connect(self._cutting.reset)
        self.add.menu().aboutToShow.connect(self._fill_menu)
        self.masks.pointed.connect(self.pointed)
        self.ablation.opened.connect(lambda: self.by_hand.setChecked(True))

    def _choose_mode(self, number: int, chosen: bool) -> None:
        if chosen:
            self._stack.setCurrentIndex(number)
            self._tools.setVisible(number == BY_HAND)

    def _fill_menu(self) -> None:
        """What can be cut: each skip, all of them, the channel that is looked at."""
        menu, inspection = self.add.menu(), self._session.inspection
        menu.clear()
        traced = inspection.traced
        if traced is None:
            return
        how = chosen_how(self.how)
        for edge in traced.trace.skips:
            action = menu.addAction(in_menu(f"{edge.source} → {edge.target}"))
            action.triggered.connect(
                lambda _checked=False, edge=edge: self._cutting.cut_skip(edge, how)
            )
        if len(traced.trace.skips) > 1:
            menu.addSeparator()
            action = menu.addAction("All skips")
            action.triggered.connect(lambda: self._cutting.cut_all_skips(how))
        self._add_channel(menu, traced)
        if menu.isEmpty():
            menu.addAction(in_menu(f"{traced.title} has no skips: open a stage first")).setEnabled(
                False
            )

    def _add_channel(self, menu: QMenu, traced: TracedNetwork) -> None:
        inspection, how = self._session.inspection, chosen_how(self.how)
        if not inspection.stage:
            return
        layer = traced.trace.layer(inspection.stage)
        menu.addSeparator()
        if inspection.channel is not None:
            channels = (inspection.channel,)
            action = menu.addAction(in_menu(f"Channel {inspection.channel} of {layer.id}"))
            action.triggered.connect(lambda: self._cutting.cut_channel(layer, channels, how))
        action = menu.addAction(in_menu(f"All channels of {layer.id}"))
        action.triggered.connect(lambda: self._cutting.cut_channel(layer, None, how))

    def _on_change(self, change: Change) -> None:
        if change.what & (What.TRACE | What.CUTS | What.OVER_PHOTO):
            self._refresh.request()

    def showEvent(self, event: QShowEvent) -> None:
        """Catch up with what happened while it was not seen."""
        super().showEvent(event)
        self._refresh.request()

    def _show(self) -> None:
        self.add.setEnabled(self._session.inspection.traced is not None)
        self.reset.setEnabled(bool(self._cutting.cuts))
        self.on_photo.setEnabled(bool(self._cutting.cuts))
        self.on_photo.setChecked(self._session.inspection.overlay is Overlay.CUTS)
