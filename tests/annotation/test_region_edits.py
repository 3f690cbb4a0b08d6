"""Any sequence of shapes, reshaped regions and operations: undone to the start, redone to the end."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.annotation.editing import Editing
from segstudio.annotation.patching import difference_patch
from segstudio.annotation.region_operations import OPERATIONS, Target, operated
from segstudio.annotation.region_outline import outline_at, reshaped
from segstudio.core.labels import LabelMap
from segstudio.core.schema import LabelSchema
from segstudio.core.shapes import ellipse_mask
from segstudio.session.document import Document
from segstudio.session.session import NO_LIMITS, Session
from segstudio.storage.image_ref import ImageRef

SHAPE = (24, 30)
places = st.tuples(*(st.integers(-4, most).map(float) for most in (34, 28)))
steps = st.one_of(
    st.tuples(st.just("polygon"), st.lists(places, min_size=3, max_size=6)),
    st.tuples(st.just("ellipse"), st.tuples(places, places)),
    st.tuples(st.just("reshape"), st.tuples(places, places)),
    st.tuples(st.just("operation"), st.sampled_from(OPERATIONS)),
)
limits = st.fixed_dictionaries(
    {},
    optional={
        "only_unlabelled": st.just(True),
        "only_class": st.integers(0, 3),
        "locked_classes": st.frozensets(st.integers(0, 3), max_size=2),
        "value_range": st.just((0.0, 100.0)),
    },
)
edits = st.lists(
    st.tuples(steps, st.integers(1, 3), st.booleans(), limits), min_size=1, max_size=12
)


def opened(objects: bool) -> Session:
    session = Session()
    session.schema = LabelSchema.from_names(("background", "one", "two", "three"))
    ids = np.zeros(SHAPE, np.uint16) if objects else None
    annotation = LabelMap(np.zeros(SHAPE, np.uint8), ids)
    pixels = np.zeros((*SHAPE, 3), np.uint8)
    pixels[:, 15:] = 200
    session.document = Document(ImageRef("a.png", "/nowhere"), pixels, annotation)
    return session


def operation_patch(operation, annotation):
    amount = 2 if operation.amount is not None else 0
    after = operated(annotation, operation, Target(), amount, 2)
    return difference_patch(annotation, after.labels, after.instances)


def perform(editing: Editing, session: Session, step, erase: bool) -> None:
    kind, what = step
    annotation = session.document.annotation
    if kind == "polygon":
        editing.paint_polygon(what, erase)
    elif kind == "ellipse":
        editing.paint_region(partial(ellipse_mask, *what, SHAPE), "Ellipse", erase)
    elif kind == "operation":
        editing.change_by(what.title, partial(operation_patch, what))
    elif (outline := outline_at(annotation, tuple(map(int, what[0])))) is not None:
        rings = [ring.copy() for ring in outline.rings]
        rings[0][0] = what[1]
        editing.change_by("Reshape", partial(reshaped, outline=outline, rings=rings))


def state(session: Session) -> tuple[bytes, bytes]:
    annotation = session.document.annotation
    ids = annotation.instances
    return annotation.labels.tobytes(), b"" if ids is None else ids.tobytes()


@pytest.mark.parametrize("objects", [False, True], ids=["classes", "objects"])
@settings(max_examples=40, deadline=None)
@given(edits)
def test_undone_to_the_start_and_redone_to_the_end(objects, sequence):
    session = opened(objects)
    editing, history = Editing(session), session.document.history
    states = [state(session)]
    for step, class_id, erase, limited in sequence:
        session.set_view(**{**NO_LIMITS, "active_class": class_id, **limited})
        before = session.document.annotation.labels.copy()
        perform(editing, session, step, erase)
        changed = session.document.annotation.labels != before
        assert not (changed & np.isin(before, list(limited.get("locked_classes", ())))).any()
        assert "value_range" not in limited or not changed[:, 15:].any()
        if state(session) != states[-1]:
            states.append(state(session))
    if objects:  # an object is of one class, and background has none
        labels, ids = session.document.annotation.labels, session.document.annotation.instances
        assert not ids[labels == 0].any()
        for number in np.unique(ids)[1:]:
            assert len(np.unique(labels[ids == number])) == 1
    for wanted in reversed(states[:-1]):
        editing.undo()
        assert state(session) == wanted
    assert not history.can_undo
    for wanted in states[1:]:
        editing.redo()
        assert state(session) == wanted
    assert not history.can_redo


def test_an_object_of_which_a_part_may_not_change_its_class_keeps_it_as_a_whole():
    session = opened(objects=True)
    editing, annotation = Editing(session), session.document.annotation
    session.set_view(active_class=1)
    for left, right in ((2, 8), (10, 20)):  # the second reaches into what is too bright
        editing.paint_polygon([(left, 5), (right, 5), (right, 12), (left, 12)])
    change = next(operation for operation in OPERATIONS if operation.name == "change_class")
    session.set_view(value_range=(0.0, 100.0))
    editing.change_by(change.title, partial(operation_patch, change))
    assert annotation.labels[8].tolist()[:21] == [0] * 2 + [2] * 6 + [0] * 2 + [1] * 10 + [0]
    ids = annotation.instances
    assert [len(np.unique(annotation.labels[ids == number])) for number in (1, 2)] == [1, 1]
