"""The objects and regions of a prediction, and what finding them costs."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from segstudio.annotation import taking
from segstudio.annotation.taking import Parts
from segstudio.core.geometry import Rect
from segstudio.core.prediction import Prediction
from segstudio.core.schema import LabelSchema

SCHEMA = LabelSchema.from_names(("background", "nucleus"))


def said_of(labels: np.ndarray, confidence: np.ndarray) -> Prediction:
    return Prediction("m", "M", SCHEMA, labels, confidence)


@pytest.mark.parametrize("pixels", [1, 1 << 20])
def test_regions_have_areas_mean_confidence_and_are_in_a_box_by_more_than_half(monkeypatch, pixels):
    monkeypatch.setattr(taking, "_COUNTED_PX", pixels)
    labels, confidence = np.zeros((9, 12), np.uint8), np.full((9, 12), 51, np.uint8)
    labels[1:5, 1:4] = labels[6:8, 6:11] = 1  # 12 and 10 pixels
    confidence[1:3, 1:4] = 153
    parts = Parts.of(said_of(labels, confidence), SCHEMA)
    assert parts.areas.tolist() == [0, 12, 10]
    assert parts.scores[1:] == pytest.approx([0.4, 0.2])  # (6 * 0.6 + 6 * 0.2) / 12
    assert parts.within(Rect(0, 0, 3, 12)) == frozenset()  # half of it is not more than half
    assert parts.within(Rect(0, 0, 4, 12)) == {1}
    assert parts.within(Rect(0, 0, 9, 12)) == {1, 2}


def test_a_large_prediction_takes_no_more_than_sixteen_bytes_a_pixel(monkeypatch):
    monkeypatch.setattr(taking, "_COUNTED_PX", 1 << 16)  # the image is not that large
    labels = np.zeros((1500, 1500), np.uint8)
    labels[10:-10:30] = 1
    said = said_of(labels, np.full(labels.shape, 200, np.uint8))
    Parts.of(said, SCHEMA)  # what is imported is no part of it
    tracemalloc.start()
    try:
        parts = Parts.of(said, SCHEMA)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        parts.within(Rect(0, 0, 1500, 1500))
        looked = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert found < 16 * labels.size
    assert looked < 6 * labels.size
