"""The traced network as a picture of its structure: the U, whatever its shape."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Literal

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QMenu, QToolTip

from segstudio.app.feature_maps import FeatureMaps
from segstudio.app.inspecting import Inspecting
from segstudio.core.diagram import Box, Diagram, Group, Node, Sizes, lay_out
from segstudio.core.features import ChannelCut, EdgeCut
from segstudio.session.inspection import Inspection, Traced
from segstudio.session.session import Change, Session, What
from segstudio.ui.panels.network.diagram_chips import chip_at
from segstudio.ui.panels.network.diagram_finding import (
    Direction,
    edge_near,
    neighbour,
    node_at,
    tip_of,
)
from segstudio.ui.panels.network.diagram_marks import mark_of, picture_place, pixel_at
from segstudio.ui.panels.network.diagram_painter import Shown
from segstudio.ui.panels.network.diagram_pictures import NodePictures
from segstudio.ui.panels.network.diagram_surface import DiagramSurface
from segstudio.ui.plain import plain

_REACH = 6.0
_ASK_AFTER_MS = 30
_STEP, _MOST_EXTRA = 4.0, 48.0
"""Of a node's width and height, in the diagram's units."""
_KEYS: dict[int, Direction] = {
    Qt.Key.Key_Left: "left",
    Qt.Key.Key_Right: "right",
    Qt.Key.Key_Up: "up",
    Qt.Key.Key_Down: "down",
}


class DiagramView(DiagramSurface):
    """Draws a traced network.

    A click on a stage opens it, on a skip edge opens that, on a group's handle folds it. Groups
    stay folded from image to image.

    Signals:
        pointed: The photo's pixel (x, y) under the pointer in a stage's picture, or None.
        opened: Id of a stage that was clicked.
        skip_opened: Id of a skip edge that was clicked.
        pages_wanted: A stage or a skip edge was double-clicked.
        skip_cut: A skip edge (its id) shall be cut, or joined again (bool).
        stage_cut: All channels of a stage (its id) shall be cut.
    """

    pointed = Signal(object)
    opened = Signal(str)
    skip_opened = Signal(str)
    pages_wanted = Signal()
    skip_cut = Signal(str, bool)
    stage_cut = Signal(str)

    def __init__(
        self,
        session: Session,
        inspecting: Inspecting,
        feature_maps: FeatureMaps,
        which: Literal["traced", "second"] = "traced",
    ) -> None:
        super().__init__()
        self._session, self._inspecting = session, inspecting
        self._is_first = which == "traced"
        self._pictures = NodePictures(feature_maps, f"diagram {which}", self.redraw)
        self._traced: Traced | None = None
        self._beside: Traced | None = None
        self._folded: frozenset[str] = frozenset()
        self._own_stage = ""
        self._small: Diagram | None = None
        self._extra = (0.0, 0.0)
        self._point: tuple[int, int] | None = None
        self._pointing: tuple[int, int] | None = None
        self._asking = QTimer(self, singleShot=True, interval=_ASK_AFTER_MS)
        self._asking.timeout.connect(self._ask)
        self.setAccessibleName("Network diagram")
        self.clicked.connect(self._click)
        self.hovered.connect(self._hover)
        self.looked.connect(self._ask_soon)
        session.changed.connect(self._on_change)
        self._follow()

    @property
    def diagram(self) -> Diagram | None:
        return self._shown.diagram if self._shown else None

    def show_point(self, pixel_xy: tuple[int, int] | None) -> None:
        """Mark the place of a pixel (x, y) of the photo in every stage's picture, or none."""
        if pixel_xy != self._point:
            self._point = pixel_xy
            self.update()

    def show_stage(self, stage_id: str) -> None:
        """Highlight a stage of the second network (the first one's follows the session)."""
        if not self._is_first and stage_id != self._own_stage:
            self._own_stage = stage_id
            self._show_choices()

    def fold(self, group_id: str) -> None:
        """Fold a group's stages into one node, or unfold them."""
        self._folded = self._folded ^ {group_id}
        self._lay_out()

    def unfold_all(self) -> None:
        self._folded = frozenset()
        self._lay_out()

    # -- following the session ---------------------------------------------------------------

    def _on_change(self, change: Change) -> None:
        if change.what & What.TRACE:
            self._follow()
        if change.what & (What.INSPECTION | What.CUTS):
            self._show_choices()
            self._ask_soon()

    def _follow(self) -> None:
        inspection = self._session.inspection
        traced, beside = inspection.traced, inspection.second
        if not self._is_first:
            traced, beside = beside, traced
        if traced is self._traced and beside is self._beside:
            return
        same = self._traced and traced and traced.model == self._traced.model
        self._traced, self._beside = traced, beside
        self._pictures.follow(traced)
        if not same:
            self._folded, self._own_stage = frozenset(), ""
            self.refit()
        self._lay_out()

    def _lay_out(self) -> None:
        traced, beside = self._traced, self._beside
        if traced is None:
            self.show_diagram(None)
            return
        window = traced.placement.window
        sizes = Sizes.for_aspect(window.width / window.height)
        other = lay_out(beside.trace, sizes=sizes) if beside else None
        diagram = lay_out(traced.trace, folded=self._folded, sizes=sizes, beside=other)
        self._small = diagram if other is None else None
        self._extra = self._extra_wh()
        if self._extra != (0, 0):
            sizes = replace(sizes, extra_width=self._extra[0], extra_height=self._extra[1])
            diagram = lay_out(traced.trace, folded=self._folded, sizes=sizes)
        both = (diagram, other or diagram)
        room = max(one.width for one in both), max(one.height for one in both)
        self.show_diagram(self._with_choices(Shown(diagram)), room, self._marked)
        self._ask_soon()

    def _extra_wh(self) -> tuple[float, float]:
        """How much wider or higher nodes may be, for text, where the room is low or narrow."""
        if self._small is None:
            return 0.0, 0.0
        small, width, height = self._small, max(1, self.width()), max(1, self.height())
        columns = 1 + max(node.column for node in small.nodes)
        wider = (small.height * width / height - small.width) / columns
        higher = (small.width * height / width - small.height) / len(small.bands)
        return _stepped(wider), _stepped(higher)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the room: with higher nodes where it is narrow, with wider ones where it is low."""
        super().resizeEvent(event)
        if self._is_fitted and self._shown is not None and self._extra_wh() != self._extra:
            self._lay_out()

    def _show_choices(self) -> None:
        """Draw anew what the session says of what is opened and cut."""
        if self._shown is not None:
            self._shown = self._with_choices(self._shown)
            self.redraw()

    def _with_choices(self, shown: Shown) -> Shown:
        inspection = self._session.inspection
        shown = replace(shown, pictures=self._pictures.shown)
        if not self._is_first:
            return replace(shown, stage=self._own_stage)
        skips, channels = _cuts(inspection)
        return replace(
            shown,
            stage=inspection.stage,
            skip=inspection.skip,
            cut_skips=skips,
            cut_channels=channels,
        )

    def _marked(self) -> list[tuple[Box, Box]]:
        """The marked position of every stage, and its picture."""
        point, traced = self._pointing or self._point, self._traced
        if point is None or traced is None or self._shown is None:
            return []
        found = [(mark_of(node, traced, point), node) for node in self._shown.diagram.nodes]
        return [(mark, picture_place(node, traced)) for mark, node in found if mark is not None]

    def _ask_soon(self) -> None:
        if not self._asking.isActive():
            self._asking.start()

    def _ask(self) -> None:
        """Ask for the pictures of what is in sight."""
        if self._shown is None or not self.isVisible():
            return
        scale = self._view.zoom * self.devicePixelRatioF()
        sight = QRectF(self.rect())
        seen = [
            (node, scale * max(node.picture.width, node.picture.height))
            for node in self._shown.diagram.nodes
            if sight.intersects(self.area(node.box))
        ]
        self._pictures.ask(seen, self._session.inspection)

    def showEvent(self, event: QShowEvent) -> None:
        """Ask for pictures that were not needed while nobody looked."""
        super().showEvent(event)
        self._ask_soon()

    # -- the pointer and the keys ------------------------------------------------------------

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """Show the page of what lies under the pointer; fit, where nothing does."""
        group, node, skip = self._found(event.position())
        if node is not None or skip:
            self.pages_wanted.emit()
        elif group is None:
            self.fit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:
        """Offer to cut what lies under the pointer, to fit, to fold, and to unfold."""
        if self._shown is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._offer_cut(menu, self._shown, QPointF(event.pos()))
        menu.addAction("Show all", self.fit)
        menu.addSeparator()
        for group in self._shown.diagram.groups:
            verb = "Unfold" if group.folded else "Fold"
            menu.addAction(f"{verb} {group.title.lower()}", partial(self.fold, group.id))
        if self._folded:
            menu.addAction("Unfold all", self.unfold_all)
        menu.popup(event.globalPos())

    def _offer_cut(self, menu: QMenu, shown: Shown, place: QPointF) -> None:
        _, node, skip = self._found(place)
        if not self._is_first or not (node or skip):
            return
        if skip:
            is_cut = skip in shown.cut_skips
            text = "Undo the cut of this skip" if is_cut else "Cut this skip"
            menu.addAction(text, partial(self.skip_cut.emit, skip, not is_cut))
        elif node is not None:
            text = f"Cut all channels of {node.label}"
            menu.addAction(text, partial(self.stage_cut.emit, node.id))
        menu.addSeparator()

    def event(self, event: QEvent) -> bool:
        """Say what is under the pointer in full."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            text = tip_of(self._traced, *self._found(QPointF(event.pos())))
            QToolTip.showText(event.globalPos(), plain(text), self)
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Arrow keys open the next stage in their direction."""
        direction = _KEYS.get(event.key())
        plain = event.modifiers() in (
            Qt.KeyboardModifier.NoModifier,
            Qt.KeyboardModifier.KeypadModifier,
        )
        if direction is None or self._shown is None or not plain:
            super().keyPressEvent(event)
            return
        target = neighbour(self._shown.diagram, self._shown.stage, direction)
        if target is not None:
            self._open(target)

    def _click(self, place: QPointF) -> None:
        group, node, skip = self._found(place)
        if group is not None:
            self.fold(group.id)
        elif node is not None:
            self._open(node)
        elif skip and self._is_first:
            self._inspecting.open_skip(skip)
            self.skip_opened.emit(skip)

    def _open(self, node: Node) -> None:
        if self._is_first:
            self._inspecting.open_stage(node.id)
        else:
            self.show_stage(node.id)
        self.opened.emit(node.id)

    def _hover(self, place: QPointF | None) -> None:
        group, node, skip = (None, None, "") if place is None else self._found(place)
        found = bool(group or node or skip)
        self.setCursor(Qt.CursorShape.PointingHandCursor if found else Qt.CursorShape.ArrowCursor)
        before, names = self._shown, (node.id if node else "", skip)
        if before is not None and (before.hovered, before.hovered_skip) != names:
            self._shown = replace(before, hovered=names[0], hovered_skip=names[1])
            self.redraw()
        pixel = None
        if place is not None and node is not None and self._traced is not None:
            pixel = pixel_at(node, self._traced, self._view.to_image((place.x(), place.y())))
        if pixel != self._pointing:
            self._pointing = pixel
            self.update()
            self.pointed.emit(pixel)

    def _found(self, place: QPointF) -> tuple[Group | None, Node | None, str]:
        """The group's handle, else the node, else the skip edge at a place of the widget."""
        if self._shown is None:
            return None, None, ""
        chip = chip_at(self._shown.chips, place)
        if chip is not None:
            return chip.group, None, ""
        diagram = self._shown.diagram
        point = self._view.to_image((place.x(), place.y()))
        node = node_at(diagram, point)
        edge = None if node else edge_near(diagram, point, _REACH / self._view.zoom)
        return None, node, edge.skips[0] if edge else ""


def _stepped(spare: float) -> float:
    """What is used of the spare room of a node; in steps, so that it stays for small changes."""
    return _STEP * (min(max(0.0, spare), _MOST_EXTRA) // _STEP)


def _cuts(inspection: Inspection) -> tuple[frozenset[str], dict[str, int]]:
    """Ids of the skips that are cut, and how many channels of which stages (0: all)."""
    cuts = [listed.cut for listed in inspection.cuts if listed.enabled]
    skips = frozenset(cut.edge.id for cut in cuts if isinstance(cut, EdgeCut))
    channels: dict[str, set[int] | None] = {}
    for cut in cuts:
        if isinstance(cut, ChannelCut):
            before = channels.get(cut.layer.id, set())
            whole = before is None or cut.channels is None
            channels[cut.layer.id] = None if whole else {*(before or ()), *(cut.channels or ())}
    return skips, {key: len(found or ()) for key, found in channels.items()}
