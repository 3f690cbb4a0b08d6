from __future__ import annotations

import numpy as np

from segstudio.core.geometry import Rect
from segstudio.core.labels import LabelMap
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.session.document import Document
from segstudio.storage.image_ref import ImageRef


def make(**values) -> Document:
    pixels = np.zeros((4, 6, 3), np.uint8)
    return Document(ImageRef("a.png", "/set"), pixels, LabelMap.empty((4, 6)), **values)


def paint(document: Document) -> None:
    patch = document.annotation.paint(Rect(0, 0, 1, 1), np.ones((1, 1), np.bool_), 1)
    document.annotation.apply(patch)


def test_dirty_is_about_the_saved_revision():
    document = make()
    assert not document.dirty
    paint(document)
    assert document.dirty
    document.saved_revision = document.annotation.revision
    assert not document.dirty


def test_there_is_a_reference_once_there_is_truth_or_paint():
    assert not make().has_reference
    assert make(truth=LabelMap.empty((4, 6))).has_reference
    assert make(origin="saved").has_reference
    painted = make()
    paint(painted)
    assert painted.has_reference


def test_bytes_are_those_of_all_arrays():
    document = make()
    assert document.shape_hw == (4, 6)
    assert document.nbytes == 4 * 6 * 3 + 4 * 6
    labels = np.zeros((4, 6), np.uint8)
    schema = LabelSchema.from_names(("background",))
    document.predictions["m"] = Prediction("m", "M", schema, labels, labels)
    document.truth = LabelMap(labels.copy(), np.zeros((4, 6), np.uint16))
    assert document.nbytes == 24 * 4 + 24 * 2 + 24 + 48
