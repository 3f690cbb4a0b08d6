"""Values under the pointer."""

from __future__ import annotations

import numpy as np

from segstudio.canvas.probe import Probe, probe
from segstudio.core.labels import LabelMap
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema
from segstudio.session.document import Document
from segstudio.session.session import ViewState
from segstudio.storage.image_ref import ImageRef


def test_a_probe_reads_photo_annotation_truth_and_prediction():
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[2, 5] = (10, 20, 30)
    labels, ids = np.zeros((4, 6), np.uint8), np.zeros((4, 6), np.uint16)
    labels[2, 5], ids[2, 5] = 3, 900
    truth = LabelMap(np.full((4, 6), 2, np.uint8))
    document = Document(ImageRef("a.png", "/x"), pixels, LabelMap(labels, ids), truth)
    confidence = np.full((4, 6), 51, np.uint8)
    predicted = np.ones((4, 6), np.uint8)
    document.predictions["m"] = Prediction(
        "m", "M", LabelSchema.from_names(["a", "b"]), predicted, confidence
    )
    found = probe(document, ViewState(run="m"), 5, 2)
    assert found == Probe(5, 2, (10, 20, 30), 3, 900, 2, 1, 0.2, None)
    plain = probe(document, ViewState(), 0, 0)
    assert plain == Probe(0, 0, (0, 0, 0), 0, 0, 2, None, None, None)


def test_outside_the_image_there_is_nothing():
    document = Document(
        ImageRef("a.png", "/x"), np.zeros((4, 6, 3), np.uint8), LabelMap.empty((4, 6))
    )
    assert probe(document, ViewState(), 6, 0) is None
    assert probe(document, ViewState(), -1, 3) is None
    assert probe(document, ViewState(), 5, 3) is not None


def test_a_prediction_in_its_models_own_classes_is_named_by_these():
    document = Document(
        ImageRef("a.png", "/x"), np.zeros((4, 6, 3), np.uint8), LabelMap.empty((4, 6))
    )
    labels, own = np.zeros((4, 6), np.uint8), np.full((4, 6), 2, np.uint8)
    schema, folder = LabelSchema.from_names(["a", "b", "c"]), LabelSchema.from_names(["x", "y"])
    document.predictions["m"] = Prediction("m", "M", schema, labels, labels, own=own)
    found = probe(document, ViewState(run="m"), 5, 2)
    assert found.predicted_name(folder) == "c"
    assert probe(document, ViewState(), 5, 2).predicted_name(folder) == ""
    document.predictions["m"] = Prediction("m", "M", schema, labels, labels)
    assert probe(document, ViewState(run="m"), 5, 2).predicted_name(folder) == "x"
