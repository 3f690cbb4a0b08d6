"""Numbers, boxes and scores over the picture: what is drawn, where, and for which layer."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from PySide6.QtCore import QRect

from segstudio.canvas.object_tags import seen_objects, tags_of
from segstudio.core.geometry import Rect
from segstudio.core.object_figures import Brightness, Looked, ObjectFigures
from segstudio.session.session import Layer, StrokeMakes, ViewState

IDS, BOTH = ViewState(object_ids=True), ViewState(object_ids=True, object_scores=True)
SIZE = (400, 300)


def figures_of(*objects: Rect, shape=(300, 400)) -> ObjectFigures:
    ids = np.zeros(shape, np.uint16)
    for number, rect in enumerate(objects, 1):
        ids[rect.slices] = number
    labels = (ids > 0).astype(np.uint8)
    return ObjectFigures.of(Looked(labels, ids, Brightness(ids[..., None], (0,))))


def at(scale: float, left: float = 0.0, top: float = 0.0):
    return lambda xy: (left + scale * xy[0], top + scale * xy[1])


def grid(step: int, size: int) -> list[Rect]:
    return [
        Rect(y, x, y + size, x + size) for y in range(0, 300, step) for x in range(0, 400, step)
    ]


def ids_of(seen) -> list[int]:
    return [row.id for row in seen.rows]


@pytest.mark.usefixtures("qapp")
class TestTags:
    """What is written where."""

    def test_each_object_that_is_seen_has_its_number_in_its_middle(self):
        figures = figures_of(Rect(10, 10, 50, 90), Rect(200, 300, 260, 380))
        seen = seen_objects(figures, at(1), SIZE)
        assert ids_of(seen) == [2, 1]  # the largest first
        tags = tags_of(seen, IDS, SIZE)
        assert [tag.text for tag in tags] == ["#2", "#1"]
        assert tags[1].left + tags[1].width / 2 == pytest.approx(50, abs=1)
        assert tags[1].top + tags[1].height / 2 == pytest.approx(30, abs=1)

    def test_what_lies_outside_the_view_has_none(self):
        figures = figures_of(Rect(10, 10, 50, 90), Rect(200, 300, 260, 380))
        place = at(2, -500, -300)  # columns 250 to 450, rows 150 to 300
        assert ids_of(seen_objects(figures, place, SIZE)) == [2]

    def test_no_tag_lies_under_the_header_of_the_view(self):
        top = Rect(0, 10, 8, 18)  # it has no room, so its number is over its upper edge
        cut = Rect(0, 300, 290, 390)
        seen = seen_objects(figures_of(top, cut), at(1, 0, 24), SIZE)
        boxes = ViewState(object_ids=True, object_boxes=True)
        for view in (IDS, boxes):
            tags = tags_of(seen, view, SIZE, covered_px=24)
            assert sorted(tag.text for tag in tags) == ["#1", "#2"]
            assert all(tag.top >= 24 for tag in tags)

    def test_where_it_is_zoomed_out_the_largest_have_theirs_and_none_lies_over_another(self):
        small, large = grid(10, 6), Rect(100, 100, 109, 109)
        seen = seen_objects(figures_of(*small, large), at(1), SIZE)
        assert seen.rows[0].id == len(small) + 1
        tags = tags_of(seen, IDS, SIZE)
        places = [QRect(tag.left, tag.top, tag.width, tag.height) for tag in tags]
        assert 20 < len(places) < len(small) / 2
        assert not any(a.intersects(b) for a, b in itertools.combinations(places, 2))
        assert all(QRect(0, 0, *SIZE).contains(place) for place in places)

    def test_specks_have_neither_boxes_nor_numbers(self):
        figures = figures_of(Rect(10, 10, 12, 12), Rect(100, 100, 130, 130))
        assert ids_of(seen_objects(figures, at(1), SIZE)) == [2]
        assert ids_of(seen_objects(figures, at(2), SIZE)) == [2, 1]

    def test_a_score_stands_behind_the_number_where_there_is_one(self):
        figures = figures_of(Rect(10, 10, 50, 90), Rect(200, 300, 260, 380))
        seen = seen_objects(figures, at(1), SIZE)
        seen.rows[0] = seen.rows[0]._replace(score=0.876)
        assert [tag.text for tag in tags_of(seen, BOTH, SIZE)] == ["#2 0.88", "#1"]
        assert [tag.text for tag in tags_of(seen, BOTH, SIZE, frozenset({2}))] == ["#1"]
        scores = ViewState(object_scores=True)
        assert [tag.text for tag in tags_of(seen, scores, SIZE)] == ["0.88"]
        assert tags_of(seen, ViewState(object_boxes=True), SIZE) == []

    def test_a_box_lies_around_the_pixels(self):
        seen = seen_objects(figures_of(Rect(10, 20, 30, 60)), at(2, 5, 7), SIZE)
        assert seen.boxes.tolist() == [[45, 27, 125, 67]]


@pytest.fixture
def painted(bench):
    """The first image with one object of class 1 at rows 8 to 23 and columns 4 to 23."""
    bench.studio.editing.clear()
    schema = bench.session.schema
    bench.studio.schema_keeper.set(schema.with_objects({1}, keeps_ids=False))
    bench.session.set_view(active_class=1, stroke_makes=StrokeMakes.NEW)
    bench.studio.editing.paint_mask(OBJECT, np.ones(OBJECT.shape_hw, bool), "Test")
    bench.studio.objects.clear_selection()
    bench.settle()
    return bench


OBJECT = Rect(8, 4, 24, 24)


def seen(bench) -> np.ndarray:
    """What the first view shows, (H, W) 32-bit colours."""
    image = bench.window.canvas.viewport.grab().toImage()
    shown = np.frombuffer(image.constBits(), np.uint32).copy()  # it goes with its image
    return shown.reshape(image.height(), image.width())


def _switch(bench, commands: tuple[str, ...]) -> None:
    for command in commands:
        bench.window.commands[command].trigger()


def drawn(bench, *commands: str) -> Rect:
    """Around what these commands draw over the image, in its pixels; they switch it off again."""
    before = seen(bench)
    _switch(bench, commands)
    after = seen(bench)
    _switch(bench, commands)
    assert np.array_equal(seen(bench), before)
    rows, columns = np.nonzero(after != before)
    if not rows.size:
        return Rect(0, 0, 0, 0)
    corners = ((columns.min(), rows.min()), (columns.max(), rows.max()))
    (x0, y0), (x1, y1) = (bench.window.canvas.viewport.to_image(xy) for xy in corners)
    return Rect(round(y0), round(x0), round(y1), round(x1))


def test_the_switches_of_the_menu_draw_boxes_and_numbers(painted):
    painted.studio.object_table.of()
    painted.until(lambda: painted.studio.object_table.of() is not None)
    painted.until(painted.window.commands["view.object_boxes"].isEnabled)
    assert drawn(painted, "view.object_boxes") == OBJECT
    place = drawn(painted, "view.object_ids")
    assert (place.left, place.top) == (13, 16)  # a little left of the object's middle, 14 and 16
    assert OBJECT.contains(place.right, place.bottom)
    assert drawn(painted, "view.object_scores") == Rect(0, 0, 0, 0)  # nobody's score is known
    painted.session.set_view(overlay_visible=False)  # who peeks at the photo sees it alone
    assert drawn(painted, "view.object_ids", "view.object_boxes") == Rect(0, 0, 0, 0)


def test_in_the_layer_of_a_model_its_objects_have_the_boxes(painted):
    painted.studio.segmenting.choose("fake-instance")
    painted.studio.segmenting.run_current()
    painted.until(lambda: bool(painted.session.document.predictions))
    ((run, prediction),) = painted.session.document.predictions.items()
    painted.session.set_view(layer=Layer.PREDICTION)
    painted.until(lambda: painted.studio.object_table.of(run) is not None)
    rows, columns = np.nonzero(prediction.instance_ids)
    around = Rect(rows.min(), columns.min(), rows.max() + 1, columns.max() + 1)
    assert drawn(painted, "view.object_boxes") == around
    assert drawn(painted, "view.object_scores") != Rect(0, 0, 0, 0)
    painted.session.set_view(layer=Layer.NONE)
    assert drawn(painted, "view.object_boxes") == Rect(0, 0, 0, 0)


def test_boxes_follow_edits(painted):
    painted.studio.object_table.of()
    painted.until(lambda: painted.studio.object_table.of() is not None)
    painted.studio.objects.delete((1,))
    painted.until(lambda: not painted.studio.object_table.of().rows)
    assert drawn(painted, "view.object_boxes") == Rect(0, 0, 0, 0)
