"""The diagram widget: opens what is clicked, points both ways, folds, zooms at the pointer."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QHelpEvent, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolTip
from tiny_networks import SHUFFLE, UNET
from traced_desk import for_a_test

from segstudio.core.features import ChannelCut, EdgeCut
from segstudio.inspection.ui import diagram_view
from segstudio.inspection.ui.diagram_view import DiagramView
from segstudio.session.inspection import ListedCut, MapPicture

STAGES = ["input", "inc", "down1", "down2", "up1", "up2", "outc"]


@pytest.fixture
def traced(traced_studio):
    with for_a_test(traced_studio) as desk:
        yield desk


@pytest.fixture
def desk(traced):
    """A studio that has traced the tiny U-Net on an image of 48 x 32 pixels."""
    return traced.studio


@pytest.fixture
def view(traced, desk) -> DiagramView:
    """The diagram, shown at the panel's usual size."""
    widget = DiagramView(desk.session, desk.inspecting, desk.feature_maps)
    traced.put(widget)
    widget.resize(450, 260)
    widget.show()
    return widget


def place_in(view, node_id, share=(0.5, 0.5)) -> QPoint:
    """A place in a node's picture, as shares of its width and height."""
    picture = view.diagram.node(node_id).picture
    area = view.area(picture)
    return QPoint(
        round(area.left() + share[0] * area.width()), round(area.top() + share[1] * area.height())
    )


def hover(view, place: QPoint) -> None:
    none = Qt.MouseButton.NoButton
    event = QMouseEvent(
        QEvent.Type.MouseMove, QPointF(place), QPointF(view.mapToGlobal(place)), none, none,
        Qt.KeyboardModifier.NoModifier,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def wheel(view, place: QPoint, turned: int) -> None:
    event = QWheelEvent(
        QPointF(place), QPointF(view.mapToGlobal(place)), QPoint(), QPoint(0, turned),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase,
        False,
    )  # fmt: skip
    QApplication.sendEvent(view, event)


def pixels(view) -> np.ndarray:
    image = view.grab().toImage()
    data = np.frombuffer(image.constBits(), np.uint8)
    return data.reshape(image.height(), image.bytesPerLine())[:, : 4 * image.width()].copy()


def test_another_size_costs_one_layout_and_a_hidden_diagram_none_for_its_size(
    traced, desk, monkeypatch
):
    laid_out = []

    def lay_out(trace, **options):
        made = diagram_view_lay_out(trace, **options)
        laid_out.append((made.sizes.extra_width, made.sizes.extra_height))
        return made

    diagram_view_lay_out = diagram_view.lay_out
    monkeypatch.setattr(diagram_view, "lay_out", lay_out)
    widget = DiagramView(desk.session, desk.inspecting, desk.feature_maps)
    traced.put(widget)
    assert laid_out == [(0, 0)]  # nobody knows yet how large it will be
    widget.resize(1200, 260)
    widget.show()
    assert len(laid_out) == 2
    assert laid_out[1][0] > 0  # low and wide: room for text beside the pictures
    widget.resize(450, 800)
    assert len(laid_out) == 3
    assert laid_out[2][1] > 0


def test_the_whole_network_is_seen_and_gets_its_pictures(qtbot, view):
    assert [node.id for node in view.diagram.nodes] == STAGES
    corners = [view.area(node.box) for node in view.diagram.nodes]
    assert all(view.rect().contains(area.toAlignedRect()) for area in corners)
    assert min(area.height() for area in corners) > 25
    qtbot.waitUntil(lambda: len(view._pictures.shown) == len(STAGES), timeout=30000)
    whole = pixels(view)
    for area in (found.toAlignedRect() for found in corners):
        inside = whole[area.top() : area.bottom(), 4 * area.left() : 4 * area.right()]
        # a box with its name alone has about 230 shades, of its text's edges
        assert len(np.unique(inside.reshape(-1, 4), axis=0)) > 300


def test_the_tip_tells_lengths_in_pixels_of_the_photo(view):
    place = place_in(view, "down1")
    QApplication.sendEvent(view, QHelpEvent(QEvent.Type.ToolTip, place, view.mapToGlobal(place)))
    told = QToolTip.text().split("\n")
    QToolTip.hideText()
    assert told[1] == "8\u00d716\u00d724, stride 2 pixels of the photo"
    # two 3 x 3 convolutions see 5; after pooling by 2, two more see 6 + 8
    field = "receptive field 14\u00d714 pixels of the photo (height \u00d7 width)"
    assert field in " ".join(told)


def test_a_click_opens_the_stage_or_the_skip(qtbot, view, desk):
    inspection = lambda: desk.session.inspection  # noqa: E731
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=place_in(view, "up1"))
    assert inspection().stage == "up1"
    for skip in ("down1 -> up1", "inc -> up2"):
        (edge,) = (edge for edge in view.diagram.edges if skip in edge.skips)
        start, end = edge.points
        x, y = view.view.to_device(((start[0] + end[0]) / 2, start[1]))
        qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(y) + 3))
        assert inspection().skip == skip
    assert inspection().stage == "up1"


def test_dragging_moves_and_opens_nothing(qtbot, view, desk):
    before, opened = view.view, desk.session.inspection.stage
    start = place_in(view, "up1")
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(view, left, pos=start)
    for step in (10, 25, 40):
        event = QMouseEvent(
            QEvent.Type.MouseMove, QPointF(start + QPoint(step, step)), QPointF(), left, left,
            Qt.KeyboardModifier.NoModifier,
        )  # fmt: skip
        QApplication.sendEvent(view, event)
    qtbot.mouseRelease(view, left, pos=start + QPoint(40, 40))
    assert view.view.zoom == before.zoom
    assert view.view.origin_xy == (before.origin_xy[0] + 40, before.origin_xy[1] + 40)
    assert desk.session.inspection.stage == opened
    view.fit()
    assert view.view == before


def test_the_wheel_zooms_at_the_pointer_and_the_size_keeps_what_fits(view):
    place = place_in(view, "down2")
    before = view.view.to_image((place.x(), place.y()))
    zoom = view.view.zoom
    wheel(view, place, 360)
    assert view.view.zoom == pytest.approx(2 * zoom)
    assert view.view.to_image((place.x(), place.y())) == pytest.approx(before)
    view.fit()
    view.resize(900, 520)
    assert view.view.zoom > 1.5 * zoom


def test_hovering_a_picture_tells_the_photo_pixel(qtbot, view):
    told = []
    view.pointed.connect(told.append)
    hover(view, place_in(view, "down2", (0.5, 0.5)))
    x, y = told[-1]
    # the photo has 48 x 32 pixels; a pixel of the screen is about one of the photo here
    assert abs(x - 24) <= 2
    assert abs(y - 16) <= 2
    hover(view, QPoint(view.width() - 2, view.height() // 2))
    assert told[-1] is None
    hover(view, place_in(view, "input", (0.25, 0.75)))
    assert abs(told[-1][0] - 12) <= 2
    assert abs(told[-1][1] - 24) <= 2
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert told[-1] is None


def test_a_pixel_is_marked_in_every_stage(qtbot, view, desk):
    qtbot.waitUntil(lambda: len(view._pictures.shown) == len(STAGES), timeout=30000)
    view.zoom_by(2.0, QPointF(place_in(view, "down2")))
    plain = pixels(view)
    view.show_point((24, 16))
    marked = (pixels(view) != plain).reshape(view.height(), -1, 4).any(2)
    # pixel (24, 16) lies in position (4, 6) of down2's map of 8 x 12
    area = view.area(view.diagram.node("down2").picture)
    rows, columns = np.nonzero(marked)
    near = (columns > area.left()) & (columns < area.right())
    near &= (rows > area.top()) & (rows < area.bottom())
    cell = area.width() / 12
    assert abs(columns[near].mean() - (area.left() + 6.5 * cell)) < 2
    assert abs(rows[near].mean() - (area.top() + 4.5 * cell)) < 2
    view.show_point(None)
    np.testing.assert_array_equal(pixels(view), plain)
    view.show_point((4800, 16))
    np.testing.assert_array_equal(pixels(view), plain)


def test_a_group_is_folded_by_its_handle_and_unfolded_again(qtbot, view):
    def handle() -> QPoint:
        found = next(one for one in view.shown.handles if one.group.id == "decoder")
        return QPointF(*found.area.centre).toPoint()

    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=handle())
    assert [node.id for node in view.diagram.nodes] == [
        "input", "inc", "down1", "down2", "up2", "outc",
    ]  # fmt: skip
    assert view.diagram.node("up2").members == ("up1", "up2")
    qtbot.mouseClick(view, Qt.MouseButton.LeftButton, pos=handle())
    assert [node.id for node in view.diagram.nodes] == STAGES


def test_arrow_keys_go_to_the_stage_in_that_direction(qtbot, view, desk):
    desk.inspecting.open_stage("inc")
    for key, stage in (
        (Qt.Key.Key_Down, "down1"),
        (Qt.Key.Key_Right, "up1"),
        (Qt.Key.Key_Up, "up2"),
        (Qt.Key.Key_Right, "outc"),
        (Qt.Key.Key_Right, "outc"),
        (Qt.Key.Key_Left, "up2"),
    ):
        qtbot.keyClick(view, key)
        assert desk.session.inspection.stage == stage


def test_cuts_are_seen_and_another_picture_mode_brings_others(qtbot, view, desk):
    qtbot.waitUntil(lambda: len(view._pictures.shown) == len(STAGES), timeout=30000)
    trace = desk.session.inspection.traced.trace
    plain = pixels(view)
    edge = ListedCut(EdgeCut(trace.skip("inc -> up2")))
    desk.session.set_inspection(cuts=(edge,))
    with_edge = pixels(view)
    assert (with_edge != plain).any()
    channel = ListedCut(ChannelCut(trace.layer("up1"), (1, 2)))
    desk.session.set_inspection(cuts=(edge, channel))
    assert view.shown.cut_channels == {"up1": 2}
    assert (pixels(view) != with_edge).any()
    desk.session.set_inspection(cuts=(ListedCut(edge.cut, enabled=False),))
    np.testing.assert_array_equal(pixels(view), plain)
    before = view._pictures.shown["up1"]
    desk.inspecting.choose_picture(MapPicture.CHANNEL, 1)
    qtbot.waitUntil(lambda: view._pictures.shown["up1"] is not before, timeout=30000)


def test_two_networks_beside_each_other_have_equal_rows(qtbot, view, traced, desk):
    second = DiagramView(desk.session, desk.inspecting, desk.feature_maps, which="second")
    traced.put(second)
    second.resize(view.size())
    second.show()
    assert second.diagram is None
    found = []
    desk.inspecting.trace_model(SHUFFLE, found.append, found.append)
    qtbot.waitUntil(lambda: bool(found), timeout=30000)
    desk.session.set_inspection(second=found[0])
    assert desk.session.inspection.traced.model == UNET
    for stage in ("inc", "down2", "up1"):
        tops = [one.area(one.diagram.node(stage).box).top() for one in (view, second)]
        assert tops[0] == pytest.approx(tops[1])
    # zoom and place are shared where the panel connects them
    view.moved.connect(second.show_view)
    wheel(view, place_in(view, "up1"), 240)
    assert second.view == view.view
    view.fit()
    view.resize(600, 400)
    second.resize(600, 400)
    assert second.view.zoom == view.view.zoom
    with qtbot.waitSignal(second.opened) as told:
        qtbot.mouseClick(second, Qt.MouseButton.LeftButton, pos=place_in(second, "up1"))
    assert told.args == ["up1"]
    assert second.shown.stage == "up1"
    desk.session.set_inspection(second=None)
    assert second.diagram is None


def test_without_a_trace_nothing_is_drawn(view, desk):
    desk.inspecting.close()
    assert view.diagram is None
    inside = pixels(view)[2:-2, 4 * 2 : -4 * 2]  # of the ring of what has the keys
    assert len(np.unique(inside.reshape(-1, 4), axis=0)) == 1


def test_nodes_use_the_room_for_text(qtbot, view):
    """Higher where the room is narrow, wider where it is low; pictures stay what they are."""
    qtbot.waitUntil(lambda: view.diagram is not None)

    def text_px(width, height):
        view.resize(width, height)
        area = view.area(view.diagram.node("down1").text)
        return area.width(), area.height()

    usual = view.diagram.node("down1")
    narrow, low = text_px(300, 420), text_px(1200, 240)
    assert view.diagram.sizes.extra_width > 0
    assert view.diagram.sizes.extra_height == 0
    assert narrow[1] > 1.2 * view.area(usual.text).height() * narrow[0] / low[0]
    text_px(300, 420)
    assert view.diagram.sizes.extra_height > 0
    assert view.diagram.sizes.extra_width == 0
    picture = view.diagram.node("down1").picture
    assert (picture.width, picture.height) == (usual.picture.width, usual.picture.height)
