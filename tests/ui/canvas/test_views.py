"""Views side by side: linked zoom and place, a layer each, tools in each, wipe and blink."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.core.difference import DIFFERENCE_COLORS
from segstudio.core.geometry import Rect
from segstudio.core.prediction import BINARY_ENTROPY, Prediction
from segstudio.core.render import entropy_table
from segstudio.session.session import Layer, OverlayStyle, Pane, ToolName, What
from segstudio.ui.canvas.pane_grid import cells
from segstudio.ui.canvas.view import framed

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


def square(class_id: int, top: int, left: int) -> np.ndarray:
    labels = np.zeros((40, 50), np.uint8)
    labels[top : top + 10, left : left + 10] = class_id
    return labels


def predict(desk, run: str, labels, **values) -> None:
    """Add a prediction to the open image."""
    certain = np.full(labels.shape, 255, np.uint8)
    found = Prediction(run, f"Model {run}", desk.SCHEMA, labels, certain, **values)
    desk.session.document.predictions[run] = found
    desk.session.notify(What.PREDICTIONS)


@pytest.fixture
def views(desk):
    """Four views of a grey photo of 40 x 50 with two predictions; at 3 x."""
    desk.canvas.resize(600, 480)
    desk.open(desk.flat(40, 50), square(1, 5, 5))
    predict(desk, "a", square(1, 5, 5))
    predict(desk, "b", square(3, 5, 10))
    panes = (Pane(Layer.PREDICTION, "a"), Pane(Layer.PREDICTION, "b"), Pane(Layer.NONE, "a"))
    desk.session.set_view(
        layer=Layer.ANNOTATION, run="a", panes=panes, style=OverlayStyle.FILL, opacity=1.0
    )
    desk.settle()
    desk.viewport.zoom_to(3.0, (0, 0))
    desk.settle()
    return desk


def viewport(desk, number: int):
    return desk.canvas.panes[number].viewport


def color_at(desk, number: int, x: float, y: float) -> tuple[int, int, int]:
    """What a view shows at the middle of an image pixel, without its legend."""
    view = viewport(desk, number)
    desk.canvas.panes[number].chip.hide()
    found = view.grab().toImage().pixelColor(*(int(v) for v in view.to_screen((x + 0.5, y + 0.5))))
    return (found.red(), found.green(), found.blue())


def at(desk, number: int, x: float, y: float) -> QPoint:
    sx, sy = viewport(desk, number).to_screen((x + 0.5, y + 0.5))
    return QPoint(int(sx), int(sy))


def middles(desk) -> list[tuple[float, float]]:
    """The image point in the middle of each view."""
    shown = [pane.viewport for pane in desk.canvas.shown_panes]
    return [v.to_image((v.width() / 2, v.height() / 2)) for v in shown]


# -- layout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(1, 7))
@pytest.mark.parametrize("size", [(640, 480), (900, 300), (301, 777)])
def test_views_cover_the_canvas_without_overlap(count, size):
    places = cells(count, *size)
    assert len(places) == count
    covered = np.zeros((size[1], size[0]), int)
    for place in places:
        covered[place.top() : place.bottom() + 1, place.left() : place.right() + 1] += 1
    assert covered.max() == 1
    assert (covered == 0).mean() < 0.02  # the lines between them
    heights = {place.height() for place in places}
    assert max(heights) - min(heights) <= 1


def test_two_views_lie_side_by_side_and_four_two_by_two():
    assert len({place.top() for place in cells(2, 800, 600)}) == 1
    assert len({place.top() for place in cells(4, 800, 600)}) == 2
    assert len({place.left() for place in cells(4, 800, 600)}) == 2
    assert cells(0, 800, 600) == []


def test_each_view_shows_its_own_layer(views):
    assert color_at(views, 0, 8, 8) == views.RED
    assert color_at(views, 1, 8, 8) == views.RED
    assert color_at(views, 2, 8, 8) == (100, 100, 100)
    assert color_at(views, 2, 17, 8) == views.BLUE
    assert color_at(views, 3, 8, 8) == (100, 100, 100)


def test_class_visibility_and_the_overlay_switch_count_in_all_views(views):
    views.session.set_view(hidden_classes=frozenset({3}))
    assert color_at(views, 2, 17, 8) == (100, 100, 100)
    assert color_at(views, 1, 8, 8) == views.RED
    views.session.set_view(overlay_visible=False)
    assert color_at(views, 1, 8, 8) == (100, 100, 100)


def test_views_that_go_and_come_back_are_up_to_date(views):
    four = views.session.view.panes
    views.session.set_view(panes=())
    assert len(views.canvas.shown_panes) == 1
    assert not views.canvas.panes[2].isVisible()
    views.open(views.flat(40, 50), square(2, 20, 20))
    predict(views, "b", square(2, 20, 20))
    views.session.set_view(panes=four, style=OverlayStyle.FILL, opacity=1.0)
    views.settle()
    assert viewport(views, 2).document is views.session.document
    assert color_at(views, 2, 25, 25) == views.GREEN


def test_a_stroke_in_a_view_that_goes_is_kept_and_its_image_is_not_held(views):
    views.take(ToolName.BRUSH, brush_size=1, active_class=2)
    view = viewport(views, 3)
    QTest.mousePress(view, LEFT, NONE, at(views, 3, 30, 25))
    views.session.set_view(panes=())
    assert not views.editing.stroking
    assert views.labels[25, 30] == 2
    assert view.document is None
    views.stroke((20.5, 30.5), (22.5, 30.5))
    assert (views.labels[30, 20:23] == 2).all()


# -- linked --------------------------------------------------------------------------------------


def test_zoom_and_place_are_those_of_every_view(views):
    for number in (0, 3):
        view = viewport(views, number)
        wheel = QWheelEvent(
            QPointF(40, 30), view.mapToGlobal(QPointF(40, 30)), QPoint(), QPoint(0, 360),
            Qt.MouseButton.NoButton, NONE, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        under = view.to_image((40, 30))
        before = view.zoom
        QApplication.sendEvent(view, wheel)
        assert view.zoom == pytest.approx(2 * before)
        assert view.to_image((40, 30)) == pytest.approx(under, abs=0.01)
        assert {pane.viewport.zoom for pane in views.canvas.shown_panes} == {view.zoom}
        np.testing.assert_allclose(middles(views), [middles(views)[0]] * 4, atol=0.2)
    viewport(views, 1).pan_by(-25, 14)
    np.testing.assert_allclose(middles(views), [middles(views)[1]] * 4, atol=0.2)


def test_views_of_different_size_show_the_same_middle(views):
    views.session.set_view(panes=views.session.view.panes[:2])
    views.settle()
    sizes = {(pane.viewport.width(), pane.viewport.height()) for pane in views.canvas.shown_panes}
    assert len(sizes) > 1
    viewport(views, 2).zoom_to(7.0, (30, 30))
    np.testing.assert_allclose(middles(views), [middles(views)[0]] * 3, atol=0.2)
    views.canvas.resize(733, 611)
    views.settle()
    np.testing.assert_allclose(middles(views), [middles(views)[0]] * 3, atol=0.2)
    assert {pane.viewport.zoom for pane in views.canvas.shown_panes} == {7.0}


def test_fitted_views_are_fitted_in_all_sizes_and_layouts(views):
    views.canvas.fit()
    for panes in (views.session.view.panes[:2], (), views.session.view.panes):
        views.session.set_view(panes=panes)
        views.canvas.resize(views.canvas.width() + 30, views.canvas.height() + 11)
        views.settle()
        assert len({pane.viewport.zoom for pane in views.canvas.shown_panes}) == 1
        for pane in views.canvas.shown_panes:
            view = pane.viewport
            left, top = view.to_screen((0, 0))
            right, bottom = view.to_screen((50, 40))
            assert 0 <= left <= right <= view.width()
            assert 0 <= top <= bottom <= view.height()


def test_zoom_and_place_stay_when_the_layout_changes(views):
    viewport(views, 0).zoom_to(9.0, (60, 70))
    place = middles(views)[0]
    four = views.session.view.panes
    for panes in ((), four[:1], four):
        views.session.set_view(panes=panes)
        views.settle()
        assert {pane.viewport.zoom for pane in views.canvas.shown_panes} == {9.0}
        np.testing.assert_allclose(middles(views), [place] * (len(panes) + 1), atol=0.25)


def test_the_pointer_is_marked_in_the_other_views(views):
    grey = [color_at(views, n, 30, 25) for n in range(4)]
    QTest.mouseMove(viewport(views, 3), at(views, 3, 20, 20))
    QTest.mouseMove(viewport(views, 3), at(views, 3, 26, 25))
    views.settle()
    marked = [color_at(views, n, 28, 25) for n in range(4)]
    assert all(m != (100, 100, 100) for m in marked[:3])
    assert marked[3] == (100, 100, 100)
    assert [color_at(views, n, 26, 25) for n in range(3)] == [(100, 100, 100)] * 3  # free inside
    QTest.mouseMove(viewport(views, 3), QPoint(1, 1))  # beside the image
    views.settle()
    assert [color_at(views, n, 28, 25) for n in range(4)] == grey


# -- tools ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 2, 3])
def test_the_brush_paints_in_every_view_and_is_seen_in_those_with_the_annotation(views, number):
    views.session.set_view(panes=(*views.session.view.panes[:2], Pane(Layer.ANNOTATION)))
    views.take(ToolName.BRUSH, brush_size=3, active_class=2)
    view = viewport(views, number)
    QTest.mousePress(view, LEFT, NONE, at(views, number, 30, 25))
    QTest.mouseMove(view, at(views, number, 36, 25))
    QTest.mouseRelease(view, LEFT, NONE, at(views, number, 36, 25))
    views.settle()
    assert (views.labels[25, 30:37] == 2).all()
    QTest.mouseMove(view, QPoint(1, 1))
    views.settle()
    assert color_at(views, 0, 33, 25) == views.GREEN
    assert color_at(views, 3, 33, 25) == views.GREEN
    assert color_at(views, 1, 33, 25) == (100, 100, 100)


def test_a_polygon_goes_on_in_another_view(views):
    views.take(ToolName.POLYGON, active_class=2)
    corners = ((20, 20), (30, 20), (30, 30))
    for number, corner in zip((0, 2, 3), corners, strict=True):
        QTest.mouseClick(viewport(views, number), LEFT, NONE, at(views, number, *corner))
    QTest.keyClick(viewport(views, 1), Qt.Key.Key_Return)
    views.settle()
    assert views.labels[22, 28] == 2
    assert views.labels[28, 22] == 0


def test_space_pans_from_any_view_and_keys_are_held_across_them(views):
    views.take(ToolName.BRUSH)
    first, last = viewport(views, 0), viewport(views, 3)
    QTest.keyPress(first, Qt.Key.Key_Space)
    before = middles(views)[3]
    QTest.mousePress(last, LEFT, NONE, QPoint(60, 60))
    QTest.mouseMove(last, QPoint(90, 60))
    QTest.mouseRelease(last, LEFT, NONE, QPoint(90, 60))
    QTest.keyRelease(last, Qt.Key.Key_Space)
    assert middles(views)[0][0] == pytest.approx(before[0] - 30 / 3, abs=0.3)
    assert not views.session.document.history.can_undo


def test_the_view_that_is_clicked_on_is_the_one_commands_are_about(views):
    QTest.mouseClick(viewport(views, 2), LEFT, NONE, QPoint(5, 5))
    assert views.session.view.active_pane == 2


# -- what is compared ----------------------------------------------------------------------------


def test_the_difference_of_two_models(views):
    panes = (Pane(Layer.MODELS, "a", "b"), *views.session.view.panes[1:])
    views.session.set_view(panes=panes)
    agree, only_first, only_second, other = (DIFFERENCE_COLORS[code] for code in (1, 2, 3, 4))
    assert color_at(views, 1, 7, 8) == only_first
    assert color_at(views, 1, 17, 8) == only_second
    assert color_at(views, 1, 12, 8) == other
    assert color_at(views, 1, 30, 30) == (100, 100, 100)
    assert agree not in (only_first, only_second, other)
    meanings = [meaning for _, meaning in views.canvas.panes[1].chip.legend.entries]
    assert meanings == ["agree", "only Model a", "only Model b", "other class"]
    views.session.document.predictions["b"] = views.session.document.predictions["a"]
    views.session.notify(What.PREDICTIONS)
    assert color_at(views, 1, 7, 8) == agree


def test_disagreement_is_the_entropy_of_the_votes(views):
    predict(views, "c", square(1, 5, 5))
    views.session.set_view(panes=(Pane(Layer.DISAGREEMENT),))
    views.settle()
    # two of three say red at x = 7 and 12; at 17 one says blue: -(2/3 log 2/3 + 1/3 log 1/3)/log 3
    entropy = -(2 / 3 * np.log(2 / 3) + 1 / 3 * np.log(1 / 3)) / np.log(3)
    expected = entropy_table(1.0)[round(255 * entropy)][:3].astype(int)
    for x in (7, 12, 17):
        np.testing.assert_allclose(color_at(views, 1, x, 8), expected, atol=2)
    assert color_at(views, 1, 30, 30) == (100, 100, 100)


def test_entropy_of_two_classes_follows_from_the_confidence(views):
    confidence = np.full((40, 50), 255, np.uint8)
    confidence[:20] = 128
    document = views.session.document
    document.predictions["a"] = Prediction(
        "a", "Model a", views.SCHEMA, square(1, 5, 5), confidence
    )
    views.session.set_view(panes=(Pane(Layer.ENTROPY, "a"),))
    views.settle()
    assert BINARY_ENTROPY[128] == 255
    assert color_at(views, 1, 8, 8) == tuple(int(v) for v in entropy_table(1.0)[255][:3])
    assert color_at(views, 1, 8, 30) == (100, 100, 100)
    kept = np.zeros((40, 50), np.uint8)
    kept[:, 25:] = 255
    predict(views, "a", square(1, 5, 5), entropy=kept)
    assert color_at(views, 1, 8, 8) == (100, 100, 100)
    assert color_at(views, 1, 40, 30) == tuple(int(v) for v in entropy_table(1.0)[255][:3])


# -- wipe and blink ------------------------------------------------------------------------------


@pytest.fixture
def wiped(views):
    """The first view alone, at 4 x: prediction a left of the line, b right of it."""
    views.session.set_view(
        panes=(), layer=Layer.PREDICTION, against=Pane(Layer.PREDICTION, "b"), wiped=0, wipe_at=0.5
    )
    views.settle()
    views.viewport.zoom_to(20.0, (0, 0))
    x, y = views.viewport.to_screen((14, 10))
    views.viewport.pan_by(views.viewport.width() / 2 - x, views.viewport.height() / 2 - y)
    views.settle()
    return views


def test_the_wipe_shows_one_layer_left_and_the_other_right_of_its_line(wiped):
    assert color_at(wiped, 0, 8, 8) == wiped.RED
    assert color_at(wiped, 0, 17, 8) == wiped.BLUE
    assert color_at(wiped, 0, 12, 8) == wiped.RED  # b is blue here, but right of the line only


def test_the_line_is_dragged_with_any_tool_and_parts_equal_the_whole(wiped):
    wiped.take(ToolName.BRUSH)
    view = wiped.viewport
    middle = view.width() // 2
    for target in (middle + 130, middle - 100, middle - 30):
        at_line = round(wiped.session.view.wipe_at * view.width())
        QTest.mousePress(view, LEFT, NONE, QPoint(at_line + 2, 50))
        QTest.mouseMove(view, QPoint(target, 60))
        QTest.mouseRelease(view, LEFT, NONE, QPoint(target, 60))
        wiped.settle()
        assert wiped.session.view.wipe_at == pytest.approx(target / view.width(), abs=0.01)
        parts = wiped.picture()
        view._frame.resize(view.device_wh)
        assert np.array_equal(parts, wiped.picture())
    assert not wiped.session.document.history.can_undo
    QTest.mousePress(view, LEFT, NONE, QPoint(round(wiped.session.view.wipe_at * view.width()), 9))
    QTest.mouseMove(view, QPoint(5000, 60))
    QTest.mouseRelease(view, LEFT, NONE, QPoint(5000, 60))
    assert 0.9 < wiped.session.view.wipe_at < 1  # it can be taken hold of again


def test_painting_beside_the_line_equals_the_whole_drawn_again(wiped):
    wiped.session.set_view(
        layer=Layer.ANNOTATION, against=Pane(Layer.BOTH, "b"), style=OverlayStyle.BOTH
    )
    wiped.take(ToolName.BRUSH, brush_size=3, active_class=2)
    for y in (6.5, 12.5):
        wiped.stroke((9.5, y), (14.5, y), (18.5, y + 2))
        wiped.settle()
    parts = wiped.picture()
    wiped.viewport._frame.resize(wiped.viewport.device_wh)
    assert np.array_equal(parts, wiped.picture())


def test_a_held_key_blinks_in_the_view_under_the_pointer(views):
    target = viewport(views, 1)
    target.setFocus()
    QTest.mouseMove(target, at(views, 1, 2, 2))
    QTest.mouseMove(target, at(views, 1, 3, 3))
    views.settle()
    views.session.set_view(against=Pane(Layer.PREDICTION, "b"))
    assert color_at(views, 1, 17, 8) == (100, 100, 100)
    QTest.keyPress(target, Qt.Key.Key_Y)
    assert color_at(views, 1, 17, 8) == views.BLUE
    assert color_at(views, 0, 8, 8) == views.RED  # the others stay
    QTest.keyRelease(target, Qt.Key.Key_Y)
    assert color_at(views, 1, 17, 8) == (100, 100, 100)
    assert views.session.view.blinking == -1


# -- going to a part of the image ----------------------------------------------------------------


def test_a_part_of_the_image_is_brought_to_the_middle_of_all_views(views):
    views.canvas.show_rect(Rect(10, 30, 16, 38))
    views.settle()
    np.testing.assert_allclose(middles(views), [(34, 13)] * 4, atol=0.5)
    assert viewport(views, 0).zoom == 12
    framed_at = viewport(views, 2).to_screen((34, 10))
    found = viewport(views, 2).grab().toImage().copy(int(framed_at[0]) - 8, 0, 16, 400)
    colors = {found.pixelColor(x, int(framed_at[1]) - 3).name() for x in range(16)}
    assert len(colors) > 1  # a dashed line
    QTest.mouseClick(viewport(views, 2), LEFT, NONE, QPoint(3, 3))
    assert viewport(views, 2)._framed is None


def test_a_part_asked_for_while_its_image_is_read_is_shown_when_it_is_there(desk):
    desk.open(desk.flat(40, 50))
    document = desk.session.document
    desk.session.document, desk.session.loading = None, "next.png"
    desk.session.notify(What.DOCUMENT)
    desk.canvas.show_rect(Rect(30, 10, 34, 16))
    desk.session.document, desk.session.loading = document, ""
    desk.session.notify(What.DOCUMENT)
    x, y = desk.viewport.to_image((desk.viewport.width() / 2, desk.viewport.height() / 2))
    assert (x, y) == pytest.approx((13, 32), abs=0.5)


def test_what_is_framed_has_room_around_it_and_is_not_enlarged_without_end():
    view = framed((100, 100, 100, 50), (1000, 800), (400, 300))
    assert view.zoom == 2.0
    assert view.to_image((200, 150)) == (150, 125)
    assert framed((7, 7, 1, 1), (1000, 800), (400, 300)).zoom == 12.0
    whole = framed((0, 0, 1000, 800), (1000, 800), (400, 300))
    assert whole.zoom < 0.4
