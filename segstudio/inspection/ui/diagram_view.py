"""The traced network as a picture of its structure: the U, whatever its shape."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Literal

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import (
    QContextMenuEvent,
    QGuiApplication,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPixmap,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QMenu, QToolTip

from segstudio.core.features import ChannelCut, EdgeCut, LayerInfo, Role
from segstudio.core.formatting import count_text, short_text
from segstudio.core.labels import Image
from segstudio.core.operators import operators_text
from segstudio.inspection.feature_maps import FeatureMaps
from segstudio.inspection.inspecting import Inspecting
from segstudio.inspection.ui.diagram_surface import DiagramSurface
from segstudio.inspection.ui.photo_place import photo_pixel
from segstudio.kit.icons import icon
from segstudio.kit.pixmaps import pixmap_of
from segstudio.kit.plain import plain
from segstudio.kit.row_menu import new_menu
from segstudio.report.diagram import (
    Box,
    Diagram,
    DiagramEdge,
    DiagramNode,
    Group,
    Point,
    Sizes,
    lay_out,
)
from segstudio.report.diagram_drawing import DiagramState
from segstudio.report.diagram_parts import hull
from segstudio.report.diagram_style import KIND_TEXTS, TIMES, shape_text, stride_words
from segstudio.report.primitives import fitted_box
from segstudio.session.inspection import Inspection, MapPicture, TracedNetwork
from segstudio.session.session import Change, Session, What

Direction = Literal["left", "right", "up", "down"]
_PICTURE_SIZES = (48, 96, 192, 384, 768)
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
        photo_wanted: A stage's (its id) channel (its number) shall lie over the photo.
    """

    pointed = Signal(object)
    opened = Signal(str)
    skip_opened = Signal(str)
    pages_wanted = Signal()
    skip_cut = Signal(str, bool)
    stage_cut = Signal(str)
    photo_wanted = Signal(str, int)

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
        self._traced: TracedNetwork | None = None
        self._beside: TracedNetwork | None = None
        self._folded: frozenset[str] = frozenset()
        self._own_stage = ""
        self._small: Diagram | None = None
        self._other: Diagram | None = None
        self._was_resized = False
        """Whether its size means anything: before it is first shown it is Qt's own."""
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
        if change.what & (What.TRACE | What.PAIR):
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
        sizes = _sizes_for(traced)
        self._other = other = lay_out(beside.trace, sizes=sizes) if beside else None
        self._diagram = lay_out(traced.trace, folded=self._folded, sizes=sizes, beside=other)
        self._small = self._diagram if other is None else None
        self._use_room(traced)

    def _use_room(self, traced: TracedNetwork) -> None:
        """Show what is laid out, with larger nodes where there is room for text."""
        diagram, other = self._diagram, self._other
        self._extra = self._extra_wh()
        if self._extra != (0, 0):
            wide, high = self._extra
            sizes = replace(_sizes_for(traced), extra_width=wide, extra_height=high)
            diagram = lay_out(traced.trace, folded=self._folded, sizes=sizes)
        both = (diagram, other or diagram)
        room = max(one.width for one in both), max(one.height for one in both)
        self.show_diagram(self._with_choices(DiagramState(diagram)), room, self._marked)
        self._ask_soon()

    def _extra_wh(self) -> tuple[float, float]:
        """How much wider or higher nodes may be, for text, where the room is low or narrow."""
        if self._small is None or not self._was_resized:
            return 0.0, 0.0
        small, width, height = self._small, max(1, self.width()), max(1, self.height())
        columns = 1 + max(node.column for node in small.nodes)
        wider = (small.height * width / height - small.width) / columns
        higher = (small.width * height / width - small.height) / len(small.bands)
        return _stepped(wider), _stepped(higher)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Use the room: with higher nodes where it is narrow, with wider ones where it is low."""
        self._was_resized = True
        super().resizeEvent(event)
        traced = self._traced
        if self._is_fitted and traced is not None and self._extra_wh() != self._extra:
            self._use_room(traced)

    def _show_choices(self) -> None:
        """Draw anew what the session says of what is opened and cut."""
        if self._shown is not None:
            self._shown = self._with_choices(self._shown)
            self.redraw()

    def _with_choices(self, shown: DiagramState) -> DiagramState:
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
        self._pictures.request(seen, self._session.inspection)

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
        """Offer what can be done with what lies under the pointer, to fit, to fold, to unfold.

        By the menu key it is about the skip or stage that is opened, and opens below it.
        """
        if self._shown is None:
            return
        place = event.globalPos()
        _, node, skip = self._found(QPointF(event.pos()))
        if event.reason() == QContextMenuEvent.Reason.Keyboard:
            node, skip = self._opened(self._shown), self._shown.skip
            if node is not None:
                place = self.mapToGlobal(self.area(node.box).bottomLeft().toPoint())
        menu = new_menu(self)
        if node is not None:
            self._offer_node(menu, node)
        self._offer_cut(menu, self._shown, None if skip else node, skip)
        menu.addAction("Show all", self.fit)
        menu.addSeparator()
        for group in self._shown.diagram.groups:
            verb = "Unfold" if group.folded else "Fold"
            menu.addAction(f"{verb} {group.title.lower()}", partial(self.fold, group.id))
        if self._folded:
            menu.addAction("Unfold all", self.unfold_all)
        menu.popup(place)

    def _opened(self, shown: DiagramState) -> DiagramNode | None:
        return next((node for node in shown.diagram.nodes if node.id == shown.stage), None)

    def _offer_node(self, menu: QMenu, node: DiagramNode) -> None:
        def open_page() -> None:
            self._open(node)
            self.pages_wanted.emit()

        text = "Show its channels" if self._is_first else "Compare with the opened stage"
        menu.addAction(icon("layers"), text, open_page)
        if self._is_first and node.layer.receptive_field is not None:
            channel = self._channel_of(node)
            show = partial(self.photo_wanted.emit, node.id, channel)
            menu.addAction(icon("blend"), f"Show channel {channel} in the photo", show)
        shape = shape_text(node.layer)
        copy = partial(QGuiApplication.clipboard().setText, shape)
        menu.addAction(icon("copy"), f"Copy its shape ({shape})", copy)

    def _channel_of(self, node: DiagramNode) -> int:
        """The channel that is looked at in the stage, else the one that the pictures show."""
        inspection = self._session.inspection
        is_open = node.id == inspection.stage and inspection.channel is not None
        channel = inspection.channel if is_open else inspection.picture_channel
        return min(channel or 0, node.layer.shape[0] - 1)

    def _offer_cut(
        self, menu: QMenu, shown: DiagramState, node: DiagramNode | None, skip: str
    ) -> None:
        if not self._is_first or not (node or skip):
            return
        if skip:
            is_cut = skip in shown.cut_skips
            text = "Undo the cut of this skip" if is_cut else "Cut this skip"
            menu.addAction(icon("scissors"), text, partial(self.skip_cut.emit, skip, not is_cut))
        elif node is not None:
            text = f"Cut all channels of {node.label}"
            menu.addAction(icon("scissors"), text, partial(self.stage_cut.emit, node.id))
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

    def _open(self, node: DiagramNode) -> None:
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

    def _found(self, place: QPointF) -> tuple[Group | None, DiagramNode | None, str]:
        """The group's handle, else the node, else the skip edge at a place of the widget."""
        if self._shown is None:
            return None, None, ""
        at = place.x(), place.y()
        for handle in self._shown.handles:
            # a little beside it counts too
            if hull([handle.area], 2).contains(at):
                return handle.group, None, ""
        diagram = self._shown.diagram
        point = self._view.to_image(at)
        node = node_at(diagram, point)
        edge = None if node else edge_near(diagram, point, _REACH / self._view.zoom)
        return None, node, edge.skips[0] if edge else ""


def _sizes_for(traced: TracedNetwork) -> Sizes:
    window = traced.input_geometry.window
    return Sizes.for_aspect(window.width / window.height)


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


def picture_place(node: DiagramNode, traced: TracedNetwork) -> Box:
    """Where a stage's picture lies within its node: as large as its room allows, not distorted."""
    if node.layer.receptive_field is None:
        _, height, width = node.layer.shape
        return fitted_box(node.picture, width / height)
    window = traced.input_geometry.window
    return fitted_box(node.picture, window.width / window.height)


def pixel_at(node: DiagramNode, traced: TracedNetwork, place: Point) -> tuple[int, int] | None:
    """The photo's pixel (x, y) under a place in the diagram; None beside the picture.

    None too for stages that have no place on the photo (features of a region).
    """
    box = picture_place(node, traced)
    if node.layer.receptive_field is None or not box.contains(place):
        return None
    share = (place[0] - box.left) / box.width, (place[1] - box.top) / box.height
    return photo_pixel(traced, share)


def mark_of(node: DiagramNode, traced: TracedNetwork, pixel_xy: tuple[int, int]) -> Box | None:
    """The position of a stage's map that lies over a photo's pixel, as a box in its picture.

    Half of what lies at the border may be padding; the box is cut to the picture.
    """
    layer = node.layer
    found = traced.input_geometry.position(traced.trace, layer.id, pixel_xy)
    field = layer.receptive_field
    if found is None or field is None:
        return None
    box = picture_place(node, traced)
    sides = []
    for axis in (1, 0):
        length = traced.input_geometry.resized_hw[axis]
        middle = field.start[axis] + field.jump[axis] * found[axis]
        low = max(0.0, (middle - field.jump[axis] / 2) / length)
        high = min(1.0, (middle + field.jump[axis] / 2) / length)
        sides.append((min(low, 1.0), max(high, 0.0)))
    (left, right), (top, bottom) = sides
    return Box(
        box.left + left * box.width,
        box.top + top * box.height,
        max(0.0, right - left) * box.width,
        max(0.0, bottom - top) * box.height,
    )


class NodePictures:
    """Asks for pictures in steps of size, so that zooming doesn't ask again all the time.

    Attributes:
        shown: By stage id.
    """

    def __init__(self, feature_maps: FeatureMaps, asker: str, changed: Callable[[], None]) -> None:
        self._feature_maps, self._asker, self._changed = feature_maps, asker, changed
        self.shown: dict[str, QPixmap] = {}
        self._asked: dict[str, tuple[object, ...]] = {}
        self._traced: TracedNetwork | None = None

    def follow(self, traced: TracedNetwork | None) -> None:
        """Show another trace; pictures of the same model's stages stay until the new ones come."""
        if traced is self._traced:
            return
        before, self._traced = self._traced, traced
        self._asked.clear()
        if before is None or traced is None or before.model != traced.model:
            self.shown.clear()

    def request(self, nodes: Iterable[tuple[DiagramNode, float]], inspection: Inspection) -> None:
        """Ask for what is missing of nodes with the device pixels of their pictures' longer side."""
        traced = self._traced
        if traced is None:
            return
        for node, wanted in nodes:
            px = next((size for size in _PICTURE_SIZES if size >= wanted), _PICTURE_SIZES[-1])
            look: tuple[object, ...] = (
                inspection.picture, inspection.picture_channel, inspection.look
            )  # fmt: skip
            asked = self._asked.get(node.id)
            if asked is not None and asked[:-1] == look and _at_least(asked[-1], px):
                continue
            self._asked[node.id] = key = (*look, px)
            if node.role is Role.INPUT and inspection.picture is not MapPicture.CHANNEL:
                self.shown[node.id] = pixmap_of(photo_picture(traced, px))
                self._changed()
                continue
            self._feature_maps.node_picture(
                traced, node.id, inspection.picture, inspection.picture_channel, inspection.look,
                px, partial(self._arrived, traced, node.id, key), asker=self._asker,
            )  # fmt: skip

    def _arrived(
        self, traced: TracedNetwork, stage_id: str, key: tuple[object, ...], picture: Image
    ) -> None:
        if traced is self._traced and self._asked.get(stage_id) == key:
            self.shown[stage_id] = pixmap_of(picture)
            self._changed()


def _at_least(asked: object, px: int) -> bool:
    return isinstance(asked, int) and asked >= px


def photo_picture(traced: TracedNetwork, px: int) -> Image:
    """The part of the photo that the network saw, the longer side `px` long: RGB uint8."""
    part = traced.document.pixels[traced.input_geometry.window.slices]
    height, width = part.shape[:2]
    step = max(1, max(height, width) // (2 * px))
    scale = px / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    # every few pixels first: large photos would take too long on the thread of the window
    return cv2.resize(part[::step, ::step], size, interpolation=cv2.INTER_AREA).astype(np.uint8)


def node_at(diagram: Diagram, point: Point) -> DiagramNode | None:
    return next((node for node in diagram.nodes if node.box.contains(point)), None)


def edge_near(diagram: Diagram, point: Point, reach: float) -> DiagramEdge | None:
    """The nearest skip edge that is not farther away than `reach`."""
    near = [
        (distance, index)
        for index, edge in enumerate(diagram.edges)
        if edge.skips and (distance := _distance(edge, point)) <= reach
    ]
    return diagram.edges[min(near)[1]] if near else None


def _distance(edge: DiagramEdge, point: Point) -> float:
    x, y = point
    found = []
    for (x0, y0), (x1, y1) in itertools.pairwise(edge.points):
        dx = max(min(x0, x1) - x, 0.0, x - max(x0, x1))
        dy = max(min(y0, y1) - y, 0.0, y - max(y0, y1))
        found.append(math.hypot(dx, dy))
    return min(found)


def neighbour(diagram: Diagram, stage_id: str, direction: Direction) -> DiagramNode | None:
    """The next node in a direction; the first one where none is opened."""
    start = diagram.node_of(stage_id)
    if start is None:
        return diagram.nodes[0]
    x, y = start.box.centre
    sign = 1 if direction in ("right", "down") else -1
    flat = direction in ("left", "right")
    best, lowest = None, float("inf")
    for node in diagram.nodes:
        dx, dy = node.box.centre[0] - x, node.box.centre[1] - y
        ahead, aside = (dx, dy) if flat else (dy, dx)
        # what lies straight ahead is nearer than what lies aside
        cost = sign * ahead + 3 * abs(aside)
        if sign * ahead > 8 and cost < lowest:
            best, lowest = node, cost
    return best


def tip_of(
    traced: TracedNetwork | None, group: Group | None, node: DiagramNode | None, skip: str
) -> str:
    """What the tool tip says; "" for nothing."""
    if traced is None:
        return ""
    if group is not None:
        verb = "Unfold" if group.folded else "Fold"
        return f"{verb}: {group.title.lower()}, {len(group.members)} stages"
    if node is not None:
        return _stage_tip(node, traced)
    if skip:
        edge = traced.trace.skip(skip)
        channels, height, width = edge.shape
        via = f"\nthrough {edge.via}" if edge.via != edge.source else ""
        crop = f", {edge.crop_text}" if edge.crop_text else ""
        return (
            f"{edge.source} → {edge.target}\n"
            f"{channels}{TIMES}{height}{TIMES}{width}, {KIND_TEXTS[edge.kind]}{crop}{via}"
        )
    return ""


def _stage_tip(node: DiagramNode, traced: TracedNetwork) -> str:
    layers = [traced.trace.layer(key) for key in node.members]
    layer = node.layer
    lines = [
        f"{layer.name} ({layer.role})",
        f"{shape_text(layer)}, {stride_words(layer.photo_stride)}",
    ]
    if node.folded:
        lines.insert(0, f"{len(layers)} stages: {node.members[0]} … {node.members[-1]}")
    if layer.operators and not node.folded:
        lines.append(operators_text(layer.operators))
    parameters, macs = sum(x.parameters for x in layers), sum(x.macs for x in layers)
    lines.append(f"{count_text(parameters)} parameters, {short_text(macs)} multiply-adds")
    lines += _field_text(layer)
    if layer.regions is not None:
        lines.append(f"of {count_text(layer.regions)} regions, the first one is shown")
    return "\n".join(lines)


def _field_text(layer: LayerInfo) -> list[str]:
    field = layer.receptive_field
    if field is None:
        return ["has no place of its own on the photo"]
    sides = TIMES.join(map(count_text, layer.photo_field or ()))
    size = f"{sides} pixels of the photo (height {TIMES} width)"
    if not field.has_local:
        return ["sees the whole image"]
    return [f"receptive field {size}" + (", and the whole image" if field.is_global else "")]
