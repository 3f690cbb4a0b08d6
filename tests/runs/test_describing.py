"""What a user says of weights: numbers, classes, outputs, and what is told of the preview."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from segmenters import UNET, image, saved
from tiny_networks import TinyEngine

from segstudio.core.errors import SegstudioError
from segstudio.core.prediction import ModelSpec, Output, RunOptions, WeightsFile
from segstudio.core.schema import ClassSpec, LabelSchema
from segstudio.models.families.unet import UNet
from segstudio.models.registry import RECOGNISED
from segstudio.runs.describing import (
    OWN,
    VALUE_PRESETS,
    class_lists,
    network_text,
    output_channels,
    parse_channels,
    parse_numbers,
    possible_outputs,
    preset_of,
    reduced,
    repeated_names,
    shares_text,
    with_names,
    with_output,
)
from segstudio.runs.kept_weights import KeptWeights, kept_as


def spec_of(schema: LabelSchema, **fields) -> ModelSpec:
    return ModelSpec("a", "A", "unet", "semantic", schema, "", **fields)


@pytest.mark.parametrize(
    ("preprocess", "key"),
    [
        ({}, "unit"),
        ({"scaling": "unit", "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
         "imagenet"),
        ({"mean": [0.5], "std": [0.5]}, "signed"),
        ({"mean": [0.5], "std": [0.5], "channels": "grey"}, "signed"),
        ({"scaling": "none"}, "bytes"),
        ({"scaling": "percentile", "divisor": 16}, "percentile"),
        ({"scaling": "standard"}, "standard"),
        ({"mean": [0.4]}, OWN),
        ({"scaling": "none", "mean": [103.9, 116.8, 123.7]}, OWN),
    ],
)  # fmt: skip
def test_the_usual_ways_are_known_by_their_numbers(preprocess, key):
    assert preset_of(preprocess) == key


def test_grey_gets_the_middle_of_the_numbers_of_three_channels():
    imagenet = next(p for p in VALUE_PRESETS if p.key == "imagenet")
    assert imagenet.numbers(1) == ([0.449], [0.226])
    assert imagenet.numbers(3)[0] == [0.485, 0.456, 0.406]


@pytest.mark.parametrize(
    ("text", "channels", "numbers"),
    [
        ("0.5", 3, [0.5, 0.5, 0.5]),
        ("0.485, 0.456, 0.406", 3, [0.485, 0.456, 0.406]),
        ("103.9 116.8 123.7", 3, [103.9, 116.8, 123.7]),
        ("-1;2;3", 3, [-1, 2, 3]),
        ("7", 1, [7]),
        ("0,485 0,456 0,406", 3, [0.485, 0.456, 0.406]),
        ("0,485; 0,456; 0,406", 3, [0.485, 0.456, 0.406]),
        ("0,5", 3, [0.5, 0.5, 0.5]),
        ("0,5", 1, [0.5]),
        ("0,0,1", 3, [0, 0, 1]),
        ("0, 0", 2, [0, 0]),
    ],
)
def test_numbers_are_read_as_people_type_them(text, channels, numbers):
    assert parse_numbers(text, channels, "Mean") == numbers


@pytest.mark.parametrize(
    ("text", "channels", "name", "message"),
    [
        ("", 3, "Mean", "Mean is empty. Give one number or 3"),
        ("0.1 0.2", 3, "Mean", "Mean is 0.1 0.2. Give one number or 3: 0.485 0.456 0.406."),
        ("1 2", 3, "Deviation", "Give one number or 3: 0.229 0.224 0.225."),
        ("1 2", 5, "Mean", "Give one number or 5: 0.485 0.456 0.406 0.5 0.5."),
        ("0.1 0.2 0.3", 1, "Mean", "Give one number: 0.5."),
        ("half", 3, "Mean", "Mean is half"),
        ("nan", 3, "Mean", "Mean is nan"),
        ("1 0 1", 3, "Deviation", "Deviation is 0; it must be above 0. Give one number or 3"),
        ("0.2 -0.2 0.2", 3, "Deviation", "Deviation is -0.2; it must be above 0."),
        ("0,5", 2, "Mean", "may be one number or two. Give 0.5 for one, 0 5 for two."),
    ],
)
def test_what_is_no_number_is_said(text, channels, name, message):
    with pytest.raises(SegstudioError) as error:
        parse_numbers(text, channels, name)
    assert message in f"{error.value.message} {error.value.hint}"


def test_classes_with_the_same_name_are_told():
    alike = LabelSchema.from_names(("background", "cell", "Cell", "wall"))
    assert repeated_names(alike) == "Classes 1 and 2 are both called cell."
    more = LabelSchema.from_names(("a", "a", "a", "b", "b"))
    assert repeated_names(more) == (
        "Classes 0, 1 and 2 are all called a; so are those of 1 more name."
    )
    assert repeated_names(LabelSchema.from_names("abc")) == ""


def test_one_channel_is_one_class_against_background():
    one = spec_of(LabelSchema.from_names(("background", "cell")), options={"num_classes": 1})
    assert (output_channels(one), possible_outputs(one)) == (1, ("logit",))
    three = spec_of(LabelSchema.from_names("abc"), options={"num_classes": 3})
    assert (output_channels(three), possible_outputs(three)) == (3, ("softmax", "sigmoid"))
    for others in (
        replace(three, task="instance"),
        replace(three, task="panoptic"),
        replace(three, family="mask2former"),
    ):
        assert possible_outputs(others) == ()


def test_single_classes_leave_room_for_a_background_and_keep_their_names():
    three = spec_of(LabelSchema.from_names(("cell", "wall", "void")), options={"num_classes": 3})
    single = with_output(three, Output("sigmoid", 0.4))
    assert [c.name for c in single.schema.classes] == ["background", "cell", "wall", "void"]
    assert single.schema.ids == (0, 1, 2, 3)
    back = with_output(single, Output())
    assert [c.name for c in back.schema.classes] == ["cell", "wall", "void"]
    assert back.schema.ids == (0, 1, 2)


def test_classes_without_names_are_numbered_anew():
    two = spec_of(LabelSchema.from_ids(range(2), None), options={"num_classes": 2})
    single = with_output(two, Output("sigmoid"))
    assert [c.name for c in single.schema.classes] == ["background", "class 1", "class 2"]


def test_only_lists_of_so_many_classes_are_offered():
    folder = LabelSchema.from_names(("a", "b"))
    assert list(class_lists(2, folder)) == ["Those of the folder"]
    assert list(class_lists(21, folder)) == ["Pascal VOC"]
    cities = class_lists(19, None)["Cityscapes"]
    assert (cities.name_of(0), cities.name_of(18)) == ("road", "bicycle")
    gap = LabelSchema((ClassSpec(0, "a", (0, 0, 0)), ClassSpec(5, "b", (1, 1, 1))))
    assert class_lists(2, gap) == {}


def test_names_are_taken_as_far_as_there_are_classes():
    schema = LabelSchema.from_names(("a", "b", "c"))
    assert [c.name for c in with_names(schema, ["x", "", " y "]).classes] == ["x", "y", "c"]
    assert [c.name for c in with_names(schema, list("pqrst")).classes] == ["p", "q", "r"]


def test_shares_name_the_largest_classes():
    schema = LabelSchema.from_names(("ground", "cell", "b", "c", "d", "e"))
    labels = np.zeros((10, 10), np.uint8)
    labels[:2] = 1
    assert shares_text(labels, schema) == "ground 80 %, cell 20 %"
    labels[5, :4] = (2, 3, 4, 5)
    assert shares_text(labels, schema).endswith("and 2 more classes")


def test_a_large_image_is_reduced_to_a_longer_side_of_640():
    small, part = reduced(np.zeros((1280, 960, 3), np.uint8))
    assert (small.shape, part) == ((640, 480, 3), 0.5)
    same = np.zeros((640, 20, 3), np.uint8)
    assert reduced(same)[0] is same


@pytest.fixture
def unet(tmp_path):
    import torch

    torch.manual_seed(0)
    return saved(tmp_path, UNet(**UNET))


def test_what_was_found_is_told_in_one_line(unet):
    assert network_text(kept_as(unet, lambda: None, 60)) == (
        "Loaded 60 of 60 tensors: U-Net of 2 levels, 3 channels, 2 classes."
    )
    options = {"arch": "FPN", "encoder": "resnet18"}
    of_library = replace(unet, family="smp", options=options)
    assert network_text(kept_as(of_library, lambda: None, 60)) == (
        "Loaded 60 of 60 tensors: FPN of segmentation_models on resnet18, 3 channels, 2 classes."
    )


def test_the_preview_tells_what_the_network_was_given(unet):
    engine = TinyEngine({})
    spec = replace(unet, preprocess={"scaling": "none", "divisor": 4})
    pixels = image(20, 30)
    pixels[0, 0] = 0
    pixels[0, 1] = 255
    seen = engine.preview(spec, pixels, RunOptions(device="cpu"), lambda: None)
    assert seen.input_hw == (20, 32)
    assert seen.input_range == (0, 255)
    assert seen.prediction.shape_hw == (20, 30)


@pytest.mark.parametrize(
    ("preprocess", "message"),
    [
        ({"size": [1, 1]}, "The network does not take this input (3 channels of 1 x 1"),
        ({"scaling": "guess"}, "Such input makes no sense"),
    ],
)
def test_what_does_not_fit_is_said_in_plain_words(unet, preprocess, message):
    engine = TinyEngine({})
    with pytest.raises(SegstudioError) as error:
        engine.preview(
            replace(unet, preprocess=preprocess), image(20, 30), RunOptions(device="cpu"), int
        )
    assert error.value.message.startswith(message)
    for word in ("RuntimeError", "size of tensor", "groups=1"):
        assert word not in f"{error.value.message} {error.value.hint}"


@pytest.mark.parametrize("text", ["3 1 2 5", "3,1,2,5", " 3; 1;2 ; 5 "])
def test_channels_are_typed_as_numbers(text):
    assert parse_channels(text, 4) == [3, 1, 2, 5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 3", "Channels is 1 2 3. Give 4 numbers: 1 2 3 4."),
        ("0 1 2 3", "Channels is 0 1 2 3. Give numbers from 1 on: 1 2 3 4."),
        ("red 1 2 3", "Channels is red 1 2 3. Give numbers from 1 on: 1 2 3 4."),
        ("", "Channels is empty. Give 4 numbers: 1 2 3 4."),
    ],
)
def test_channels_that_are_none_are_told(text, message):
    with pytest.raises(SegstudioError) as told:
        parse_channels(text, 4)
    assert str(told.value) == message


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_stored_values_are_reduced_with_all_their_channels(dtype):
    values = np.tile(np.arange(5, dtype=dtype) * 1000, (700, 1400, 1))
    small, part = reduced(values)
    assert small.shape == (320, 640, 5)
    assert small.dtype == dtype
    assert part == pytest.approx(640 / 1400)
    assert small[100, 100].tolist() == [0, 1000, 2000, 3000, 4000]


def test_a_network_of_one_size_says_so():
    spec = spec_of(LabelSchema.from_ids(range(3), None), options={"input_hw": [256, 320]},
                   weights=WeightsFile("/a/m.onnx"), preprocess={"channels": [1, 2]})  # fmt: skip
    spec = replace(spec, family="onnx")
    assert network_text(KeptWeights(spec)) == (
        "ONNX, 2 channels, 3 classes. Its input is always 320 x 256 pixels: images are resized "
        "to it, and the answer back."
    )


def test_what_was_told_by_structure_is_called_as_it_was_told():
    spec = spec_of(
        LabelSchema.from_names("ab"),
        options={"tensors": {}},
        description=f"{RECOGNISED} its tensors: Attention U-Net of 4 levels, 2 classes.",
    )
    spec = replace(spec, family="plain-unet", weights=WeightsFile("a.pth"))
    assert network_text(KeptWeights(spec, tensors=8)) == (
        "Loaded 8 of 8 tensors: Attention U-Net of 4 levels, 3 channels, 2 classes."
    )
