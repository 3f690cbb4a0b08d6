from __future__ import annotations

import numpy as np

from segstudio.app.class_mapping import ClassMapping, adapt, same_classes
from segstudio.core.instances import Instances
from segstudio.core.prediction import Prediction
from segstudio.core.schema import ClassSpec, LabelSchema


def schema(*names: str, ignore: int | None = 255) -> LabelSchema:
    return LabelSchema.from_names(names, ignore)


def predicted(labels, classes: LabelSchema, instances=None) -> Prediction:
    labels = np.array(labels, np.uint8)
    return Prediction("m", "M", classes, labels, np.zeros_like(labels), instances)


def test_equal_classes_stay_as_they_are():
    prediction = predicted([[0, 1]], schema("background", "nucleus"))
    assert adapt(prediction, schema("background", "Nucleus")) is prediction


def test_names_go_before_numbers():
    model = schema("background", "cat", "person")
    folder = schema("background", "person", "cat")
    prediction = adapt(predicted([[0, 1, 2]], model), folder)
    assert prediction.labels.tolist() == [[0, 2, 1]]
    assert prediction.notes == ()


def test_classes_the_folder_has_not_become_its_background_with_a_note():
    model = schema("background", "aeroplane", "person", "sofa")
    prediction = adapt(predicted([[0, 1, 2, 3]], model), schema("background", "person"))
    assert prediction.labels.tolist() == [[0, 0, 1, 0]]
    (note,) = prediction.notes
    assert note.startswith("The folder has no class for the model's aeroplane, sofa;")


def test_where_class_0_is_no_background_they_become_no_class_at_all():
    # CamVid: 0 is the sky, 11 is void and ignored.
    folder = schema("sky", "building", "car", ignore=3)
    model = schema("background", "car", "dog")
    prediction = adapt(predicted([[0, 1, 2]], model), folder)
    # 3 is the ignore index, so 4 is the first number that means nothing.
    assert prediction.labels.tolist() == [[4, 2, 4]]


def test_without_common_names_numbers_stay_and_it_is_said():
    model = schema("background", *(f"thing {i}" for i in range(20)))
    prediction = adapt(predicted([[0, 1, 20]], model), schema("background", "nucleus"))
    assert prediction.labels.tolist() == [[0, 1, 20]]
    assert "compared by number" in prediction.notes[0]
    # Fewer classes than the folder, all of its numbers: nothing to say.
    small = adapt(predicted([[0, 1]], schema("background", "nucleus")), schema("background", "a"))
    assert small.notes == ()


def test_instances_are_mapped_too():
    instances = Instances(
        np.array([[0, 0, 4, 4]], np.float32),
        np.array([0.9], np.float32),
        np.array([2], np.uint8),
        np.ones((1, 28, 28), np.float16),
    )
    model = schema("background", "cat", "person")
    prediction = adapt(predicted([[2]], model, instances), schema("background", "person"))
    assert prediction.instances.classes.tolist() == [1]
    assert instances.classes.tolist() == [2]


def test_what_makes_classes_the_same():
    a = schema("background", "x")
    recolored = a.with_class(ClassSpec(1, "X", (1, 2, 3)))
    assert same_classes(a, recolored)
    assert not same_classes(a, schema("background", "y"))
    assert not same_classes(a, schema("background", "x", ignore=None))
    assert ClassMapping.between(a, recolored).is_identity
