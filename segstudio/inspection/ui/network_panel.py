"""The network panel: the traced network, and pages that say what its stages do."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QSplitter, QVBoxLayout, QWidget

from segstudio.inspection.ui.network_actions import EXPORTS
from segstudio.inspection.ui.network_header import NetworkHeader
from segstudio.inspection.ui.network_pages import CUTS, SKIP, InspectionPages, Services
from segstudio.inspection.ui.sharing import Room, Sharing
from segstudio.inspection.ui.structure_view import StructureView
from segstudio.kit.action_set import ActionSet
from segstudio.kit.coalesce import Coalescer
from segstudio.kit.empty import EmptyState, Switch
from segstudio.kit.turns import Parts
from segstudio.session.inspection import Inspection, Overlay
from segstudio.session.session import Change, Session, What

_UPRIGHT_FROM = 0.75
"""Height to width from which the pages stand below the diagram instead of beside it."""
_SHARES, _SHARES_OF_TWO = (46, 54), (60, 40)
"""How diagram and pages share the room; with two networks."""
_GETTING_READY = "Getting ready…"


class NetworkPanel(QWidget):
    """Header, diagram or table, pages; or one line that says what is missing.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a stage's picture, or None.
        shared: Diagram and pages share the room in another way; the text to keep.
    """

    pointed = Signal(object)
    shared = Signal(str)

    header: NetworkHeader
    structure: StructureView
    pages: InspectionPages

    def __init__(
        self, session: Session, commands: ActionSet, parent: QWidget, sharing: str = ""
    ) -> None:
        """Args:
        session: Has the traced network.
        commands: Those that its buttons and its menu do.
        parent: Where it stays.
        sharing: How diagram and pages shared the room last time, as `shared` tells it.
        """
        super().__init__(parent)
        self._session, self._commands = session, commands
        self._sharing = Sharing.from_text(sharing)
        self._has_two = self._is_shared_out = False
        # in a turn after that in which the diagram is laid out
        self._refresh = Coalescer(self, self._show, 0.0)
        self.hide()
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(0)
        self.splitter = QSplitter(Qt.Orientation.Horizontal)
        self.splitter.setChildrenCollapsible(False)

    def build(self, room: Services) -> Parts[None]:
        """Make what it holds, where it stays: what gets another parent is styled anew."""
        session, commands = self._session, self._commands
        self._cutting = room.cutting
        self._inspecting, self._overlay = room.inspecting, room.overlay
        self.download = _action_button(commands, "model.download", "Download the weights")
        self.retry = QPushButton("Trace again")
        self.retry.clicked.connect(room.inspecting.trace_again)
        self._empty = EmptyState("", self.download, self.retry)
        self._switch = Switch(self._empty, self.splitter)
        self._column.addLayout(self._switch, 1)
        yield
        self.header = NetworkHeader(
            session, room.inspecting, commands.menu("Export", EXPORTS, self)
        )
        self._column.insertWidget(0, self.header)
        yield
        self.structure = StructureView(session, room.inspecting, room.feature_maps, room.pairing)
        self._add(self.structure)
        yield
        yield from self.structure.build()
        yield
        self.pages = InspectionPages(session, room)
        self._add(self.pages)
        yield
        yield from self.pages.parts_of_shown()
        yield
        self._connect()
        self._show_room()
        self._show()

    def _add(self, part: QWidget) -> None:
        place = self.splitter.count()
        self.splitter.addWidget(part)
        self.splitter.setStretchFactor(place, _SHARES[place])

    def _connect(self) -> None:
        self.splitter.splitterMoved.connect(self._keep_shares)
        self.header.table_chosen.connect(self.structure.show_table)
        self.header.room_chosen.connect(self._give_room)
        self.structure.pointed.connect(self.pointed)
        self.structure.opened.connect(self.pages.show_stage)
        self.structure.skip_opened.connect(lambda: self.pages.bring(SKIP))
        self.pages.pointed.connect(self.pointed)
        self.structure.pages_wanted.connect(self._bring_pages)
        self.structure.skip_cut.connect(self._cut_skip)
        self.structure.stage_cut.connect(self._cut_stage)
        self.structure.photo_wanted.connect(self._lay_over)
        self._session.changed.connect(self._on_change)

    @property
    def empty_text(self) -> str:
        """The line that is shown instead of a network, "" while one is shown."""
        return self._switch.empty_text

    def room_header(self) -> QWidget:
        """What stands in the bar of the room while this panel is in front."""
        return self.header

    @property
    def page_tabs(self) -> QWidget:
        """What gets the keys when the panel is opened."""
        return self.pages.tabBar()

    def toggle_skip(self) -> None:
        """Cut the opened skip, or undo its cut, and show what comes of it."""
        skip = self._session.inspection.skip
        if skip:
            self._cut_skip(skip, not self._cutting.is_cut(skip))

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """Mark the place of a pixel (x, y) of the photo in every stage, or none."""
        self.structure.show_point(pixel_xy)
        self.pages.show_point(pixel_xy)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the pages below the diagram where the panel is upright."""
        super().resizeEvent(event)
        upright = self.height() > _UPRIGHT_FROM * self.width()
        wanted = Qt.Orientation.Vertical if upright else Qt.Orientation.Horizontal
        if self.splitter.orientation() != wanted or not self._is_shared_out:
            self._is_shared_out = True
            self.splitter.setOrientation(wanted)
            self._share_out()

    @property
    def _is_upright(self) -> bool:
        return self.splitter.orientation() == Qt.Orientation.Vertical

    def _share_out(self) -> None:
        """Give network and pages their parts of the room."""
        whole = self.height() if self._is_upright else self.width()
        usual = _SHARES_OF_TWO if self._has_two else _SHARES
        chosen = self._sharing.down if self._is_upright else self._sharing.across
        share = usual[0] / sum(usual) if chosen is None else chosen
        self.splitter.setSizes([round(whole * share), round(whole * (1 - share))])

    def _keep_shares(self) -> None:
        """The user moved the border: it stays where it is put, also at the next start."""
        first, second = self.splitter.sizes()
        share = min(max(first / max(1, first + second), 0.05), 0.95)
        self._share(down=share) if self._is_upright else self._share(across=share)

    def _give_room(self, room: Room) -> None:
        """Show both, or one of them alone."""
        self._share(room=room)
        self._show_room()

    def _bring_pages(self) -> None:
        """A page was asked for: it is not hidden any more."""
        if self._sharing.room is Room.NETWORK:
            self._give_room(Room.BOTH)

    def _cut_skip(self, skip: str, wanted: bool) -> None:
        """Cut a skip in the diagram, or undo it, and show what comes of it."""
        if wanted:
            self._cutting.cut_skip(skip)
        else:
            self._cutting.keep_skip(skip)
        self.pages.bring(CUTS)

    def _cut_stage(self, stage: str) -> None:
        self._cutting.cut_channel(stage, None)
        self.pages.bring(CUTS)

    def _lay_over(self, stage: str, channel: int) -> None:
        self._inspecting.open_stage(stage, channel)
        self._overlay.show(Overlay.CHANNEL)

    def _share(self, **fields: object) -> None:
        self._sharing = replace(self._sharing, **fields)  # type: ignore[arg-type]
        self.shared.emit(self._sharing.to_text())

    def _show_room(self) -> None:
        room = self._sharing.room
        self.structure.setVisible(room is not Room.PAGES)
        self.pages.setVisible(room is not Room.NETWORK)
        self.header.show_room(room)

    def _on_change(self, change: Change) -> None:
        if change.what & (What.TRACE | What.PAIR | What.MODELS):
            self._refresh.request()

    def _show(self) -> None:
        inspection = self._session.inspection
        self._switch.show_contents(inspection.traced is not None, _line(inspection))
        if self._has_two != (inspection.second is not None):
            self._has_two = not self._has_two
            self._share_out()
        missing = bool(inspection.problem) and not inspection.waiting
        model = self._session.model
        on_disk = model.chosen in model.available
        self.download.setVisible(missing and bool(model.chosen) and not on_disk)
        self.retry.setVisible(missing and on_disk and self._session.document is not None)


def _line(inspection: Inspection) -> str:
    """What is said while no network is shown."""
    if inspection.waiting:
        return f"{inspection.waiting}…"
    return inspection.problem or _GETTING_READY


def _action_button(commands: ActionSet, action_id: str, text: str) -> QPushButton:
    """A button that does what an action does; the action's enabled state is its own."""
    button = QPushButton(text)
    button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    button.clicked.connect(lambda: commands.run(action_id))
    return button
