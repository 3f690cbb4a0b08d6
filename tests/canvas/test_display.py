"""Layers on the screen, pixel colours worked out by hand; parts drawn anew equal the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slow_cases import few

from segstudio.annotation.patching import keep_instances
from segstudio.core.difference import DIFFERENCE_COLORS
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch
from segstudio.jobs import JobRunner
from segstudio.session.session import Flavour, Layer, OverlayStyle, What

GROUND = (0x3B, 0x3E, 0x43)
"""Around the photo in the light theme."""


def mixed(color, photo: int, opacity: float) -> tuple[float, float, float]:
    """`color` at an opacity over a grey photo."""
    alpha = round(opacity * 255) / 255
    r, g, b = (alpha * c + (1 - alpha) * photo for c in color)
    return (r, g, b)


def assert_color(found, wanted) -> None:
    """Equal but for the rounding of 8-bit blending."""
    assert np.abs(np.asarray(found, float) - np.asarray(wanted)).max() <= 1.01, (found, wanted)


def squares(*spots) -> np.ndarray:
    """Labels of 40 x 50 with 10 x 10 squares: (class, top, left)."""
    labels = np.zeros((40, 50), np.uint8)
    for class_id, top, left in spots:
        labels[top : top + 10, left : left + 10] = class_id
    return labels


def look(desk, **view) -> np.ndarray:
    desk.session.set_view(**view)
    desk.settle()
    return desk.picture()


def test_the_photo_lies_on_neutral_grey(desk):
    photo = desk.noise(40, 50)
    desk.open(photo)
    desk.place(3.0, (20.0, 30.0))
    found = look(desk, layer=Layer.NONE)
    assert found.shape == (300, 400, 3)
    assert np.array_equal(found[30:150, 20:170], photo.repeat(3, axis=0).repeat(3, axis=1))
    assert (found[:30] == GROUND).all()
    assert (found[:, :20] == GROUND).all()
    assert (found[150:] == GROUND).all()
    assert (found[:, 170:] == GROUND).all()


def test_filled_annotation(desk):
    desk.open(desk.flat(40, 50), squares((1, 5, 5), (3, 20, 30)))
    desk.place(4.0)
    found = look(desk, layer=Layer.ANNOTATION, style=OverlayStyle.FILL, opacity=0.4)
    assert_color(found[5 * 4, 5 * 4], mixed(desk.RED, 100, 0.4))
    assert_color(found[15 * 4 - 1, 15 * 4 - 1], mixed(desk.RED, 100, 0.4))
    assert_color(found[25 * 4, 35 * 4], mixed(desk.BLUE, 100, 0.4))
    for y, x in ((5 * 4 - 1, 20), (20, 5 * 4 - 1), (15 * 4, 40), (0, 0)):
        assert_color(found[y, x], (100, 100, 100))


def test_outlined_annotation_is_crisp_and_inside(desk):
    desk.open(desk.flat(40, 50), squares((2, 5, 5)))
    desk.place(6.0)
    found = look(desk, layer=Layer.ANNOTATION, style=OverlayStyle.OUTLINE, opacity=0.4)
    expected = np.full((300, 400, 3), 100, float)
    expected[:, 300:], expected[240:] = GROUND, GROUND
    expected[30:90, 30:90] = desk.GREEN
    expected[32:88, 32:88] = 100
    assert np.array_equal(found, expected)


def test_fill_and_outline_together(desk):
    desk.open(desk.flat(40, 50), squares((2, 5, 5)))
    desk.place(6.0)
    found = look(desk, layer=Layer.ANNOTATION, style=OverlayStyle.BOTH, opacity=0.6)
    assert_color(found[31, 60], desk.GREEN)
    assert_color(found[60, 60], mixed(desk.GREEN, 100, 0.6))


def test_both_shows_the_annotation_in_colour_and_the_prediction_dashed(desk):
    """Of the same class: which is which is seen all the same."""
    desk.open(desk.flat(40, 50), squares((1, 5, 5)), prediction=squares((1, 5, 10)))
    desk.place(6.0)
    found = look(desk, layer=Layer.BOTH, style=OverlayStyle.BOTH, opacity=0.5)
    assert_color(found[60, 75], mixed(desk.RED, 100, 0.5))  # both: no other fill over it
    assert_color(found[31, 45], desk.RED)  # its edge, where nothing is predicted
    right = int(desk.viewport.to_screen((20, 8))[0])  # the prediction's right edge
    line, beside = found[31:88, right - 1], found[31:88, right]
    white = (line == 255).all(axis=1)
    gap = ~white[1:] & ~white[:-1]  # the first pixel after a dash is dark, too
    assert (line[1:][gap] == 100).all()  # what is beneath is seen in the gaps
    assert 0.3 < white.mean() < 0.7
    runs = np.diff(np.flatnonzero(np.diff(white.astype(int))))
    assert set(runs) <= {3, 4}  # 10 / 3 along a column
    dark = (beside == round(100 * 85 / 255)).all(axis=1)
    assert np.array_equal(dark, white)  # beside each dash, so that it is seen on white
    inside = (slice(40, 80), slice(right - 12, right - 3))
    assert_color(found[inside].reshape(-1, 3).mean(axis=0), (100, 100, 100))  # not filled


def test_while_one_looks_into_the_network_the_model_is_filled_unless_one_edits(desk):
    desk.open(desk.flat(40, 50), squares((1, 5, 5)), prediction=squares((1, 5, 10)))
    desk.place(6.0)
    desk.take("pan")
    look(desk, layer=Layer.BOTH, style=OverlayStyle.FILL, opacity=0.5)
    of_truth, of_model = (60, 45), (60, 105)  # in the one alone, in the other alone
    fill, photo = mixed(desk.RED, 100, 0.5), (100, 100, 100)
    for inspected, tool, filled in (
        (False, "pan", "truth"), (True, "pan", "model"), (True, "brush", "truth"),
        (True, "pan", "model"), (False, "pan", "truth"),
    ):  # fmt: skip
        desk.session.set_inspection(active=inspected)
        desk.take(tool)
        desk.settle()
        found = desk.picture()
        assert_color(found[of_truth], fill if filled == "truth" else photo)
        assert_color(found[of_model], fill if filled == "model" else photo)


def test_dashes_keep_their_place_on_the_image(desk):
    desk.open(desk.flat(40, 50), squares((1, 5, 5)), prediction=squares((1, 5, 10)))
    desk.place(6.0)
    before = look(desk, layer=Layer.BOTH, style=OverlayStyle.FILL)
    desk.viewport.pan_by(7, -5)
    moved = desk.picture()
    assert np.array_equal(moved[10:150, 40:250], before[15:155, 33:243])
    desk.place(6.0, (7.0, -5.0))
    assert np.array_equal(desk.picture(), moved)


def test_hidden_classes_have_no_dashes(desk):
    desk.open(desk.flat(40, 50), squares((1, 5, 5)), prediction=squares((1, 5, 10)))
    desk.place(6.0)
    found = look(desk, layer=Layer.BOTH, hidden_classes=frozenset({1}))
    assert set(np.unique(found[:240, :300])) == {100}


def test_difference_has_four_colours(desk):
    truth = squares((1, 5, 5), (2, 5, 30), (1, 25, 5))
    predicted = squares((1, 5, 5), (3, 5, 30), (2, 25, 30))
    truth[39, :] = 255
    desk.open(desk.flat(40, 50), truth, prediction=predicted)
    desk.place(6.0)
    found = look(desk, layer=Layer.DIFFERENCE, opacity=0.5)
    agree, only_predicted, only_truth, wrong = (DIFFERENCE_COLORS[code] for code in (1, 2, 3, 4))
    assert agree == (0x00, 0x9E, 0x73)
    assert_color(found[60, 60], mixed(agree, 100, 0.5))
    assert_color(found[60, 210], mixed(wrong, 100, 0.5))
    assert_color(found[180, 60], mixed(only_truth, 100, 0.5))
    assert_color(found[180, 210], mixed(only_predicted, 100, 0.5))
    assert_color(found[120, 120], (100, 100, 100))
    assert_color(found[237, 210], (100, 100, 100))  # ignored


def test_confidence_is_clear_where_the_model_is_certain(desk):
    document = desk.open(desk.flat(40, 50), prediction=squares((1, 5, 5)))
    document.predictions["m"].confidence[:20] = 128
    desk.session.notify(What.PREDICTIONS)
    desk.place(6.0)
    found = look(desk, layer=Layer.CONFIDENCE, opacity=0.5)
    assert_color(found[200, 100], (100, 100, 100))
    assert found[50, 100].astype(int).sum() != 300


def test_hidden_classes_and_the_hidden_overlay(desk):
    desk.open(desk.flat(40, 50), squares((1, 5, 5), (2, 20, 20)))
    desk.place(6.0)
    found = look(desk, layer=Layer.ANNOTATION, hidden_classes=frozenset({1}), opacity=0.5)
    assert_color(found[60, 60], (100, 100, 100))
    assert_color(found[150, 150], mixed(desk.GREEN, 100, 0.5))
    found = look(desk, overlay_visible=False)
    assert (found[:240, :300] == 100).all()


def test_a_changed_colour_is_shown(desk):
    desk.open(desk.flat(40, 50), squares((1, 5, 5)))
    desk.place(6.0)
    look(desk, layer=Layer.ANNOTATION, opacity=1.0)
    spec = desk.session.schema.get(1)
    desk.session.schema = desk.session.schema.with_class(
        type(spec)(1, spec.name, (1, 2, 3), spec.thing)
    )
    desk.session.notify(What.SCHEMA)
    desk.settle()
    assert_color(desk.picture()[60, 60], (1, 2, 3))


def test_the_grid_appears_past_eight_times(desk):
    desk.open(desk.flat(40, 50, 200))
    desk.place(8.0)
    found = look(desk, layer=Layer.NONE, pixel_grid=True)
    assert_color(found[4, 8], (164, 164, 164))  # halfway to grey: 200 / 2 + 64
    assert_color(found[8, 4], (164, 164, 164))
    assert_color(found[16, 16], (164, 164, 164))  # a crossing is drawn once
    assert_color(found[4, 4], (200, 200, 200))
    desk.place(7.0)
    desk.settle()
    assert (desk.picture()[:280, :350] == 200).all()


_ZOOMS = (0.4, 1.0, 1.7, 3.3, 9.0)
_IN_TURN = {(zoom, layer) for zoom, layer in zip(_ZOOMS * 2, Layer, strict=False)}
"""Each layer with one of the zooms."""


@pytest.mark.parametrize(
    ("zoom", "layer"), few([(zoom, layer) for zoom in _ZOOMS for layer in Layer], _IN_TURN)
)
def test_painted_parts_equal_the_whole_drawn_again(desk, layer, zoom):
    rng = np.random.default_rng(7)
    blocks = rng.integers(0, 4, (8, 10), np.uint8).repeat(5, axis=0).repeat(5, axis=1)
    desk.open(desk.noise(40, 50), blocks, prediction=np.roll(blocks, 3, axis=1))
    desk.place(zoom, (-7.25, 3.5))
    look(desk, layer=layer, pixel_grid=True, opacity=0.5)
    desk.take("brush", brush_size=4, active_class=2)
    for _ in range(6):
        desk.stroke(*((float(x), float(y)) for x, y in rng.uniform(0, 40, (3, 2))))
        desk.settle()
    desk.editing.undo()
    desk.settle()
    parts = desk.picture()
    desk.viewport._frame.resize(desk.viewport._device_wh)
    assert np.array_equal(parts, desk.picture())


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.lists(
        st.tuples(st.integers(0, 39), st.integers(0, 49), st.integers(1, 9), st.integers(0, 3)),
        min_size=1,
        max_size=20,
    ),
    st.floats(0.3, 12),
    st.tuples(st.integers(-60, 60).map(float), st.integers(-60, 60).map(float)),
    st.tuples(st.integers(-70, 70), st.integers(-70, 70)),
)
def test_any_patches_and_moves_equal_the_whole_drawn_again(desk, spots, zoom, origin, move):
    """The frame alone, without widgets in between."""
    desk.open(desk.noise(40, 50), squares((1, 5, 5)), prediction=squares((3, 5, 10)))
    desk.place(zoom, origin)
    desk.settle()
    document = desk.session.document
    for number, (top, left, size, class_id) in enumerate(spots):
        rect = Rect(top, left, top + size, left + size).clip((40, 50))
        before = document.annotation.labels[rect.slices].copy()
        patch = Patch(rect, before, np.full(rect.shape_hw, class_id, np.uint8))
        document.annotation.apply(patch)
        desk.session.notify(What.LABELS, patches=(patch,))
        if number == len(spots) // 2:
            desk.viewport.pan_by(*move)
    frame = desk.viewport._frame
    frame.render()
    parts = frame._pixels.copy()
    frame.resize(desk.viewport._device_wh)
    frame.render()
    assert np.array_equal(parts, frame._pixels)


def test_the_work_of_a_brush_event_is_that_of_its_rectangle(desk):
    desk.open(desk.flat(2000, 3000))
    desk.place(1.0, (-500.0, -500.0))
    desk.take("brush", brush_size=11, layer=Layer.ANNOTATION)
    desk.settle()
    frame = desk.viewport._frame
    drawn = []
    compose = frame._compose
    frame._compose = lambda rect: (drawn.append(rect), compose(rect))
    desk.press(700, 700)
    desk.settle()
    desk.move(704, 700)
    desk.settle()
    desk.release(704, 700)
    desk.settle()
    pixels = sum(rect.height * rect.width for rect in drawn)
    # A stamp of 11 pixels, with 2 pixels for outlines around; what the second, 4 further, adds lies
    # in the 7 columns from 703 to 709: at the disc's top the first ended at 702.
    assert pixels == 15 * 15 + 15 * 11
    drawn.clear()
    for x in range(600, 640, 4):
        desk.move(x, 600)
        desk.settle()
    assert drawn == []  # a moving pointer needs none of it


def test_tool_and_brush_changes_do_not_draw_the_picture_again(desk):
    desk.open(desk.flat(200, 300))
    desk.settle()
    desk.picture()
    frame = desk.viewport._frame
    drawn = []
    frame._compose = drawn.append
    desk.take("brush", brush_size=50, active_class=3, only_unlabelled=True)
    desk.settle()
    assert drawn == []


def test_moving_by_whole_pixels_draws_only_the_strips_of_the_photo(desk):
    desk.open(desk.noise(600, 800))
    desk.place(1.0, (-100.0, -100.0))
    desk.settle()
    frame = desk.viewport._frame
    drawn = []
    draw = frame._draw_photo
    frame._draw_photo = lambda rect: (drawn.append(rect), draw(rect))
    desk.viewport.pan_by(-30, 10)
    desk.settle()
    assert sum(rect.height * rect.width for rect in drawn) == 300 * 30 + 400 * 10


def test_a_replaced_annotation_is_followed(desk):
    """Accepting a model's instances makes a new label map that keeps ids."""
    document = desk.open(desk.flat(40, 50), squares((1, 5, 5)))
    desk.place(6.0)
    keep_instances(document)
    desk.take("brush", brush_size=1, active_class=3, layer=Layer.ANNOTATION, opacity=1.0)
    desk.viewport.session.set_view(flavour=Flavour.SEMANTIC)
    desk.click(40.5, 30.5)
    desk.settle()
    assert_color(desk.picture()[183, 243], desk.BLUE)


def test_a_large_photo_is_smooth_once_its_copies_are_made(desk, monkeypatch):
    monkeypatch.setattr("segstudio.canvas.photo._AT_ONCE_PIXELS", 100)
    image = np.zeros((800, 800, 3), np.uint8)
    image[:, ::2] = 240
    posted = []
    jobs = JobRunner(posted.append, lambda *_: None)
    desk.viewport.jobs = jobs
    desk.open(image)
    desk.place(0.25)
    assert set(np.unique(desk.picture()[:50, :50])) <= {0, 240}
    assert jobs.wait_idle()
    for call in posted:
        call()
    assert set(np.unique(desk.picture()[:50, :50])) <= {119, 120, 121}
    jobs.shutdown()


def test_the_first_stroke_over_a_prediction_is_seen(desk):
    """Nothing to compare with before it: the annotation's layer appears with the stroke."""
    desk.open(desk.flat(40, 50), prediction=squares((1, 25, 35)))
    desk.place(4.0)
    before = look(desk, layer=Layer.BOTH, style=OverlayStyle.BOTH)
    desk.take("brush", brush_size=9, active_class=1)
    desk.stroke((10.5, 10.5), (20.5, 10.5))
    desk.settle()
    changed = (desk.picture() != before).any(axis=2)
    stroke = (slice(5 * 4, 17 * 4), slice(5 * 4, 26 * 4))
    assert changed[stroke].any()  # the outline of the stroke
    changed[stroke] = False
    assert not changed[:, : 30 * 4].any()


def test_masks_of_the_open_image_that_are_read_anew_are_drawn(bench):
    """The image stays the same, and so do its size and what lies around the view."""
    bench.settle()
    viewport, session = bench.window.canvas.viewport, bench.session
    before, document = viewport.grab().toImage(), session.document
    labels = document.annotation.labels

    document.annotation = LabelMap(np.where(labels == 1, np.uint8(0), np.uint8(1)))
    session.notify(What.DOCUMENT | What.LABELS)

    drawn = viewport.grab().toImage()
    assert drawn != before
    viewport.refresh_overlay()
    assert drawn == viewport.grab().toImage()
