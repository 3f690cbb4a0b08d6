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
from segstudio.session.session import Session
from segstudio.storage.image_ref import ImageRef

SHAPE = (24, 30)
places = st.tuples(*(st.integers(-4, most).map(float) for most in (34, 28)))
steps = st.one_of(
    st.tuples(st.just("polygon"), st.lists(places, min_size=3, max_size=6)),
    st.tuples(st.just("ellipse"), st.tuples(places, places)),
    st.tuples(st.just("reshape"), st.tuples(places, places)),
    st.tuples(st.just("operation"), st.sampled_from(OPERATIONS)),
)
edits = st.lists(
    st.tuples(steps, st.integers(1, 3), st.booleans(), st.booleans()), min_size=1, max_size=12
)


def opened(objects: bool) -> Session:
    session = Session()
    session.schema = LabelSchema.from_names(("background", "one", "two", "three"))
    ids = np.zeros(SHAPE, np.uint16) if objects else None
    annotation = LabelMap(np.zeros(SHAPE, np.uint8), ids)
    pixels = np.zeros((*SHAPE, 3), np.uint8)
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
    for step, class_id, erase, only_unlabelled in sequence:
        session.set_view(active_class=class_id, only_unlabelled=only_unlabelled)
        perform(editing, session, step, erase)
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
