"""What views compare, wipe and blink, and going to a part of the image."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from views_desk import LEFT, NONE, at, color_at, middles, open_views, predict, square, viewport

from segstudio.canvas.view import framed
from segstudio.core.difference import DIFFERENCE_COLORS
from segstudio.core.geometry import Rect
from segstudio.core.prediction import BINARY_ENTROPY, Prediction
from segstudio.core.render import entropy_table
from segstudio.session.session import Layer, OverlayStyle, Pane, What


@pytest.fixture
def views(desk):
    return open_views(desk)


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
    views.session.set_view(active_pane=1)
    assert views.explained() == ["Model", "agree", "only a", "only b", "other class"]
    assert views.said(1) == "a against b"
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
    wiped.take("brush")
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
    wiped.take("brush", brush_size=3, active_class=2)
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
    assert viewport(views, 0).zoom == 12
    # below the header of 24 pixels, whose half is one image pixel
    np.testing.assert_allclose(middles(views), [(34, 12)] * 4, atol=0.5)
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
    assert (x, y) == pytest.approx((13, 31), abs=0.5)  # below the header


def test_what_is_framed_has_room_around_it_and_is_not_enlarged_without_end():
    view = framed((100, 100, 100, 50), (1000, 800), (400, 300))
    assert view.zoom == 2.0
    assert view.to_image((200, 150)) == (150, 125)
    assert framed((7, 7, 1, 1), (1000, 800), (400, 300)).zoom == 12.0
    whole = framed((0, 0, 1000, 800), (1000, 800), (400, 300))
    assert whole.zoom < 0.4
