"""Views side by side: linked zoom and place, a layer each, tools in each."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from views_desk import LEFT, NONE, at, color_at, middles, open_views, predict, square, viewport

from segstudio.canvas.pane_grid import best_columns, cells
from segstudio.session.session import Layer, OverlayStyle, Pane


@pytest.fixture
def views(desk):
    return open_views(desk)


# -- layout --------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", range(1, 7))
@pytest.mark.parametrize("size", [(640, 480), (900, 300), (301, 777)])
def test_views_cover_the_canvas_without_overlap(count, size):
    places = cells(count, *size, best_columns(count, *size, 1.25))
    assert len(places) == count
    covered = np.zeros((size[1], size[0]), int)
    for place in places:
        covered[place.top() : place.bottom() + 1, place.left() : place.right() + 1] += 1
    assert covered.max() == 1
    assert (covered == 0).mean() < 0.02  # the lines between them
    heights = {place.height() for place in places}
    assert max(heights) - min(heights) <= 1


def test_two_views_lie_side_by_side_and_four_two_by_two():
    two, four = (cells(n, 800, 600, best_columns(n, 800, 600, 0.9)) for n in (2, 4))
    assert len({place.top() for place in two}) == 1
    assert len({place.top() for place in four}) == 2
    assert len({place.left() for place in four}) == 2
    assert cells(0, 800, 600, 1) == []


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
    views.take("brush", brush_size=1, active_class=2)
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
def test_the_brush_paints_in_every_view_and_is_seen_in_those_with_the_annotation(
    views, number, qtbot
):
    views.session.set_view(panes=(*views.session.view.panes[:2], Pane(Layer.ANNOTATION)))
    views.take("brush", brush_size=3, active_class=2)
    view = viewport(views, number)
    QTest.mousePress(view, LEFT, NONE, at(views, number, 30, 25))
    QTest.mouseMove(view, at(views, number, 36, 25))
    QTest.mouseRelease(view, LEFT, NONE, at(views, number, 36, 25))
    views.settle()
    assert (views.labels[25, 30:37] == 2).all()
    QTest.mouseMove(view, QPoint(1, 30))  # below the header
    for annotated in (0, 3):  # once the pointer's mark is gone
        qtbot.waitUntil(lambda n=annotated: color_at(views, n, 33, 25) == views.GREEN)
    assert color_at(views, 1, 33, 25) == (100, 100, 100)


def test_a_polygon_goes_on_in_another_view(views):
    views.take("polygon", active_class=2)
    corners = ((20, 20), (30, 20), (30, 30))
    for number, corner in zip((0, 2, 3), corners, strict=True):
        QTest.mouseClick(viewport(views, number), LEFT, NONE, at(views, number, *corner))
    QTest.keyClick(viewport(views, 1), Qt.Key.Key_Return)
    views.settle()
    assert views.labels[22, 28] == 2
    assert views.labels[28, 22] == 0


def test_space_pans_from_any_view_and_keys_are_held_across_them(views):
    views.take("brush")
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


def test_a_prediction_that_comes_renews_only_the_views_that_show_it(views):
    views.session.set_pane(3, layer=Layer.DISAGREEMENT)
    views.settle()
    renewed = []
    for number, pane in enumerate(views.canvas.shown_panes):
        pane.viewport._frame.set_planes = lambda *_, number=number, **__: renewed.append(number)
    predict(views, "b", square(2, 5, 10))
    assert renewed == [2, 3]  # the view of b, and the one in which it votes
    renewed.clear()
    predict(views, "c", square(2, 5, 10))
    assert renewed == [3]
