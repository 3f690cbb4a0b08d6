import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strokes import undo_title

from segstudio.core.geometry import Rect
from segstudio.core.history import Edit, EditRecorder, History
from segstudio.core.labels import LabelMap, Patch


def random_patch(rng, label_map):
    h, w = label_map.shape_hw
    top, left = int(rng.integers(0, h)), int(rng.integers(0, w))
    rect = Rect(top, left, int(rng.integers(top + 1, h + 1)), int(rng.integers(left + 1, w + 1)))
    before = label_map.labels[rect.slices].copy()
    mask = rng.random(rect.shape_hw) < 0.5
    after = np.where(mask, rng.integers(0, 256), before).astype(np.uint8)
    if label_map.instances is None:
        return Patch(rect, before, after)
    ids = label_map.instances[rect.slices].copy()
    return Patch(rect, before, after, ids, np.where(mask, rng.integers(0, 65536), ids).astype("u2"))


def state(label_map):
    ids = label_map.instances
    return label_map.labels.tobytes(), None if ids is None else ids.tobytes()


def apply(label_map, edit):
    for patch in edit.patches:
        label_map.apply(patch)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 8), st.booleans(), st.booleans())
def test_undo_all_gives_the_original_and_redo_all_the_last(seed, edits, with_ids, recorded):
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(1, 40)), int(rng.integers(1, 40)))
    ids = rng.integers(0, 9, shape, dtype=np.uint16) if with_ids else None
    label_map = LabelMap(rng.integers(0, 5, shape, dtype=np.uint8), ids)
    history, states = History(), [state(label_map)]
    for number in range(edits):
        recorder, patches = EditRecorder(f"edit {number}"), []
        for _ in range(int(rng.integers(1, 4))):
            patch = random_patch(rng, label_map)
            label_map.apply(patch)
            patches.append(patch)
            recorder.add(patch)
        edit = recorder if recorded else Edit(f"edit {number}", tuple(patches))
        if history.push(edit):
            states.append(state(label_map))
        else:
            assert state(label_map) == states[-1]
    for _ in range(2):
        for expected in reversed(states[:-1]):
            apply(label_map, history.undo())
            assert state(label_map) == expected
        assert history.undo() is None
        for expected in states[1:]:
            apply(label_map, history.redo())
            assert state(label_map) == expected
        assert history.redo() is None


def dot(value, before=0):
    return Edit(
        f"dot {value}",
        (Patch(Rect(2, 3, 3, 4), np.full((1, 1), before, "u1"), np.full((1, 1), value, "u1")),),
    )


def test_titles_follow_the_position():
    history = History()
    assert (history.can_undo, history.can_redo) == (False, False)
    assert (undo_title(history), history.redo_title) == ("", "")
    history.push(dot(1))
    history.push(dot(2))
    assert undo_title(history) == "dot 2"
    history.undo()
    assert (undo_title(history), history.redo_title) == ("dot 1", "dot 2")
    assert (history.can_undo, history.can_redo) == (True, True)


def test_a_new_edit_forgets_what_was_undone():
    history = History()
    history.push(dot(1))
    held = history.nbytes
    history.push(dot(2))
    history.undo()
    history.push(dot(3))
    assert not history.can_redo
    assert undo_title(history) == "dot 3"
    assert held < history.nbytes < 3 * held
    history.clear()
    assert (history.nbytes, history.can_undo) == (0, False)


def test_undo_gives_inverses_in_reverse_order():
    first, second = dot(1).patches[0], dot(2, before=1).patches[0]
    history = History()
    history.push(Edit("two dots", (first, second)))
    undone = history.undo()
    assert undone.title == "two dots"
    assert [(int(p.before[0, 0]), int(p.after[0, 0])) for p in undone.patches] == [(2, 1), (1, 0)]


def noise_edit(rng, title):
    before, after = rng.integers(0, 256, (2, 100, 100), dtype=np.uint8)
    return Edit(title, (Patch(Rect(0, 0, 100, 100), before, after),))


def test_the_oldest_go_past_the_budget_but_never_the_newest():
    rng = np.random.default_rng(0)
    history = History(budget_bytes=50_000)  # noise does not compress: 20 kB an edit
    for number in range(5):
        history.push(noise_edit(rng, str(number)))
        assert history.nbytes <= 50_000
    assert [history.undo().title for _ in range(2)] == ["4", "3"]
    assert not history.can_undo
    tiny = History(budget_bytes=0)
    tiny.push(noise_edit(rng, "old"))
    tiny.push(noise_edit(rng, "new"))
    assert tiny.undo().title == "new"
    assert not tiny.can_undo


def test_a_stroke_takes_few_bytes():
    # Of a large rectangle only the corner that changes is kept, compressed.
    before = np.zeros((1000, 1000), np.uint8)
    after = before.copy()
    after[:30, :30] = 1
    history = History()
    history.push(Edit("stroke", (Patch(Rect(5, 5, 1005, 1005), before, after),)))
    assert history.nbytes < 1000
    (patch,) = history.undo().patches
    assert patch.rect == Rect(5, 5, 35, 35)


def test_an_edit_that_changes_nothing_is_not_kept():
    history = History()
    assert not history.push(dot(0))
    assert not history.push(EditRecorder("nothing"))
    assert not history.can_undo


def test_a_change_of_instance_ids_alone_is_kept():
    same = np.ones((2, 2), np.uint8)
    ids = np.array([[1, 1], [2, 2]], np.uint16)
    history = History()
    assert history.push(
        Edit("merge", (Patch(Rect(0, 0, 2, 2), same, same, ids, np.ones_like(ids)),))
    )
    (patch,) = history.undo().patches
    assert patch.rect == Rect(1, 0, 2, 2)
    np.testing.assert_array_equal(patch.instances_after, [[2, 2]])


def test_a_recorder_can_take_everything_back():
    label_map, recorder = LabelMap.empty((8, 8)), EditRecorder("stroke")
    assert recorder.is_empty
    for class_id in (1, 2, 3):
        patch = label_map.paint(Rect(0, 0, 4, 4), np.eye(4, dtype=np.bool_), class_id)
        label_map.apply(patch)
        recorder.add(patch)
    assert not recorder.is_empty
    assert recorder.nbytes > 0
    apply(label_map, recorder.taken_back().unpack())
    assert not label_map.labels.any()


def test_a_negative_budget_is_refused():
    with pytest.raises(ValueError):
        History(-1)


@pytest.mark.parametrize(("height", "width"), [(1003, 997), (64, 8), (1, 2001)])
def test_large_even_areas_come_back_bit_for_bit_and_take_few_bytes(height, width):
    labels = np.zeros((height, width), np.uint8)
    labels[:, width // 3 :] = 4
    ids = np.where(labels == 4, 700, 0).astype(np.uint16)
    label_map, history = LabelMap(labels.copy(), ids.copy()), History()
    mask = np.ones((height, width), np.bool_)
    patch = label_map.paint(Rect(0, 0, height, width), mask, 2, instance_id=65535)
    label_map.apply(patch)
    history.push(Edit("all", (patch,)))
    assert history.nbytes < 1000 + 16 * height
    apply(label_map, history.undo())
    assert np.array_equal(label_map.labels, labels)
    assert np.array_equal(label_map.instances, ids)
    apply(label_map, history.redo())
    assert (label_map.labels == 2).all()
    assert (label_map.instances == 65535).all()
