"""Objects over a ground, by hand: a road of class 1, a sky of class 2, two cars of class 3."""

import numpy as np

from segstudio.core.class_mapping import adapt
from segstudio.core.ground import Panoptic
from segstudio.core.instances import Instances
from segstudio.core.prediction import Prediction, with_thresholds
from segstudio.core.schema import LabelSchema
from segstudio.storage.predictions import PredictionStore

SCHEMA = LabelSchema.from_names(["background", "road", "sky", "car"])
OBJECTS = np.array([[0, 1, 1, 0], [2, 2, 0, 0]], np.uint16)
GROUND = np.array([[2, 2, 0, 0], [1, 1, 1, 0]], np.uint8)
CONFIDENCE = np.array([[200, 200, 90, 80], [150, 150, 150, 70]], np.uint8)
INSTANCES = Instances(
    np.array([[1, 0, 3, 1], [0, 1, 2, 2], [3, 0, 4, 2]], np.float32),
    np.array([0.9, 0.6, 0.4], np.float32),
    np.array([3, 3, 3], np.uint8),
    np.ones((3, 4, 4), np.float16),
)


def prediction():
    panoptic = Panoptic(OBJECTS, GROUND, CONFIDENCE)
    empty = np.zeros((2, 4), np.uint8)
    raw = Prediction("m", "M", SCHEMA, empty, empty, INSTANCES, panoptic=panoptic)
    return with_thresholds(raw, 0.5, 0.5)


def test_objects_lie_over_the_ground():
    found = prediction()
    assert found.labels.tolist() == [[2, 3, 3, 0], [3, 3, 1, 0]]
    assert found.instance_ids.tolist() == [[0, 1, 1, 0], [2, 2, 0, 0]]
    # 0.9 and 0.6 of 255, rounded: 230 and 153
    assert found.confidence.tolist() == [[200, 230, 230, 80], [153, 153, 150, 70]]


def test_a_higher_score_uncovers_the_ground_and_the_usual_one_covers_it_again():
    found = with_thresholds(prediction(), 0.7, 0.5)
    assert found.labels.tolist() == [[2, 3, 3, 0], [1, 1, 1, 0]]
    assert found.instance_ids.tolist() == [[0, 1, 1, 0], [0, 0, 0, 0]]
    again = with_thresholds(found, 0.5, 0.5)
    assert again.labels.tolist() == prediction().labels.tolist()


def test_a_lower_score_shows_objects_that_owned_nothing():
    found = with_thresholds(prediction(), 0.3, 0.5)
    assert prediction().instance_ids[1, 3] == 0
    assert found.instance_ids[1, 3] == 3
    assert found.labels[1, 3] == 3


def test_the_ground_follows_into_other_classes_and_onto_the_disk(tmp_path):
    folder = LabelSchema.from_names(["background", "car", "road", "sky"])
    found = with_thresholds(adapt(prediction(), folder), 0.7, 0.5)
    assert found.labels.tolist() == [[3, 1, 1, 0], [2, 2, 2, 0]]

    image = tmp_path / "a.png"
    image.write_bytes(b"any")
    store = PredictionStore(tmp_path / "store")
    store.save(image, prediction())
    loaded = store.load(image, "m")
    assert loaded is not None
    assert with_thresholds(loaded, 0.7, 0.5).labels.tolist() == [[2, 3, 3, 0], [1, 1, 1, 0]]
    store.close()
