"""Repairing error after error comes to an end, and then the two sides agree as far as they can."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.comparison.error_finding import ComparedAnnotation, OtherSide
from segstudio.comparison.object_repairs import marks_of, repaired
from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap, Patch
from segstudio.core.object_index import ObjectIndex
from segstudio.metrics.object_errors import ErrorKind
from segstudio.session.document import Document
from segstudio.storage.image_ref import ImageRef

SHAPE = (20, 30)
boxes = st.lists(
    st.tuples(
        st.integers(0, 12), st.integers(0, 20), st.integers(1, 8), st.integers(1, 10),
        st.integers(1, 2),
    ),
    max_size=7,
)  # fmt: skip


def drawn(found) -> LabelMap:
    labels, ids = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint16)
    for number, (top, left, high, wide, class_id) in enumerate(found, start=1):
        rect = Rect(top, left, top + high, left + wide)
        labels[rect.slices], ids[rect.slices] = class_id, number
    return LabelMap(labels, ids)


def document_of(annotation: LabelMap) -> Document:
    return Document(ImageRef("a.png", "/images"), np.zeros((*SHAPE, 3), np.uint8), annotation)


def compared(annotation: LabelMap, other: LabelMap) -> ComparedAnnotation:
    side = OtherSide(other.labels, other.instances)
    return ComparedAnnotation(annotation, side, {1, 2}, None, 1)


@settings(max_examples=40, deadline=None)
@given(boxes, boxes)
def test_repairs_come_to_an_end_and_leave_no_error(one, other):
    annotation, right = drawn(one), drawn(other)
    document = document_of(annotation)
    now = compared(annotation, right)
    for _ in range(40):
        found = now.errors(document, "run", "Run", 0.7, frozenset())
        if not found.errors:
            break
        patch = repaired(annotation, found, found.errors[0], ObjectIndex.of(annotation).free)
        assert patch is not None, found.errors[0]
        annotation.apply(patch)
        now.follow([patch])
    assert found.errors == ()
    assert found.matched == len(set(np.unique(right.instances).tolist()) - {0})


@settings(max_examples=40, deadline=None)
@given(boxes, boxes)
def test_each_error_is_told_from_the_others_by_what_it_is_about(one, other):
    annotation, right = drawn(one), drawn(other)
    found = compared(annotation, right).errors(
        document_of(annotation), "run", "Run", 0.7, frozenset()
    )
    marks = [mark for error in found.errors for mark in marks_of(found, error)]
    assert len(marks) == len(set(marks))
    for error in found.errors:
        if error.kind not in (ErrorKind.MISSED, ErrorKind.REGION):
            assert len(marks_of(found, error)) == len(error.mine)


@settings(max_examples=40, deadline=None)
@given(boxes, boxes, boxes)
def test_regions_of_classes_are_followed_as_if_all_were_looked_at_anew(one, other, edits):
    annotation, right = LabelMap(drawn(one).labels.copy()), LabelMap(drawn(other).labels.copy())
    document, side = document_of(annotation), OtherSide(right.labels, None)
    now = ComparedAnnotation(annotation, side, (), None, 2)
    now.errors(document, "run", "Run", 0.7, frozenset())
    for top, left, high, wide, class_id in edits:
        rect = Rect(top, left, top + high, left + wide)
        patch = annotation.paint(rect, np.ones(rect.shape_hw, np.bool_), class_id % 2 * 2)
        if patch is not None:
            annotation.apply(patch)
            now.follow([patch])
    anew = ComparedAnnotation(annotation, side, (), None, 2)
    found, wanted = (c.errors(document, "run", "Run", 0.7, frozenset()) for c in (now, anew))
    assert found.errors == wanted.errors
    for error in wanted.errors:
        assert np.array_equal(found.regions.mask(error), wanted.regions.mask(error))


def test_what_was_erased_since_the_errors_were_found_gets_no_number():
    """Regions stand for objects; all get numbers, as they were when they were looked at."""
    labels, right = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)
    labels[2:6, 2:6] = labels[10:14, 2:8] = 1
    right[2:6, 2:6] = 1
    annotation = LabelMap(labels)
    found = compared(annotation, LabelMap(right)).errors(
        document_of(annotation), "run", "Run", 0.7, frozenset()
    )
    assert [error.kind for error in found.errors] == [ErrorKind.INVENTED]
    erased = Rect(2, 2, 4, 6)
    annotation.apply(Patch(erased, np.ones((2, 4), np.uint8), np.zeros((2, 4), np.uint8)))
    patch = repaired(annotation, found, found.errors[0], lambda count: range(9, 9 + count))
    after = np.zeros(SHAPE, np.uint8)
    after[4:6, 2:6] = 1
    assert np.array_equal(patch.after, after)
    assert np.array_equal(patch.instances_after > 0, after > 0)
