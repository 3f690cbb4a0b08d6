"""Choosing objects, and each verb that changes them; pixels and numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from fakes import write_photo
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as pil
from strokes import labels_of, undo_title

from segstudio.core.geometry import Rect
from segstudio.core.schema import ClassSpec
from segstudio.session.session import Selection, StrokeMakes

FIRST, SECOND, THIRD = Rect(2, 2, 6, 12), Rect(2, 12, 6, 20), Rect(10, 2, 14, 6)


@pytest.fixture
def bare(empty):
    """30 x 20 pixels with nothing painted; classes 1 and 2 are of objects, 3 is of regions."""
    schema = empty.session.schema
    for class_id, name in ((2, "mitosis"), (3, "stroma")):
        schema = schema.with_class(ClassSpec(class_id, name, (9, 9, class_id)))
    empty.studio.schema_keeper.set(schema.with_objects({1, 2}, keeps_ids=False))
    empty.session.set_view(active_class=1, brush_size=1)
    return empty


@pytest.fixture
def three(bare):
    """Objects 1 and 2 of class 1, which touch, and 3 of class 2."""
    for rect, class_id in ((FIRST, 1), (SECOND, 1), (THIRD, 2)):
        paint(bare, rect, class_id)
    bare.objects.clear_selection()
    return bare


@pytest.fixture
def regions(empty):
    """Two regions of class 1 and no numbers."""
    empty.session.set_view(active_class=1, brush_size=1)
    for rect in (FIRST, THIRD):
        paint(empty, rect, 1)
    assert empty.document.annotation.instances is None
    empty.objects.clear_selection()
    return empty


def paint(desk, rect: Rect, class_id: int) -> None:
    desk.session.set_view(active_class=class_id, stroke_makes=StrokeMakes.NEW)
    desk.editing.paint_mask(rect, np.ones(rect.shape_hw, bool), "Test")
    desk.session.set_view(active_class=1, stroke_makes=StrokeMakes.AUTOMATIC)


def ids_of(desk) -> np.ndarray:
    return np.array(desk.document.annotation.instances)


def drawn(**objects: Rect) -> np.ndarray:
    """Ids by rectangle: `_3=Rect(...)` is object 3."""
    ids = np.zeros((20, 30), np.uint16)
    for name, rect in objects.items():
        ids[rect.slices] = int(name[1:])
    return ids


def undone_and_redone(desk, before: tuple[np.ndarray, np.ndarray]) -> None:
    """One step back gives what was before, bit for bit, and one forward what is now."""
    now = labels_of(desk).copy(), ids_of(desk)
    desk.editing.undo()
    assert np.array_equal(labels_of(desk), before[0])
    assert np.array_equal(ids_of(desk), before[1])
    desk.editing.redo()
    assert np.array_equal(labels_of(desk), now[0])
    assert np.array_equal(ids_of(desk), now[1])


def maps(desk) -> tuple[np.ndarray, np.ndarray]:
    return labels_of(desk).copy(), ids_of(desk)


def test_looking(three):
    assert three.objects.at(3, 3) == 1
    assert three.objects.at(25, 15) == 0
    assert three.objects.at(-1, 3) == 0
    info = three.objects.info(3)
    assert (info.class_id, info.area, info.rect) == (2, 16, THIRD)
    assert three.objects.info(9) is None
    assert three.objects.next_free == 4
    rect, mask = three.objects.mask_of(2)
    assert rect == SECOND
    assert mask.all()


def test_clicks_choose_and_shift_adds_and_leaves_out(three):
    choose = three.objects.select_at
    assert choose(3, 3)
    assert three.session.selection == Selection((1,))
    choose(13, 3, add=True)
    assert [info.id for info in three.objects.selected] == [1, 2]
    choose(3, 3, add=True)
    assert three.session.selection == Selection((2,))
    assert not choose(25, 15, add=True)
    assert three.session.selection == Selection((2,))
    assert not choose(25, 15)
    assert not three.session.selection


def test_a_box_chooses_what_it_touches(three):
    three.objects.select_box(Rect(5, 11, 8, 13))
    assert three.session.selection == Selection((1, 2))
    three.objects.select_box(Rect(13, 5, 20, 30), add=True)
    assert three.session.selection == Selection((1, 2, 3))
    three.objects.select_box(Rect(16, 16, 90, 90))
    assert not three.session.selection


def test_the_choice_goes_with_the_image_and_with_its_objects(three, tmp_path):
    three.objects.select_all()
    assert three.session.selection == Selection((1, 2, 3))
    three.editing.undo()
    assert three.session.selection == Selection((1, 2))
    write_photo(tmp_path / "other" / "a.png", np.zeros((20, 30), np.uint8))
    three.open(tmp_path / "other")
    assert not three.session.selection


def test_a_line_splits_from_edge_to_edge(three):
    before = maps(three)
    three.changes.clear()
    three.objects.split_by_line([(5.5, 1.0), (5.5, 7.0)])
    # columns 2 to 4 are a piece of 12, 6 to 11 one of 24, which takes the column under the line
    assert np.array_equal(
        ids_of(three), drawn(_1=Rect(2, 5, 6, 12), _4=Rect(2, 2, 6, 5), _2=SECOND, _3=THIRD)
    )
    assert np.array_equal(labels_of(three), before[0])
    assert three.session.selection == Selection((1, 4))
    patches = [patch for change in three.changes for patch in change.patches]
    assert [patch.rect for patch in patches] == [Rect(2, 2, 6, 5)]
    assert undo_title(three.document.history) == "Split"
    undone_and_redone(three, before)


def test_a_line_splits_the_chosen_of_those_that_it_crosses(three):
    line = [(1.0, 4.5), (25.0, 4.5)]
    assert [cut.object_id for cut in three.objects.cuts_of_line(line)] == [1, 2]
    three.objects.select((2,))
    assert [cut.object_id for cut in three.objects.cuts_of_line(line)] == [2]
    three.objects.select((3,))
    assert [cut.object_id for cut in three.objects.cuts_of_line(line)] == [1, 2]


def test_a_line_that_parts_nothing_says_so(three):
    before = ids_of(three)
    three.objects.split_by_line([(5.5, 1.0), (5.5, 4.0)])
    assert np.array_equal(ids_of(three), before)
    assert three.messages[-1] == "The line parts no object."


def test_two_points_split_at_the_waist(bare):
    for rect in (Rect(2, 2, 9, 9), Rect(2, 11, 9, 18)):
        paint(bare, rect, 1)
    bare.objects.merge((1, 2))
    paint(bare, Rect(5, 9, 6, 11), 1)
    bare.objects.merge((1, 2))
    before = maps(bare)
    assert bare.objects.info(1).area == 100
    bare.objects.split_between((5, 5), (14, 5))
    bare.settle()
    found = ids_of(bare)
    assert sorted(np.unique(found).tolist())[1:] == [1, 2]
    assert len(np.unique(found[2:9, 2:9])) == 1
    assert len(np.unique(found[2:9, 11:18])) == 1
    assert found[5, 5] != found[5, 14]
    undone_and_redone(bare, before)


def test_points_of_different_objects_split_nothing(three):
    before = ids_of(three)
    three.objects.split_between((3, 3), (13, 3))
    three.settle()
    assert np.array_equal(ids_of(three), before)
    assert three.messages[-1] == "Nothing was split."


def test_merging_takes_class_and_number_of_the_first(three):
    before = maps(three)
    three.objects.select((3, 1))
    three.objects.merge()
    assert np.array_equal(ids_of(three), drawn(_3=FIRST, _2=SECOND) + drawn(_3=THIRD))
    assert (labels_of(three)[FIRST.slices] == 2).all()
    assert three.session.selection == Selection((3,))
    undone_and_redone(three, before)


def test_merging_needs_two(three):
    three.objects.select((3,))
    three.objects.merge()
    assert three.messages[-1] == "Merging needs two objects."


def test_deleting_touches_only_what_is_deleted(three):
    before = maps(three)
    three.objects.select((1, 3))
    three.changes.clear()
    three.objects.delete()
    assert np.array_equal(ids_of(three), drawn(_2=SECOND))
    assert np.array_equal(labels_of(three) > 0, ids_of(three) > 0)
    rects = {patch.rect for change in three.changes for patch in change.patches}
    assert rects == {FIRST, THIRD}
    assert not three.session.selection
    undone_and_redone(three, before)
    three.objects.delete()
    assert three.messages[-1] == "No object is selected."


def test_objects_whose_rectangles_overlap_are_deleted_whole(bare):
    paint(bare, Rect(2, 2, 12, 12), 1)
    paint(bare, Rect(4, 4, 10, 10), 1)
    bare.objects.select_all()
    bare.objects.delete()
    assert not labels_of(bare).any()
    assert not ids_of(bare).any()


def test_another_class(three):
    before = maps(three)
    three.objects.select((1,))
    three.objects.change_class(2)
    assert np.array_equal(ids_of(three), before[1])
    assert (labels_of(three)[FIRST.slices] == 2).all()
    assert three.objects.info(1).class_id == 2
    undone_and_redone(three, before)
    three.objects.change_class(3)  # of regions: no object any more
    assert (labels_of(three)[FIRST.slices] == 3).all()
    assert np.array_equal(ids_of(three), drawn(_2=SECOND, _3=THIRD))


def test_renumbering_keeps_the_order(three):
    three.objects.delete((2,))
    before = maps(three)
    three.objects.select((3,))
    three.objects.renumber()
    assert np.array_equal(ids_of(three), drawn(_1=FIRST, _2=THIRD))
    assert three.session.selection == Selection((2,))
    undone_and_redone(three, before)


def test_a_region_stands_for_an_object_where_no_numbers_are_kept(regions):
    assert regions.objects.select_at(3, 3)
    assert regions.session.selection == Selection((), ((3, 3),))
    regions.objects.select_at(4, 12, add=True)
    regions.objects.select_at(5, 5, add=True)  # the first one again, elsewhere
    assert regions.session.selection == Selection((), ((4, 12),))
    regions.objects.delete()
    expected = np.zeros((20, 30), np.uint8)
    expected[FIRST.slices] = 1
    assert np.array_equal(labels_of(regions), expected)
    regions.editing.undo()
    regions.objects.select_box(Rect(0, 0, 20, 30))
    assert len(regions.session.selection.regions) == 2
    regions.studio.schema_keeper.add_class("other")
    regions.objects.change_class(2)
    assert set(np.unique(labels_of(regions)[labels_of(regions) > 0])) == {2}


def test_splitting_regions_says_why_and_offers_objects(regions):
    regions.objects.split_by_line([(5.5, 1.0), (5.5, 7.0)])
    notice = regions.studio.notices.recent[-1]
    assert "needs objects" in notice.message
    assert notice.action[0] == "Make objects of the regions"
    notice.action[1]()
    assert np.array_equal(ids_of(regions), drawn(_1=FIRST, _2=THIRD))
    assert regions.session.schema.object_ids(keeps_ids=False) == {1}
    regions.objects.split_by_line([(5.5, 1.0), (5.5, 7.0)])
    assert len(regions.objects.index) == 3
    for _ in range(2):
        regions.editing.undo()
    assert not ids_of(regions).any()
    assert (labels_of(regions)[FIRST.slices] == 1).all()


def test_regions_become_objects_beside_those_that_are_there(bare):
    paint(bare, FIRST, 1)
    bare.editing.known.of(bare.document)
    bare.objects.set_of_objects({1}, on=False)
    paint(bare, THIRD, 1)
    bare.objects.set_of_objects({1}, on=True)
    bare.settle()
    notice = bare.studio.notices.recent[-1]
    assert notice.message.startswith("The regions of")
    notice.action[1]()
    assert np.array_equal(ids_of(bare), drawn(_1=FIRST, _2=THIRD))


def test_the_choice_of_objects_or_regions_is_kept_with_the_folder(bare, tmp_path):
    bare.objects.set_of_objects({2}, on=False)
    paint(bare, FIRST, 1)
    bare.clock.advance(2)
    bare.settle()
    root = bare.session.project.root
    write_photo(tmp_path / "other" / "a.png", np.zeros((20, 30), np.uint8))
    bare.open(tmp_path / "other")
    bare.open(root)
    assert bare.objects.classes_of_objects == {1}
    bare.objects.set_of_objects({1}, on=False)
    assert bare.objects.classes_of_objects == frozenset()


def test_taking_objects_from_a_model_makes_their_class_one_of_objects(desk, tmp_path):
    root = tmp_path / "nuclei"
    bright = np.zeros((20, 30), np.uint8)
    bright[2:8, 2:8] = 1
    write_photo(root / "a.png", bright)
    desk.open(root)
    desk.segmenting.choose("blobs")
    desk.segmenting.run_current()
    desk.settle()
    schema = desk.session.schema.with_class(ClassSpec(2, "other", (9, 9, 9)))
    desk.studio.schema_keeper.set(schema.with_objects({2}, keeps_ids=False))
    desk.editing.use_prediction()
    assert desk.objects.classes_of_objects == {1, 2}
    desk.objects.set_of_objects({1}, on=False)
    desk.objects.select_at(3, 3)
    assert desk.objects.classes_of_objects == {2}


def test_nothing_is_changed_where_nothing_may_be(three):
    three.session.read_only = "Another window has this folder open."
    before = maps(three)
    three.objects.select_all()
    three.objects.delete()
    three.objects.merge()
    three.objects.renumber()
    three.objects.split_by_line([(5.5, 1.0), (5.5, 7.0)])
    assert np.array_equal(maps(three)[1], before[1])


VERBS = st.tuples(st.sampled_from(["stroke", "erase", "fill", "line", "merge", "delete", "class", "renumber", "regions", "mask"]), st.integers(0, 2**31))  # fmt: skip


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(VERBS, min_size=1, max_size=12))
def test_any_sequence_is_undone_and_redone_bit_for_bit(bare, verbs):
    while bare.document.history.can_undo:
        bare.editing.undo()
    bare.document.history.forget_undone()
    blank = labels_of(bare).copy()
    assert not blank.any()
    for verb, seed in verbs:
        act(bare, verb, np.random.default_rng(seed))
        no_number_is_of_two_classes(bare)
    end = maps(bare) if bare.document.annotation.instances is not None else None
    steps = 0
    while bare.document.history.can_undo:
        bare.editing.undo()
        steps += 1
    assert not labels_of(bare).any()
    assert bare.document.annotation.instances is None or not ids_of(bare).any()
    for _ in range(steps):
        bare.editing.redo()
    if end is not None:
        assert np.array_equal(labels_of(bare), end[0])
        assert np.array_equal(ids_of(bare), end[1])


def act(desk, verb: str, rng: np.random.Generator) -> None:
    """One verb with numbers from a generator."""
    x, y, x1, y1 = (
        int(v) for v in (rng.integers(30), rng.integers(20), rng.integers(30), rng.integers(20))
    )
    makes = list(StrokeMakes)[int(rng.integers(3))]
    desk.session.set_view(
        active_class=int(rng.integers(1, 4)), brush_size=int(rng.integers(1, 8)), stroke_makes=makes
    )
    objects, editing = desk.objects, desk.editing
    objects.select_at(x, y)
    objects.select_at(x1, y1, add=True)
    if verb in ("stroke", "erase"):
        editing.begin_stroke(x, y, erase=verb == "erase")
        editing.extend_stroke(x1, y1)
        editing.end_stroke()
    elif verb == "fill":
        editing.fill_at(x, y)
    elif verb == "line":
        objects.split_by_line([(x, y), (x1, y1)])
    elif verb == "class":
        objects.change_class(int(rng.integers(1, 4)))
    elif verb == "mask":
        rect = Rect(y // 2, x // 2, y // 2 + 9, x // 2 + 12).clip((20, 30))
        editing.paint_mask(rect, rng.random(rect.shape_hw) < 0.8, "Mask")
    else:
        {"merge": objects.merge, "delete": objects.delete, "renumber": objects.renumber, "regions": objects.from_regions}[verb]()  # fmt: skip


def no_number_is_of_two_classes(desk) -> None:
    annotation = desk.document.annotation
    if annotation.instances is None:
        return
    pairs = np.unique(
        np.stack(
            [
                annotation.instances[annotation.instances > 0],
                annotation.labels[annotation.instances > 0],
            ]
        ),
        axis=1,
    )
    assert len(np.unique(pairs[0])) == pairs.shape[1], pairs
    index = desk.objects.index
    for info in index.all():
        mask = annotation.instances == info.id
        assert (info.area, info.class_id) == (int(mask.sum()), int(annotation.labels[mask][0]))


def test_objects_of_a_large_map_are_looked_at_in_a_job_and_can_be_deleted_before(desk, tmp_path):
    root = tmp_path / "large"
    write_photo(root / "a.png", np.zeros((700, 700), np.uint8))
    ids = np.zeros((700, 700), np.uint16)
    ids[100:200, 100:200], ids[600:650, 20:30] = 7, 9
    (root / "instances").mkdir()
    pil.fromarray(ids).save(root / "instances" / "a.png")
    desk.open(root)
    assert [info.area for info in desk.objects.index.all()] == [10_000, 500]
    desk.editing.clear()
    desk.editing.undo()
    desk.settle()
    desk.editing.known._of = None  # as right after a large edit
    assert desk.objects.index is None
    desk.objects.select_at(150, 150)
    desk.objects.delete()
    desk.settle()
    assert set(np.unique(ids_of(desk))) == {0, 9}
    assert [info.id for info in desk.objects.index.all()] == [9]


def test_an_object_of_a_locked_class_is_not_split(three):
    before = ids_of(three)
    three.session.set_view(locked_classes=frozenset({1}))
    row = (FIRST.top + FIRST.bottom) / 2
    line = ((FIRST.left - 1, row), (FIRST.right + 1, row))
    three.objects.split_by_line(line)
    three.settle()
    assert np.array_equal(ids_of(three), before)
    assert f"{three.session.schema.name_of(1)} is locked." in three.messages
    three.session.set_view(locked_classes=frozenset({2}))
    three.objects.split_by_line(line)
    three.settle()
    assert not np.array_equal(ids_of(three), before)


@pytest.mark.parametrize("verb", ["delete", "change", "merge"])
def test_what_is_locked_keeps_its_pixels(three, verb):
    before = labels_of(three).copy(), ids_of(three)
    three.session.set_view(locked_classes=frozenset({2}))
    verbs = {
        "delete": three.objects.delete,
        "change": lambda: three.objects.change_class(3),
        "merge": three.objects.merge,
    }
    three.objects.select((1, 3))
    verbs[verb]()
    three.settle()
    assert np.array_equal(labels_of(three), before[0])
    assert np.array_equal(ids_of(three), before[1])
    assert "mitosis is locked." in three.messages
    three.session.set_view(locked_classes=frozenset())
    three.objects.select((1, 3))
    verbs[verb]()
    three.settle()
    assert not np.array_equal(labels_of(three), before[0])


def test_a_locked_region_without_a_number_stays_too(regions):
    regions.session.set_view(locked_classes=frozenset({1}))
    before = labels_of(regions).copy()
    regions.objects.select_at(3, 3)
    regions.objects.delete()
    regions.settle()
    assert np.array_equal(labels_of(regions), before)
