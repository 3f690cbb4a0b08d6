from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from segstudio.core.class_mapping import (
    ClassMapping,
    adapt,
    asked_of,
    class_difference,
    ids_by_name,
    is_scored,
    mapping_digest,
    same_classes,
)
from segstudio.core.class_rules import ClassRule
from segstudio.core.instances import Instances
from segstudio.core.prediction import Prediction
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.metrics.tally import count, metrics_of


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
    assert prediction.notes[0].endswith("dog; they count as none of its classes.")


def test_a_class_with_a_name_is_never_matched_by_number():
    # Masks of another program: ids without names. What 1 is in them, nobody knows.
    model = schema("background", *(f"breed {i}" for i in range(20)))
    prediction = adapt(predicted([[0, 1, 20]], model), LabelSchema.from_ids([0, 1, 7]))
    assert prediction.labels.tolist() == [[0, 0, 0]]
    assert prediction.notes[0].endswith("and 15 more; they count as background.")
    # Masks of 0 and 1 say that there is something, not which of many things.
    some = adapt(predicted([[0, 1, 20]], model), LabelSchema.from_ids([0, 1]))
    assert some.labels.tolist() == [[0, 0, 0]]
    # But one object is another's counterpart, and numbers without names are all that is known.
    cat = adapt(predicted([[1]], schema("background", "cat")), LabelSchema.from_ids([0, 1]))
    assert cat.labels.tolist() == [[1]]
    unnamed = LabelSchema.from_ids([0, 1, 2])
    assert adapt(predicted([[1, 2]], unnamed), schema("background", "cat")).labels.tolist() == [
        [1, 0]
    ]
    # One object on both sides, but of different names: a nucleus is no pedestrian.
    person = schema("background", "pedestrian")
    nuclei = adapt(predicted([[0, 1]], schema("background", "nucleus")), person)
    assert nuclei.labels.tolist() == [[0, 0]]
    some = adapt(predicted([[0, 1]], schema("background", "nucleus")), schema("background", "mask"))
    assert some.labels.tolist() == [[0, 1]]
    assert some.notes == ("Nobody has said that nucleus is “mask” here, so it is not scored.",)
    # A class that the user adds beside it does not change what the other one is.
    more = schema("background", "object", "debris")
    assert adapt(predicted([[0, 1]], schema("background", "nucleus")), more).labels.tolist() == [
        [0, 1]
    ]


def test_real_names_of_other_things_have_no_counterpart():
    # 21 classes of PASCAL VOC's kind against the two of a nuclei folder: an aeroplane is no nucleus
    model = schema("background", *(f"thing {chr(97 + i)}" for i in range(20)))
    prediction = adapt(predicted([[0, 1, 20]], model), schema("background", "nucleus"))
    assert prediction.labels.tolist() == [[0, 0, 0]]
    # A nucleus in a street: neither ground nor nucleus are sky or building (12 is past void).
    street = schema("sky", "building", *(f"part {i}" for i in range(2, 11)), "void", ignore=11)
    nuclei = adapt(predicted([[0, 1]], schema("background", "nucleus")), street)
    assert nuclei.labels.tolist() == [[12, 12]]


@pytest.mark.parametrize(
    ("model", "words", "scored"),
    [
        ("nucleus", (), False),
        ("nucleus", ("fudan", "ped"), False),
        ("nucleus", ("nuclei",), True),
        ("nucleus", ("my", "dapi"), True),
        ("nucleus", ("cells",), False),  # whole cells are larger than their nuclei
        ("crack", ("cracks",), True),
        ("class 1", (), True),  # weights of the user's own, made for classes of the user's own
    ],
)
def test_what_a_class_without_a_name_is_the_folders_name_may_say(model, words, scored):
    named = schema("background", model)
    folder = replace(LabelSchema.from_ids([0, 1]), words=frozenset(words))
    mapping = ClassMapping.between(named, folder)
    assert mapping.is_scored is is_scored(named, folder) is scored
    # It is shown as the folder's only object all the same.
    assert mapping.table[:2].tolist() == [0, 1]
    assert ("not scored" in mapping.note) is not scored
    said = folder.with_rule(ClassRule.of(named.names, {0: 0, 1: 1}))
    assert is_scored(named, said)
    assert (mapping.digest == mapping_digest(named, said)) is scored
    assert not is_scored(named, folder.with_rule(ClassRule.of(named.names, {0: 0})))


@pytest.mark.parametrize("words", [("pedestrians",), ("fudan", "ped"), ("cars", "raw")])
def test_what_the_files_are_called_after_is_not_offered_another_name(words):
    nuclei = schema("background", "nucleus")
    folder = replace(LabelSchema.from_names(("background", "object")), words=frozenset(words))
    assert asked_of(nuclei, folder) is None
    mapping = ClassMapping.between(nuclei, folder)
    assert mapping.is_scored is False
    assert mapping.table[:2].tolist() == [0, 1]  # it is shown all the same
    assert (
        mapping.note == "None of the model's classes is one of the folder's, so it is not scored."
    )
    # who says so nevertheless is believed
    said = folder.with_rule(ClassRule.of(nuclei.names, {0: 0, 1: 1}))
    assert is_scored(nuclei, said)


def test_the_one_class_that_the_files_are_called_after_is_the_folders_object():
    model = schema("background", "cat", "person", "train", "car")
    unnamed = LabelSchema.from_names(("background", "object"))

    def table(*words: str) -> tuple[list[int], bool]:
        folder = replace(unnamed, words=frozenset(words))
        return ClassMapping.between(model, folder).table[:5].tolist(), is_scored(model, folder)

    assert table("pedestrians") == ([0, 0, 1, 0, 0], True)
    assert table("train", "images") == ([0, 0, 0, 0, 0], False)  # a part of a data set, no train
    assert table("human", "cells") == ([0, 0, 0, 0, 0], False)
    assert table("people", "cars") == ([0, 0, 0, 0, 0], False)  # which of them is not said
    # what cells are of may be asked
    human = replace(unnamed, words=frozenset({"human", "cells"}))
    assert asked_of(schema("background", "nucleus"), human) == ("nucleus", "object")


@pytest.mark.parametrize(
    ("of_model", "of_folder"),
    [
        ("aeroplane", "Airplane"),
        ("potted plant", "pottedplant"),
        ("motorbike", "Motorcycles"),
        ("person", "Pedestrian"),
        ("traffic_light", "Traffic-Lights"),
        ("tvmonitor", "tv"),
        ("nuclei", "nucleus"),
    ],
)
def test_names_of_the_same_thing_are_found(of_model, of_folder):
    model, folder = schema("background", of_model), schema("unlabelled", "else", of_folder)
    assert adapt(predicted([[0, 1]], model), folder).labels.tolist() == [[0, 2]]


def test_the_users_rule_goes_before_names():
    model = schema("background", "cat", "dog", "car")
    folder = schema("background", "animal", "car")
    rule = ClassRule.of(model.names, {0: 0, 1: 1, 2: 1}, "background")
    ruled = folder.with_rule(rule)
    prediction = adapt(predicted([[0, 1, 2, 3]], model), ruled)
    assert prediction.labels.tolist() == [[0, 1, 1, 0]]
    assert prediction.notes == (
        "The folder has no class for the model's car; they count as background.",
    )
    # Other models are read by their names still.
    other = schema("background", "car")
    assert adapt(predicted([[1]], other), ruled).labels.tolist() == [[2]]
    # A class that was removed from the folder is no counterpart any more.
    without = ruled.without_class(1)
    assert adapt(predicted([[0, 1, 2, 3]], model), without).labels.tolist() == [[0, 0, 0, 0]]


def test_ignored_classes_count_nowhere():
    model = schema("background", "cat", "dog")
    folder = schema("background", "cat").with_rule(
        ClassRule.of(model.names, {0: 0, 1: 1}, "ignored")
    )
    mapping = ClassMapping.between(model, folder)
    adapted = mapping.apply(predicted([[0, 1, 2], [2, 2, 1]], model))
    left_out = mapping.left_out_of(adapted)
    assert left_out.tolist() == [[False, False, True], [True, True, False]]
    # Reference: 2 of the 3 pixels of the cat are right, the dog's three pixels count nowhere.
    reference = np.array([[0, 1, 1], [0, 0, 0]], np.uint8)
    scores = metrics_of(count(reference, adapted.labels, folder), folder)
    assert scores.ignored == 3
    assert scores.total == 3
    assert scores.iou.tolist() == [0.5, 0.5]  # 1 of 2 pixels each
    assert scores.pixel_accuracy == pytest.approx(2 / 3)
    assert "they count nowhere" in adapted.notes[0]


def test_digests_tell_readings_apart():
    model, folder = schema("background", "cat", "dog"), schema("background", "cat")

    def digest(targets, unmapped="background"):
        return mapping_digest(model, folder.with_rule(ClassRule.of(model.names, targets, unmapped)))

    usual = mapping_digest(model, folder)
    assert len(usual) == 16
    assert digest({0: 0, 1: 1}) == usual
    assert len({usual, digest({0: 0, 1: 1, 2: 1}), digest({0: 0, 1: 1}, "ignored")}) == 3
    recolored = folder.with_class(ClassSpec(1, "CAT", (9, 9, 9)))
    assert mapping_digest(model, recolored) == usual


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
    assert not same_classes(a, a.with_rule(ClassRule.of(a.names, {})))
    assert ClassMapping.between(a, recolored).is_identity


def test_classes_of_one_name_are_found_whatever_their_order():
    first, other = schema("background", "cell", "dirt"), schema("Dirt ", "background", "cell")
    assert ids_by_name(first, other) == {0: 1, 1: 2, 2: 0}
    assert ids_by_name(first, first) == {0: 0, 1: 1, 2: 2}
    third = schema("background", "cell", "vessel")
    assert ids_by_name(first, third) is None
    told = class_difference(first, third, ("A", "B"))
    assert told == "A alone knows dirt; B alone knows vessel"
